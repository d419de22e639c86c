/** Making checkpoint folders in Hugging Face format: a new model with seeded parameters, and a trained one. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import path from 'node:path';
import { writeDurably } from '../artifacts/file-store.ts';
import type { SftConfig } from '../configs/schema.ts';
import { encodeSafetensors, readTensor } from '../graph/safetensors.ts';
import { RandomStream } from '../random/counter.ts';
import type { Agent } from './agent.ts';
import { CheckpointError } from './checkpoint/errors.ts';
import { fileName } from './checkpoint/parameter-names.ts';
import { parameterShapes } from './checkpoint/parameter-shapes.ts';
import { parseVlmConfig } from './checkpoint/read-config.ts';
import { pieceTokenizer, SPECIAL_TOKENS } from './piece-tokenizer.ts';

/** Files of a folder beside its weights. */
const SIDE_FILES = ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'preprocessor_config.json'] as const;

/** Standard deviation of new embeddings. */
const EMBEDDING_DEVIATION = 0.1;

/** Writes a new model under `parent` and returns its folder; the same description always gives the same folder and bytes. */
export async function writeNewCheckpoint(parent: string, { architecture, pieces, imageSize }: Pick<SftConfig['model'], 'architecture' | 'pieces' | 'imageSize'>, seed: number): Promise<string> {
  if (architecture === null) throw new CheckpointError('model.architecture is missing; give the config.json of the new model');
  const hash = createHash('sha256').update(JSON.stringify([architecture, pieces, imageSize, seed])).digest('hex').slice(0, 16);
  const folder = path.join(parent, `new-${hash}`);
  if (existsSync(path.join(folder, 'model.safetensors'))) return folder;
  const config = completeConfig(architecture, pieces);
  const parameters = initialTensors(config, seed);
  const json = (value: unknown) => `${JSON.stringify(value, null, 1)}\n`;
  await writeDurably(path.join(folder, 'config.json'), json(config));
  await writeDurably(path.join(folder, 'tokenizer.json'), json(pieceTokenizer(pieces)));
  await writeDurably(path.join(folder, 'tokenizer_config.json'), json({ tokenizer_class: 'PreTrainedTokenizerFast', pad_token: SPECIAL_TOKENS[0], bos_token: SPECIAL_TOKENS[1], eos_token: SPECIAL_TOKENS[2], clean_up_tokenization_spaces: false }));
  await writeDurably(path.join(folder, 'preprocessor_config.json'), json(preprocessorConfig(imageSize)));
  // The weights come last: a folder with weights is whole.
  await writeDurably(path.join(folder, 'model.safetensors'), encodeSafetensors(parameters));
  return folder;
}

/** Writes the agent's model with the trained parameters `flat` in the place of its own; a value head goes into its own file. */
export async function saveTrainedCheckpoint(folder: string, agent: Agent, flat: Float32Array): Promise<void> {
  const trained = new Map<string, Float32Array>();
  let offset = 0;
  for (const { name, shape } of agent.engine.trained) {
    const size = shape.reduce((product, length) => product * length, 1);
    trained.set(name, flat.subarray(offset, (offset += size)));
  }
  const { checkpoint } = agent;
  const shapes = [...parameterShapes(checkpoint.config)].filter(([name]) => checkpoint.parameters.has(name));
  const tensors = shapes.map(([name, shape]) => ({ name: fileName(name), shape, data: trained.get(name) ?? readTensor(checkpoint.parameters.get(name)!) }));
  const valueHead = agent.engine.trained.filter(({ name }) => name.startsWith('value_head.')).map(({ name, shape }) => ({ name: name.slice('value_head.'.length), shape, data: trained.get(name)! }));
  if (valueHead.length > 0) await writeDurably(path.join(folder, 'value_head.safetensors'), encodeSafetensors(valueHead));
  await writeDurably(path.join(folder, 'model.safetensors'), encodeSafetensors(tensors));
  for (const name of SIDE_FILES) if (existsSync(path.join(checkpoint.folder, name))) await copyFile(path.join(checkpoint.folder, name), path.join(folder, name));
}

/** The architecture with what follows from the pieces: vocabulary and special ids. */
function completeConfig(architecture: Readonly<Record<string, unknown>>, pieces: readonly string[]): Record<string, unknown> {
  const text = architecture.text_config as Record<string, unknown>;
  const ids = { pad_token_id: 0, bos_token_id: 1, eos_token_id: 2 };
  return { ...architecture, image_token_index: SPECIAL_TOKENS.indexOf('<image>'), text_config: { ...text, vocab_size: SPECIAL_TOKENS.length + pieces.length, ...ids } };
}

/**
 * Matrices normal with deviation 1 / sqrt(inputs), embeddings normal, ones for norms, zeros for biases. Hugging Face's 0.02 for everything is made for
 * thousands of inputs: at 64 the image features hardly differ, and the cards are never learned.
 */
function initialTensors(config: Record<string, unknown>, seed: number): { name: string; shape: readonly number[]; data: Float32Array }[] {
  return [...parameterShapes(parseVlmConfig(config, 'model.architecture'))].map(([name, shape], index) => {
    const size = shape.reduce((product, length) => product * length, 1);
    const random = new RandomStream({ seed, purpose: 'initial parameters', episode: index });
    const isNorm = /norm\d?\.weight$/.test(name);
    const deviation = /embed_tokens|class_embedding|position_embedding/.test(name) ? EMBEDDING_DEVIATION : 1 / Math.sqrt(size / shape[0]);
    const data = isNorm ? new Float32Array(size).fill(1) : name.endsWith('.bias') ? new Float32Array(size) : Float32Array.from({ length: size }, () => random.normal() * deviation);
    return { name: fileName(name), shape, data };
  });
}

function preprocessorConfig(size: number): object {
  return {
    image_processor_type: 'CLIPImageProcessor',
    do_resize: true,
    size: { shortest_edge: size },
    resample: 3,
    do_center_crop: true,
    crop_size: { height: size, width: size },
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    do_convert_rgb: true,
    image_mean: [0.5, 0.5, 0.5],
    image_std: [0.5, 0.5, 0.5],
  };
}
