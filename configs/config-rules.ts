/** Rules between the fields of a configuration. Pure, because workflows check them too. */
import { STEPS_PER_STORED_STATE } from './shared-update.ts';
import { mixtureProblems } from './mixture.ts';
import { ALGORITHMS } from './algorithms.ts';
import type { RunConfig, SftConfig } from './schema.ts';

/** A fault and its field. */
export type Problem = { path: readonly PropertyKey[]; message: string };

/** An activity takes three events, and a history should stay below 10,000. */
const MOST_UPDATE_ACTIVITIES = 2500;

/** Problems of a training run's configuration whose fields are valid by themselves. */
export function runProblems(config: RunConfig): Problem[] {
  const { algorithm, optimizer, ppo, rollout, parallel } = config;
  const problems: Problem[] = [];
  if (optimizer.lrEnd > optimizer.lr)
    problems.push({ path: ['optimizer', 'lrEnd'], message: `must not exceed optimizer.lr (${optimizer.lr})` });
  if (ALGORITHMS[algorithm].advantages === 'group' && rollout.episodesPerWave % rollout.groupSize !== 0)
    problems.push({
      path: ['rollout', 'groupSize'],
      message: `must divide rollout.episodesPerWave (${rollout.episodesPerWave})`,
    });
  if (ALGORITHMS[algorithm].losses.policy > 0 && rollout.temperature === 0)
    problems.push({ path: ['rollout', 'temperature'], message: 'must be above 0: PPO needs sampled responses' });
  for (const [index, { raiseSft }] of config.collapse.alarm.entries())
    if (raiseSft !== null && ALGORITHMS[algorithm].losses.sft === 0)
      problems.push({
        path: ['collapse', 'alarm', index, 'raiseSft'],
        message: `must be null (the run pauses): ${algorithm} has no SFT loss whose weight could be raised`,
      });
  const steps = Math.ceil(rollout.envStepsPerIteration / ppo.samplesPerStep);
  const stored = Math.ceil(steps / STEPS_PER_STORED_STATE);
  const activities = parallel.gradients === 1 ? 0 : ppo.epochs * (steps * parallel.gradients + stored);
  if (activities > MOST_UPDATE_ACTIVITIES)
    problems.push({
      path: ['parallel', 'gradients'],
      message:
        `asks for ${activities} activities per iteration (${ppo.epochs * steps} optimizer steps of ` +
        `${parallel.gradients} groups); a workflow's history holds ${MOST_UPDATE_ACTIVITIES}: raise ` +
        'ppo.samplesPerStep',
    });
  return [...problems, ...mixtureProblems(config), ...engineProblems(config)];
}

/** The same for a supervised warm start. */
export function sftProblems(config: SftConfig): Problem[] {
  const { base, architecture } = config.model;
  const problems = [...mixtureProblems(config), ...engineProblems(config)];
  if (config.demonstrations.file !== null && config.prompt.history !== 'none')
    problems.push({
      path: ['prompt', 'history'],
      message: 'must be "none" with demonstrations.file, whose questions are asked as they are',
    });
  if ((base === null) === (architecture === null))
    problems.push({
      path: ['model', 'base'],
      message: 'give either `base` (a checkpoint) or `architecture` and `pieces` (a new model)',
    });
  return problems;
}

function engineProblems({ engine: { provider, precision } }: Pick<RunConfig, 'engine'>): Problem[] {
  if (provider === 'cuda' || provider === 'auto' || precision !== 'bfloat16') return [];
  const message =
    'bfloat16 needs engine.provider cuda, because no other provider has its kernels; use float32 or float16';
  return [{ path: ['engine', 'precision'], message }];
}
