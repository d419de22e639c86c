/** The environment that a command names, with its settings from a configuration. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { modelFolder, PROJECT } from '../configs/project-folder.ts';
import { labelOf, ownConfig } from '../configs/mixture.ts';
import { type RunConfig, runConfigSchema, type SftConfig, sftConfigSchema } from '../configs/schema.ts';
import type { CheckSettings } from '../core/corrector/conformance-environment.ts';
import { isPath } from '../core/envs/plug-in.ts';
import { pieceTokenizer } from '../core/policy/piece-tokenizer.ts';
import { loadTokenizer, PolicyTokenizer } from '../core/policy/tokenizer.ts';
import { applyChange, readConfig } from './config-file.ts';

/** On the command line, the path of a module is relative to the current folder; in configurations, to the project. */
export function namedEnvironment(name: string): string {
  return isPath(name) && existsSync(name) ? path.resolve(name) : name;
}

const DEFAULTS = { prompt: null, maxEpisodeSteps: 20, imageSize: 64, tokenizer: null };

export function environmentToCheck(
  name: string,
  config: string | undefined,
  changes: readonly string[],
): [name: string, settings: CheckSettings] {
  const options = (base: object) => changes.reduce<unknown>(applyChange, base);
  const named = namedEnvironment(name);
  if (config === undefined) return [named, { ...DEFAULTS, options: options({}) }];
  const configured = isSft(config) ? readConfig(sftConfigSchema, config, []) : readConfig(runConfigSchema, config, []);
  const { environment, model } = configFor(configured, [name, named]);
  const tokenizer =
    'pieces' in model && model.base === null
      ? new PolicyTokenizer(pieceTokenizer(model.pieces), {}, { bosTokenId: null, eosTokenIds: [2] })
      : loadTokenizer(modelFolder(model.base!));
  return [
    named,
    {
      options: options(environment.options),
      prompt: model.prompt,
      maxEpisodeSteps: environment.maxEpisodeSteps,
      imageSize: model.imageSize,
      tokenizer,
    },
  ];
}

/** Of a mixture the environment that is named so, or the first. */
function configFor(config: RunConfig | SftConfig, names: readonly string[]): RunConfig | SftConfig {
  const index = (config.environments ?? []).findIndex((one) =>
    [one.name, labelOf(one), path.resolve(PROJECT, one.name)].some((known) => names.includes(known)),
  );
  return ownConfig(config, Math.max(0, index));
}

function isSft(config: string): boolean {
  const file = [config, path.join(PROJECT, 'configs', `${config}.json`)].find((candidate) => existsSync(candidate));
  return file !== undefined && /"(pieces|demonstrations)"\s*:/.test(readFileSync(file, 'utf8'));
}
