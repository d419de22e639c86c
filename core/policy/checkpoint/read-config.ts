/** Hugging Face `config.json` and `generation_config.json` to the configuration of a model family. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import type { ModelFamily } from '../families/model-family.ts';
import { families } from '../families/registry.ts';
import type { VlmConfig } from '../vlm-config.ts';
import { checkConfig, readJson, unusable } from './check-config.ts';
import { CheckpointError } from './errors.ts';

const kindSchema = z.looseObject({
  model_type: z.string().optional(),
  architectures: z.array(z.string()).nullish(),
});
const endSchema = z.object({ eos_token_id: z.union([z.int(), z.array(z.int()).min(1)]).nullish() });

/**
 * Reads the configuration of a checkpoint folder; end-of-sequence ids are those at which `generate()` stops. Throws
 * `CheckpointError`.
 */
export function readVlmConfig(folder: string): VlmConfig {
  const file = path.join(folder, 'config.json');
  const content = readJson(file, 'name a folder with a checkpoint in Hugging Face format');
  const config = described(content, file, folder);
  const generation = path.join(folder, 'generation_config.json');
  if (!existsSync(generation)) return checked(config, file);
  const settings = readJson(generation, 'fetch it again or delete it');
  return checked(endingAsStated(config, settings, generation), generation);
}

/** The family of a `config.json`. Throws `CheckpointError` naming `origin` if no family matches. */
export function familyOfConfig(content: unknown, origin: string): ModelFamily {
  const { model_type: type, architectures } = checkConfig(kindSchema, content, origin);
  const family = families.find((each) => each.describes(content as object));
  if (family === undefined)
    throw new CheckpointError(
      `${origin} describes a model of type ${architectures?.[0] ?? type ?? '(not named)'}; supported are ` +
        families.map(({ supported }) => supported).join('; '),
    );
  return family;
}

/**
 * Checks and completes a configuration; `origin` names it in errors. `folder`: its folder, where some families find
 * other parts of the model.
 */
export function parseVlmConfig(content: unknown, origin: string, folder: string | null = null): VlmConfig {
  return checked(described(content, origin, folder), origin);
}

/** Fields at the top level of a `config.json` override those in text_config. */
function described(content: unknown, origin: string, folder: string | null): VlmConfig {
  return endingAsStated(familyOfConfig(content, origin).readConfig(content, origin, folder), content, origin);
}

/** With the end-of-sequence ids in `settings`, if any. */
function endingAsStated(config: VlmConfig, settings: unknown, origin: string): VlmConfig {
  const { eos_token_id: ends } = checkConfig(endSchema, settings, origin);
  return ends === undefined || ends === null
    ? config
    : { ...config, text: { ...config.text, eosTokenIds: [ends].flat() } };
}

/** Checks relations between fields. */
function checked(config: VlmConfig, origin: string): VlmConfig {
  const { text, imageTokenId } = config;
  for (const id of [imageTokenId, ...text.eosTokenIds, text.bosTokenId ?? 0])
    if (id < 0 || id >= text.vocabSize)
      unusable(origin, `token id ${id} is outside the vocabulary of ${text.vocabSize}`);
  if (text.eosTokenIds.length === 0) unusable(origin, 'no eos_token_id ends a response');
  return config;
}
