/** The settings that a run takes while it goes on: a closed list, and the check of a change. */
import { ConfigError, parseConfig, type RunConfig, runConfigSchema } from './schema.ts';

/**
 * Fields that `gtr set` and the `set` update take, with what a change means. Each acts from the next iteration on,
 * evaluation fields at the next evaluation, `corrector.budgetUsd` at once.
 */
export const LIVE_SETTINGS = {
  envSteps:
    'environment steps of the whole run, not below what it has done; with optimizer.scheduleIterations 0 the ' +
    'learning rate follows the new length',
  formatReward: 'reward of a well-formed response',
  'rollout.temperature': 'sampling temperature',
  'ppo.epochs': 'passes over the kept steps',
  'ppo.clip': 'PPO clip of ratio and value',
  'ppo.maxGradNorm': 'limit of the gradient norm',
  'sft.coef': 'weight of the SFT loss',
  'sft.annealIterations': 'iterations over which that weight falls to 0',
  'optimizer.lr': 'learning rate at the first update of the cosine',
  'optimizer.lrEnd': 'learning rate at its end',
  'optimizer.scheduleIterations': 'iterations of the cosine',
  'corrector.judgedShare': 'share of steps that is judged',
  'corrector.budgetUsd': 'US dollars for the teacher, null: any; acts at once',
  'evaluation.episodes': 'episodes of an evaluation',
  'evaluation.everyIterations': 'evaluate in between',
  'evaluation.decoding': 'sampled or greedy decoding in evaluations, or both',
  'durability.heartbeatSeconds': 'silence after which a GPU activity is started again',
  'durability.resumePointSeconds': 'least time between resume points',
  'durability.resumePointShare': 'share of the time for resume points',
  'checkpoints.keepLast': 'newest iterations whose weights are kept',
  'checkpoints.keepEvery': 'every so many iterations one is kept for good',
} as const;

/**
 * The configuration with the value at `field` (such as `optimizer.lr`) replaced; groups on the way are made. Throws
 * `ConfigError` where one is no group.
 */
export function withField(config: unknown, field: string, value: unknown): unknown {
  const result = copyOf(config) as Record<string, unknown>;
  const names = field.split('.');
  let section = result;
  for (const name of names.slice(0, -1)) {
    section = (section[name] ??= {}) as Record<string, unknown>;
    if (typeof section !== 'object' || section === null)
      throw new ConfigError(`${field}: ${name} is not a group of fields.`);
  }
  section[names.at(-1)!] = value;
  return result;
}

/** The value at `field`; undefined where there is none. */
export function fieldOf(config: unknown, field: string): unknown {
  return field
    .split('.')
    .reduce<unknown>((section, name) => (section as Record<string, unknown> | undefined)?.[name], config);
}

/**
 * The configuration with `changes` (field -> value) applied and checked as a whole. `doneEnvSteps`: environment steps
 * that the run has done. Throws `ConfigError`.
 */
export function changeSettings(config: RunConfig, changes: unknown, doneEnvSteps: number): RunConfig {
  if (typeof changes !== 'object' || changes === null || Array.isArray(changes) || Object.keys(changes).length === 0)
    throw new ConfigError('set: takes one object of fields and values, such as {"optimizer.lr": 0.0001}.');
  let changed: unknown = config;
  for (const [field, value] of Object.entries(changes)) {
    if (!Object.hasOwn(LIVE_SETTINGS, field))
      throw new ConfigError(
        `set: ${field} cannot be changed while a run goes on; these can: ${Object.keys(LIVE_SETTINGS).join(', ')}. ` +
          `For another value, fork the run (gtr fork).`,
      );
    changed = withField(changed, field, value);
  }
  const result = parseConfig(runConfigSchema, changed, 'set');
  if (result.envSteps < doneEnvSteps)
    throw new ConfigError(
      `set: envSteps: the run has done ${doneEnvSteps} already; give at least that many, or end it with gtr stop.`,
    );
  return result;
}

/** JSON values only: workflow code has no `structuredClone`. */
function copyOf(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
