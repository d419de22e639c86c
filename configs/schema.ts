/**
 * The description of a run: each setting with its meaning, default and limits; a file of `schema/` per section. Names
 * follow spec.md; the presets have the paper's numbers.
 */
import { z } from 'zod';
import { ALGORITHMS } from './algorithms.ts';
import { ConfigError } from './config-error.ts';
import { type Problem, runProblems, sftProblems } from './config-rules.ts';
import { describeProblems } from './describe-problems.ts';
import { corrector } from './schema/corrector.ts';
import { demonstrations } from './schema/demonstrations.ts';
import { checkpoints, durability } from './schema/durability.ts';
import { engine, parallel } from './schema/engine.ts';
import { environment, environments } from './schema/environment.ts';
import { collapse, evaluation } from './schema/evaluation.ts';
import { model } from './schema/model.ts';
import { withCurrentNames } from './schema/renamed.ts';
import { prompt } from './schema/prompt.ts';
import { rollout } from './schema/rollout.ts';
import { turbo } from './schema/turbo.ts';
import { grpo, optimizer, ppo, sft } from './schema/update.ts';
import { namesOf, positive, summaries } from './schema/values.ts';
import { TRACKERS } from './trackers.ts';

export { ConfigError } from './config-error.ts';

const runShape = {
  algorithm: z.enum(namesOf(ALGORITHMS)).default('gtr').describe(summaries(ALGORITHMS)),
  seed: z.int().min(0).default(1).describe('Seed of everything random.'),
  envSteps: positive.default(15_000).describe('Environment steps (kept steps) of the whole run.'),
  successWindow: positive
    .default(200)
    .describe('Most recent episodes over which the success rate is averaged, in whole iterations.'),
  formatReward: z.number().min(0).default(5).describe('Added to the return of a step with a well-formed response.'),
  environment,
  environments,
  model,
  prompt: prompt.prefault({}),
  rollout: rollout.prefault({}),
  ppo: ppo.prefault({}),
  grpo: grpo.prefault({}),
  sft: sft.prefault({}),
  turbo: turbo.prefault({}),
  optimizer: optimizer.prefault({}),
  corrector: corrector.prefault({}),
  collapse: collapse.prefault({}),
  evaluation: evaluation.prefault({}),
  engine: engine.prefault({}),
  parallel: parallel.prefault({}),
  durability: durability.prefault({}),
  checkpoints: checkpoints.prefault({}),
  tracking: z
    .enum(namesOf(TRACKERS))
    .default('none')
    .describe(
      `Where else \`gtr up\` and \`gtr track\` show the run's curves (docs/tracking.md): ${summaries(TRACKERS)}`,
    ),
};

/** A training run. */
export const runConfigSchema = z
  .strictObject({
    $schema: z.string().optional(),
    title: z.string().default('').describe('One line that says what this run is.'),
    ...runShape,
  })
  .superRefine((config, context) => addIssues(runProblems(config), context));

export type RunConfig = z.infer<typeof runConfigSchema>;

/** A supervised warm start: makes a checkpoint from demonstrations. */
export const sftConfigSchema = z
  .strictObject({
    $schema: z.string().optional(),
    title: z.string().default(''),
    seed: runShape.seed,
    environment,
    environments,
    model: model.extend({
      base: z
        .string()
        .nullable()
        .default(null)
        .describe('Checkpoint to start from; null: a new model with the shape in `architecture`.'),
      architecture: z
        .record(z.string(), z.unknown())
        .nullable()
        .default(null)
        .describe(
          'A Hugging Face `config.json` for a new model. `pieces` determines its vocabulary sizes and special ids.',
        ),
      pieces: z
        .array(z.string().min(1))
        .default([])
        .describe('Texts that are one token each, for the tokenizer of a new model.'),
    }),
    prompt: prompt.prefault({}),
    demonstrations,
    batch: positive.default(32).describe('Demonstrations per optimizer step.'),
    optimizer: optimizer
      .extend({ weightDecay: z.number().min(0).default(0.01).describe('Decoupled weight decay.') })
      .prefault({ lr: 2e-3, lrEnd: 1e-6 }),
    maxGradNorm: z.number().positive().default(1),
    maxNewTokens: rollout.shape.maxNewTokens,
    temperature: rollout.shape.temperature,
    repetitionPenalty: rollout.shape.repetitionPenalty,
    evaluation: evaluation.prefault({}),
    engine: engine.prefault({}),
    durability: durability.prefault({}),
  })
  .superRefine((config, context) => addIssues(sftProblems(config), context));

export type SftConfig = z.infer<typeof sftConfigSchema>;

function addIssues(problems: readonly Problem[], context: z.RefinementCtx): void {
  for (const { path, message } of problems) context.addIssue({ code: 'custom', path: [...path], message });
}

/** Checks `input` against a schema; the error is one sentence that begins with `origin`, a file or a position in it. */
export function parseConfig<T extends z.ZodType>(schema: T, input: unknown, origin: string): z.infer<T> {
  const result = schema.safeParse(withCurrentNames(input));
  if (result.success) return result.data;
  throw configErrorOf(result.error, origin, SCHEMA_FILES.get(schema));
}

/** What a schema found, as one sentence. */
export function configErrorOf({ issues }: z.core.$ZodError, origin: string, schemaFile?: string): ConfigError {
  const problems = issues.map((issue) =>
    issue.code === 'unrecognized_keys' ? { ...issue, unknown: issue.keys } : issue,
  );
  return new ConfigError(`${origin}: ${describeProblems(problems, schemaFile)}.`);
}

/** Where users find the keys of a configuration. */
const SCHEMA_FILES = new Map<z.ZodType, string>([
  [runConfigSchema, 'configs/run.schema.json'],
  [sftConfigSchema, 'configs/sft.schema.json'],
]);
