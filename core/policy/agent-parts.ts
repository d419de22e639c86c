/** The parts of an agent except its engine: enough to word prompts, read pictures and count tokens. */
import { ConfigError, type RunConfig } from '../../configs/schema.ts';
import { readVlmConfig } from './checkpoint/read-config.ts';
import { type Checkpoint, openCheckpoint } from './checkpoint/open-checkpoint.ts';
import type { ImagePreprocessor } from './families/model-family.ts';
import { familyOf } from './families/registry.ts';
import { PromptEncoder } from './prompt-encoder.ts';
import { loadPromptTemplate, type PromptTemplate } from './prompt-template.ts';
import { loadTokenizer, type PolicyTokenizer } from './tokenizer.ts';
import type { VlmConfig } from './vlm-config.ts';

/** What of it needs no weights. */
export type Wording = {
  config: VlmConfig;
  template: PromptTemplate;
  tokenizer: PolicyTokenizer;
  prompts: PromptEncoder;
  preprocess: ImagePreprocessor;
};

export type AgentParts = Wording & { checkpoint: Checkpoint };

/** What prompts hold of the past, and the tokens that they leave to answers; runs of old have none. */
export type PromptSettings = { prompt?: RunConfig['prompt']; rollout?: { maxNewTokens: number } };

type Named = PromptSettings & {
  model: Pick<RunConfig['model'], 'base' | 'adapter' | 'prompt'>;
  environment: { name: string };
};

/** The wording of one environment in a checkpoint's tokens. Throws `CheckpointError` or `ConfigError`. */
export function openWording(
  {
    model,
    environment,
    prompt,
    rollout,
  }: { model: Pick<RunConfig['model'], 'base' | 'prompt'>; environment: { name: string } } & PromptSettings,
  resolvePath: (path: string) => string,
): Wording {
  const folder = resolvePath(model.base);
  const template = loadPromptTemplate(model.prompt, environment.name);
  const config = readVlmConfig(folder);
  const tokenizer = loadTokenizer(folder);
  const preprocess = familyOf(config).loadPreprocessor(folder, config);
  if (prompt?.history === 'concat' && familyOf(config).joinPictures === undefined)
    throw new ConfigError(
      `prompt.history: ${folder} is of the family ${config.family}, whose prompts hold one picture here; use ` +
        '"text", or a LLaVA checkpoint.',
    );
  const prompts = new PromptEncoder(template, tokenizer, config, prompt?.history, rollout?.maxNewTokens);
  return { config, template, tokenizer, prompts, preprocess };
}

/**
 * Opens a checkpoint for one environment's wording. Throws `CheckpointError` or `ConfigError` with one clear sentence.
 */
export function openAgentParts(named: Named, resolvePath: (path: string) => string): AgentParts {
  const { base, adapter } = named.model;
  const checkpoint = openCheckpoint(resolvePath(base), adapter === null ? null : resolvePath(adapter));
  return { ...openWording(named, resolvePath), checkpoint };
}
