/** The settings that can change during a run: a closed list, and the check of a change. */
import { checkedRunConfig } from './checked-config.ts';
import { ConfigError } from './config-error.ts';
import type { RunConfig } from './schema.ts';

/**
 * Fields that `gtr set` and the `set` update accept, with their meaning. A change takes effect at the next iteration,
 * for evaluation fields at the next evaluation, for `corrector.budgetUsd` at once.
 */
export const LIVE_SETTINGS = {
  envSteps:
    'environment steps of the whole run, at least as many as it has done; with optimizer.scheduleIterations 0 ' +
    'the learning rate follows the new length',
  formatReward: 'reward of a well-formed response',
  'rollout.temperature': 'sampling temperature',
  'ppo.epochs': 'passes over the kept steps',
  'ppo.clip': 'PPO clip of ratio and value',
  'ppo.maxGradNorm': 'largest gradient norm',
  'sft.coef': 'weight of the SFT loss',
  'sft.annealIterations': 'iterations over which the SFT weight falls to 0',
  'optimizer.lr': 'learning rate at the first update of the cosine',
  'optimizer.lrEnd': 'learning rate at the end of the cosine',
  'optimizer.scheduleIterations': 'iterations of the cosine',
  'corrector.judgedShare': 'share of steps that are judged',
  'corrector.budgetUsd': 'US dollars for the teacher, null: no limit; takes effect at once',
  'evaluation.episodes': 'episodes of an evaluation',
  'evaluation.everyIterations': 'also evaluate after every n-th iteration',
  'evaluation.decoding': 'decoding in evaluations: sampled, greedy or both',
  'durability.heartbeatSeconds': 'silence after which a GPU activity is restarted',
  'durability.resumePointSeconds': 'shortest time between resume points',
  'durability.resumePointShare': 'share of the time for storing resume points',
  'checkpoints.keepLast': 'newest iterations that keep their weights',
  'checkpoints.keepEvery': 'keep every n-th iteration for good',
} as const;

/**
 * The configuration with a new value at `field` (such as `optimizer.lr`); missing groups are created. Throws
 * `ConfigError` where a part of the path is not a group.
 */
export function withField(config: unknown, field: string, value: unknown): unknown {
  const result = copyOf(config) as Record<string, unknown>;
  const names = field.split('.');
  if (names[0] === 'environments') delete result.environment; // it stands for the first of them
  if (names[0] === 'environment' && value !== null && Array.isArray(result.environments))
    throw new ConfigError(`${field}: \`environments\` says what is played; set environments.0 and so on.`);
  let section = result;
  for (const name of names.slice(0, -1)) {
    section = (section[name] ??= {}) as Record<string, unknown>;
    if (typeof section !== 'object' || section === null)
      throw new ConfigError(`${field}: ${name} is not a group of fields.`);
  }
  section[names.at(-1)!] = value;
  return result;
}

/** The value at `field`; undefined if there is none. */
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
        `set: ${field} cannot be changed while a run is going on; these can: ` +
          `${Object.keys(LIVE_SETTINGS).join(', ')}. For another value, fork the run (gtr fork).`,
      );
    changed = withField(changed, field, value);
  }
  const result = checkedRunConfig(changed, 'set');
  if (result.envSteps < doneEnvSteps)
    throw new ConfigError(
      `set: envSteps: the run has already done ${doneEnvSteps}; give at least that many, or end it with gtr stop.`,
    );
  return result;
}

/** JSON values only: workflow code has no `structuredClone`. */
function copyOf(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
