/** Assembles a LLaVA-architecture checkpoint: a language model and a vision tower, joined by a new projector. */
import { copyFile, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { writeDurably } from '../../artifacts/file-store.ts';
import { readTensor, type TensorLocation } from '../../graph/safetensors.ts';
import { RandomStream } from '../../random/counter.ts';
import { IMAGE_MARK } from '../chat-template.ts';
import { CheckpointError } from '../checkpoint/errors.ts';
import { checkFound, withTying } from '../checkpoint/open-checkpoint.ts';
import { writeCheckpoint, type WrittenParameter } from '../checkpoint/write-checkpoint.ts';
import type { WrittenDType } from '../checkpoint/config-json.ts';
import type { LlavaConfig } from '../families/llava/llava-config.ts';
import { parameterShapes, unreadShapes } from '../families/llava/parameter-shapes.ts';
import { withImageToken } from './image-token.ts';
import { openLanguageModel } from './language-model.ts';
import { openVisionTower } from './vision-tower.ts';

/**
 * A grown vocabulary is rounded up to a multiple of this, as LLaVA's is, because GPUs multiply such matrices faster.
 */
const VOCABULARY_MULTIPLE = 64;

export type AssembleInput = { language: string; vision: string; out: string; seed: number };

/**
 * Writes the checkpoint folder `out`, whole or not at all; the same input always gives the same bytes. Throws
 * `CheckpointError` when a part is unsuitable or `out` is not empty.
 */
export async function assemble({ language, vision, out, seed }: AssembleInput): Promise<LlavaConfig> {
  if (existsSync(out) && (await readdir(out)).length > 0)
    throw new CheckpointError(`${out} is not empty; name a new folder for the checkpoint`);
  const [model, tower, tokenizer] = [openLanguageModel(language), openVisionTower(vision), withImageToken(language)];
  const { imageTokenId } = tokenizer;
  const { vision: eyes, featureLayers, featureSelect } = tower.config;
  const [described, decoder] = withTying<LlavaConfig>(
    {
      family: 'llava',
      vision: eyes,
      featureLayers,
      featureSelect,
      text: model.text,
      projectorActivation: 'gelu',
      projectorBias: true,
      imageTokenId,
    },
    model.parameters,
  );
  const vocabSize =
    imageTokenId < model.text.vocabSize
      ? model.text.vocabSize
      : Math.ceil((imageTokenId + 1) / VOCABULARY_MULTIPLE) * VOCABULARY_MULTIPLE;
  const config = { ...described, text: { ...described.text, vocabSize } };
  const parameters = joined(config, {
    decoder: checked(model.folder, described, decoder, /^(language_model\.|lm_head\.)/),
    eyes: checked(tower.folder, described, tower.parameters, /^vision_tower\./),
    seed,
  });
  const partial = `${out}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  const files: Record<string, object | string> = {
    ...tokenizer.files,
    'preprocessor_config.json': tower.preprocessor,
    'processor_config.json': {
      processor_class: 'LlavaProcessor',
      image_token: IMAGE_MARK,
      num_additional_image_tokens: eyes.modelType === 'clip' ? 1 : 0,
      patch_size: eyes.patchSize,
      vision_feature_select_strategy: featureSelect,
    },
  };
  for (const [name, content] of Object.entries(files))
    await writeDurably(
      path.join(partial, name),
      typeof content === 'string' ? content : `${JSON.stringify(content, null, 1)}\n`,
    );
  for (const name of ['generation_config.json', 'special_tokens_map.json'])
    if (existsSync(path.join(language, name))) await copyFile(path.join(language, name), path.join(partial, name));
  await writeCheckpoint(partial, config, parameters);
  await rm(out, { recursive: true, force: true });
  await mkdir(path.dirname(path.resolve(out)), { recursive: true });
  await rename(partial, out);
  return config;
}

/** The parameters of one part, checked to be complete and of the shapes in its config.json. */
function checked(
  folder: string,
  config: LlavaConfig,
  found: ReadonlyMap<string, TensorLocation>,
  part: RegExp,
): ReadonlyMap<string, TensorLocation> {
  const expected = new Map([...parameterShapes(config)].filter(([name]) => part.test(name)));
  checkFound(folder, found, expected, unreadShapes(config));
  return found;
}

/** Both parts and the projector; new rows of a grown vocabulary are the mean of the old ones. */
function joined(
  config: LlavaConfig,
  { decoder, eyes, seed }: Record<'decoder' | 'eyes', ReadonlyMap<string, TensorLocation>> & { seed: number },
): Map<string, WrittenParameter> {
  const dtype = decoder.get('language_model.embed_tokens.weight')!.dtype as WrittenDType;
  const parameters = new Map<string, WrittenParameter>([...eyes, ...decoder]);
  for (const [index, [name, shape]] of [...parameterShapes(config)].entries()) {
    const location = decoder.get(name);
    if (name.startsWith('multi_modal_projector.'))
      parameters.set(name, { dtype, shape, data: () => newLinear(shape, seed, index) });
    else if (location !== undefined && location.shape.join() !== shape.join())
      parameters.set(name, { dtype, shape, data: () => withMeanRows(readTensor(location), location.shape, shape) });
  }
  return parameters;
}

/** torch's default of a linear layer's weight, uniform within 1 / sqrt(inputs); biases zero. */
function newLinear(shape: readonly number[], seed: number, index: number): Float32Array {
  const data = new Float32Array(shape.reduce((product, length) => product * length, 1));
  if (shape.length < 2) return data;
  const random = new RandomStream({ seed, purpose: 'projector', episode: index });
  const bound = 1 / Math.sqrt(shape[1]);
  return data.map(() => (2 * random.uniform() - 1) * bound);
}

/** The row of a token that was never trained: no likelier than the average token. */
function withMeanRows(table: Float32Array, [rows, width]: readonly number[], [grown]: readonly number[]): Float32Array {
  const sum = new Float64Array(width);
  for (let row = 0; row < rows; row++) for (let i = 0; i < width; i++) sum[i] += table[row * width + i];
  const mean = Float32Array.from(sum, (total) => total / rows);
  const data = new Float32Array(grown * width);
  data.set(table);
  for (let row = rows; row < grown; row++) data.set(mean, row * width);
  return data;
}
