/** A language model's folder in Hugging Face format, as the decoder of a LLaVA-architecture model. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import type { TensorLocation } from '../../graph/safetensors.ts';
import { checkConfig, readJson } from '../checkpoint/check-config.ts';
import { CheckpointError } from '../checkpoint/errors.ts';
import { collectParameters, listWeightFiles } from '../checkpoint/open-checkpoint.ts';
import { names } from '../families/llava/parameter-names.ts';
import { parseTextConfig } from '../families/parts/text-config.ts';
import type { TextConfig } from '../vlm-config.ts';

const DECODERS = ['llama', 'mistral', 'qwen2'];

export type LanguageModel = {
  folder: string;
  text: TextConfig;
  /** `language_model.*` and `lm_head.weight` by canonical name. */
  parameters: ReadonlyMap<string, TensorLocation>;
};

/** Throws `CheckpointError`. */
export function openLanguageModel(folder: string): LanguageModel {
  const file = path.join(folder, 'config.json');
  const content = readJson(file, 'name the folder of a language model in Hugging Face format');
  const { model_type: kind } = checkConfig(z.looseObject({ model_type: z.string().optional() }), content, file);
  if (kind === undefined || !DECODERS.includes(kind))
    throw new CheckpointError(
      `${file} describes a model of type ${kind ?? '(not named)'}; a language model to assemble with is one of ` +
        `${DECODERS.join(', ')}`,
    );
  const text = { ...parseTextConfig(content, file), ...generationEnds(folder) };
  if (text.eosTokenIds.length === 0)
    throw new CheckpointError(`${file}: no eos_token_id ends a response; take a model whose configuration names one`);
  const parameters = new Map(
    [...collectParameters(listWeightFiles(folder), names)].filter(
      ([name]) => name.startsWith('language_model.') || name === 'lm_head.weight',
    ),
  );
  return { folder, text, parameters };
}

/** The ids at which `generate()` stops, where generation_config.json names them. */
function generationEnds(folder: string): Partial<TextConfig> {
  const file = path.join(folder, 'generation_config.json');
  if (!existsSync(file)) return {};
  const schema = z.object({ eos_token_id: z.union([z.int(), z.array(z.int())]).nullish() });
  const { eos_token_id: ends } = checkConfig(schema, readJson(file, 'fetch it again or delete it'), file);
  return ends === undefined || ends === null ? {} : { eosTokenIds: [ends].flat() };
}
