/** Makes a new model with seeded parameters: a checkpoint folder in Hugging Face format. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { elements } from '../graph/tensor.ts';
import { writeDurably } from '../artifacts/file-store.ts';
import type { SftConfig } from '../../configs/schema.ts';
import { encodeSafetensors } from '../graph/safetensors.ts';
import { RandomStream } from '../random/counter.ts';
import { CheckpointError } from './checkpoint/errors.ts';
import { familyOfConfig, parseVlmConfig } from './checkpoint/read-config.ts';
import type { ModelFamily } from './families/model-family.ts';
import { familyOf } from './families/registry.ts';
import { END_TOKENS, pieceTokenizer } from './piece-tokenizer.ts';
import type { VlmConfig } from './vlm-config.ts';

/** Standard deviation of new embeddings. */
const EMBEDDING_DEVIATION = 0.1;

/**
 * Writes a new model under `parent` and returns its folder; the same description always gives the same folder and
 * bytes.
 */
export async function writeNewCheckpoint(
  parent: string,
  model: Pick<SftConfig['model'], 'architecture' | 'pieces' | 'imageSize'>,
  seed: number,
): Promise<string> {
  const { architecture, pieces, imageSize } = model;
  const hash = createHash('sha256')
    .update(JSON.stringify([architecture, pieces, imageSize, seed]))
    .digest('hex')
    .slice(0, 16);
  const folder = path.join(parent, `new-${hash}`);
  if (existsSync(path.join(folder, 'model.safetensors'))) return folder;
  const { content, config, family, image } = newModel(model);
  const parameters = initialTensors(config, seed);
  const json = (value: unknown) => `${JSON.stringify(value, null, 1)}\n`;
  await writeDurably(path.join(folder, 'config.json'), json(content));
  await writeDurably(path.join(folder, 'tokenizer.json'), json(pieceTokenizer(pieces, image)));
  await writeDurably(
    path.join(folder, 'tokenizer_config.json'),
    json({
      tokenizer_class: 'PreTrainedTokenizerFast',
      pad_token: END_TOKENS[0],
      bos_token: END_TOKENS[1],
      eos_token: END_TOKENS[2],
      clean_up_tokenization_spaces: false,
    }),
  );
  await writeDurably(path.join(folder, 'preprocessor_config.json'), json(family.newPreprocessor(config, imageSize)));
  // The weights are written last: a folder with weights is complete.
  await writeDurably(path.join(folder, 'model.safetensors'), encodeSafetensors(parameters));
  return folder;
}

/** The description of a new model, before anything is made. */
export function newModelConfig(model: Pick<SftConfig['model'], 'architecture' | 'pieces'>): VlmConfig {
  return newModel(model).config;
}

function newModel({ architecture, pieces }: Pick<SftConfig['model'], 'architecture' | 'pieces'>) {
  if (architecture === null)
    throw new CheckpointError('model.architecture is missing; give the config.json of the new model');
  const family = familyOfConfig(architecture, 'model.architecture');
  const image = family.newTokens.map(({ text }) => text);
  const content = completeConfig(architecture, family, END_TOKENS.length + image.length + pieces.length);
  return { content, config: parseVlmConfig(content, 'model.architecture'), family, image };
}

/** The architecture with what follows from the tokenizer: the vocabulary's size and special ids. */
function completeConfig(
  architecture: Readonly<Record<string, unknown>>,
  { newTokens }: ModelFamily,
  vocabulary: number,
): Record<string, unknown> {
  const text = architecture.text_config as Record<string, unknown>;
  const ids = { pad_token_id: 0, bos_token_id: 1, eos_token_id: 2 };
  return {
    ...architecture,
    ...Object.fromEntries(
      newTokens.flatMap(({ field }, index) => (field === null ? [] : [[field, END_TOKENS.length + index]])),
    ),
    text_config: { ...text, vocab_size: vocabulary, ...ids },
  };
}

/**
 * Matrices normal with deviation 1 / sqrt(inputs), embeddings normal, ones for norms, zeros for biases. Hugging Face's
 * 0.02 for everything suits thousands of inputs: with 64, image features hardly differ, and the cards are never
 * learned.
 */
function initialTensors(
  config: VlmConfig,
  seed: number,
): { name: string; shape: readonly number[]; data: Float32Array }[] {
  const family = familyOf(config);
  return [...family.parameterShapes(config)].map(([name, shape], index) => {
    const size = elements(shape);
    const random = new RandomStream({ seed, purpose: 'initial parameters', episode: index });
    const isNorm = shape.length === 1 && name.endsWith('.weight');
    const deviation = /embed_tokens|class_embedding|position_embedding|pos_embed/.test(name)
      ? EMBEDDING_DEVIATION
      : 1 / Math.sqrt(size / shape[0]);
    const data = isNorm
      ? new Float32Array(size).fill(1)
      : name.endsWith('.bias')
        ? new Float32Array(size)
        : Float32Array.from({ length: size }, () => random.normal() * deviation);
    return { name: family.names.inFile(name), shape, data };
  });
}
