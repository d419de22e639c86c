/** The parts of an agent except its engine: enough to word prompts, read pictures and count tokens. */
import { ownConfigs, type Played } from '../../configs/mixture.ts';
import { ConfigError, type RunConfig } from '../../configs/schema.ts';
import { readVlmConfig } from './checkpoint/read-config.ts';
import { type Checkpoint, openCheckpoint } from './checkpoint/open-checkpoint.ts';
import type { ImagePreprocessor } from './families/model-family.ts';
import { familyOf } from './families/registry.ts';
import { PromptEncoder } from './prompt-encoder.ts';
import { loadPromptTemplate, type PromptTemplate } from './prompt-template.ts';
import { loadTokenizer, type PolicyTokenizer } from './tokenizer.ts';
import type { VlmConfig } from './vlm-config.ts';

/** The parts that need no weights. */
export type Wording = {
  config: VlmConfig;
  template: PromptTemplate;
  tokenizer: PolicyTokenizer;
  prompts: PromptEncoder;
  preprocess: ImagePreprocessor;
};

/** `wordings`: one for each environment; the first is this one. */
export type AgentParts = Wording & { checkpoint: Checkpoint; wordings: readonly Wording[] };

/** What prompts hold of the past, and the tokens left for answers; older runs lack these settings. */
export type PromptSettings = { prompt?: RunConfig['prompt']; rollout?: { maxNewTokens: number } };

type Worded = PromptSettings & {
  model: Pick<RunConfig['model'], 'base' | 'prompt'>;
  environment: { name: string };
  environments?: RunConfig['environments'];
};

type Named = Worded & { model: Pick<RunConfig['model'], 'base' | 'adapter' | 'prompt'> };

/**
 * The wording of an environment (of a mixture, the first) in a checkpoint's tokens. Throws as `openAgentParts` does.
 */
export function openWording(
  { model, environment, prompt, rollout }: Worded,
  resolvePath: (path: string) => string,
): Wording {
  const folder = resolvePath(model.base);
  const template = loadPromptTemplate(model.prompt, environment.name);
  const config = readVlmConfig(folder);
  const tokenizer = loadTokenizer(folder);
  const preprocess = familyOf(config).loadPreprocessor(folder, config);
  if (prompt?.history === 'concat' && familyOf(config).joinPictures === undefined)
    throw new ConfigError(
      `prompt.history: ${folder} is of the family ${config.family}, whose prompts can hold only one picture here; ` +
        'use "text", or a LLaVA checkpoint.',
    );
  const prompts = new PromptEncoder(template, tokenizer, config, prompt?.history, rollout?.maxNewTokens);
  return { config, template, tokenizer, prompts, preprocess };
}

/** The wording of each environment of a run. Throws as above. */
export function openWordings(config: Worded, resolvePath: (path: string) => string): Wording[] {
  return ownConfigs(config as Worded & Played).map((own) => openWording(own, resolvePath));
}

/**
 * Opens a checkpoint for the wordings of the environments. Throws `CheckpointError` or `ConfigError` with one clear
 * sentence.
 */
export function openAgentParts(named: Named, resolvePath: (path: string) => string): AgentParts {
  const { base, adapter } = named.model;
  const checkpoint = openCheckpoint(resolvePath(base), adapter === null ? null : resolvePath(adapter));
  const wordings = openWordings(named, resolvePath);
  return { ...wordings[0], checkpoint, wordings };
}
