/** Making a new model with seeded parameters: a checkpoint folder in Hugging Face format. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { elements } from '../graph/tensor.ts';
import { writeDurably } from '../artifacts/file-store.ts';
import type { SftConfig } from '../../configs/schema.ts';
import { encodeSafetensors } from '../graph/safetensors.ts';
import { RandomStream } from '../random/counter.ts';
import { CheckpointError } from './checkpoint/errors.ts';
import { fileName } from './checkpoint/parameter-names.ts';
import { parameterShapes } from './checkpoint/parameter-shapes.ts';
import { parseVlmConfig } from './checkpoint/read-config.ts';
import { croppingPreprocessor } from './checkpoint/write-config.ts';
import { pieceTokenizer, SPECIAL_TOKENS } from './piece-tokenizer.ts';

/** Standard deviation of new embeddings. */
const EMBEDDING_DEVIATION = 0.1;

/**
 * Writes a new model under `parent` and returns its folder; the same description always gives the same folder and
 * bytes.
 */
export async function writeNewCheckpoint(
  parent: string,
  { architecture, pieces, imageSize }: Pick<SftConfig['model'], 'architecture' | 'pieces' | 'imageSize'>,
  seed: number,
): Promise<string> {
  if (architecture === null)
    throw new CheckpointError('model.architecture is missing; give the config.json of the new model');
  const hash = createHash('sha256')
    .update(JSON.stringify([architecture, pieces, imageSize, seed]))
    .digest('hex')
    .slice(0, 16);
  const folder = path.join(parent, `new-${hash}`);
  if (existsSync(path.join(folder, 'model.safetensors'))) return folder;
  const config = completeConfig(architecture, pieces);
  const parameters = initialTensors(config, seed);
  const json = (value: unknown) => `${JSON.stringify(value, null, 1)}\n`;
  await writeDurably(path.join(folder, 'config.json'), json(config));
  await writeDurably(path.join(folder, 'tokenizer.json'), json(pieceTokenizer(pieces)));
  await writeDurably(
    path.join(folder, 'tokenizer_config.json'),
    json({
      tokenizer_class: 'PreTrainedTokenizerFast',
      pad_token: SPECIAL_TOKENS[0],
      bos_token: SPECIAL_TOKENS[1],
      eos_token: SPECIAL_TOKENS[2],
      clean_up_tokenization_spaces: false,
    }),
  );
  await writeDurably(
    path.join(folder, 'preprocessor_config.json'),
    json(croppingPreprocessor(imageSize, [0.5, 0.5, 0.5], [0.5, 0.5, 0.5])),
  );
  // The weights come last: a folder with weights is whole.
  await writeDurably(path.join(folder, 'model.safetensors'), encodeSafetensors(parameters));
  return folder;
}

/** The architecture with what follows from the pieces: vocabulary and special ids. */
function completeConfig(
  architecture: Readonly<Record<string, unknown>>,
  pieces: readonly string[],
): Record<string, unknown> {
  const text = architecture.text_config as Record<string, unknown>;
  const ids = { pad_token_id: 0, bos_token_id: 1, eos_token_id: 2 };
  return {
    ...architecture,
    image_token_index: SPECIAL_TOKENS.indexOf('<image>'),
    text_config: { ...text, vocab_size: SPECIAL_TOKENS.length + pieces.length, ...ids },
  };
}

/**
 * Matrices normal with deviation 1 / sqrt(inputs), embeddings normal, ones for norms, zeros for biases. Hugging Face's
 * 0.02 for everything is made for thousands of inputs: at 64 the image features hardly differ, and the cards are never
 * learned.
 */
function initialTensors(
  config: Record<string, unknown>,
  seed: number,
): { name: string; shape: readonly number[]; data: Float32Array }[] {
  return [...parameterShapes(parseVlmConfig(config, 'model.architecture'))].map(([name, shape], index) => {
    const size = elements(shape);
    const random = new RandomStream({ seed, purpose: 'initial parameters', episode: index });
    const isNorm = /norm\d?\.weight$/.test(name);
    const deviation = /embed_tokens|class_embedding|position_embedding/.test(name)
      ? EMBEDDING_DEVIATION
      : 1 / Math.sqrt(size / shape[0]);
    const data = isNorm
      ? new Float32Array(size).fill(1)
      : name.endsWith('.bias')
        ? new Float32Array(size)
        : Float32Array.from({ length: size }, () => random.normal() * deviation);
    return { name: fileName(name), shape, data };
  });
}
