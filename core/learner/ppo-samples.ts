/** Kept steps with their targets: advantages relative to a value head (GAE), or to the group (GRPO). */
import { algorithmOf } from '../../configs/algorithms.ts';
import type { RunConfig } from '../../configs/schema.ts';
import type { JsonState } from '../envs/env.ts';
import type { Step } from '../episodes/episode.ts';
import type { Metrics } from '../episodes/metrics.ts';
import { gaeReturns, normalise } from './advantages.ts';
import type { PpoSample } from './batch.ts';
import { compareGroups, type PlayedEpisode } from './group-advantages.ts';
import type { KeptSegment } from './kept-steps.ts';

/** The PPO samples of an iteration. `metrics`: about their targets. */
export type Targets = { samples: PpoSample[]; metrics: Metrics };

/**
 * The samples for the run's algorithm. `kl`: distance of each kept step's answer from a teacher, in order, which is
 * subtracted from GAE's advantages; null where the answer is malformed.
 */
export function ppoSamples(
  segments: readonly KeptSegment[],
  config: RunConfig,
  kl: readonly (number | null)[] = [],
): Targets {
  return algorithmOf(config).advantages === 'group' ? groupTargets(segments, config) : gaeTargets(segments, config, kl);
}

/**
 * GAE over each segment; then the format reward on the return of each well-formed step; then advantages, less a
 * teacher's distance, normalised over the iteration (spec.md section 2).
 */
function gaeTargets(
  segments: readonly KeptSegment[],
  { ppo, formatReward, turbo }: RunConfig,
  kl: readonly (number | null)[],
): Targets {
  const samples = segments.flatMap((segment) => {
    const { rewards, bootstrapValue } = segment;
    const values = segment.episode.steps.slice(0, rewards.length).map(({ value }) => value);
    const returns = gaeReturns({ rewards, values, bootstrapValue }, ppo.gamma, ppo.lambda);
    return stepsOf(segment).map(({ wellFormed, ...sample }, t) => ({
      ...sample,
      return: returns[t] + (wellFormed ? formatReward : 0),
    }));
  });
  const penalties = samples.map((_, index) => turbo.kl.coef * (kl[index] ?? 0));
  const advantages = normalise(samples.map((sample, index) => sample.return - sample.oldValue - penalties[index]));
  return {
    samples: samples.map((sample, index) => ({
      ...sample,
      return: sample.return - (turbo.kl.from === 'returns' ? penalties[index] : 0),
      advantage: advantages[index],
    })),
    metrics: {},
  };
}

/**
 * Every step of an episode has the episode's advantage within its group from the same start. Episodes without one are
 * dropped, and so are episodes with kept steps outside this iteration. An episode's return is the sum of its rewards,
 * format rewards included.
 */
function groupTargets(segments: readonly KeptSegment[], { rollout, grpo, formatReward }: RunConfig): Targets {
  const played = segments.map((segment): PlayedEpisode => {
    const { episode, rewards, whole } = segment;
    const wellFormed = stepsOf(segment).filter((step) => step.wellFormed).length;
    const gained = rewards.reduce((sum, reward) => sum + reward, 0) + formatReward * wellFormed;
    return { group: Math.floor(episode.episode / rollout.groupSize), return: gained, whole };
  });
  const { advantages, metrics } = compareGroups(played, { size: rollout.groupSize, topP: grpo.topP });
  const samples = segments.flatMap((segment, index) => {
    const advantage = advantages[index];
    if (advantage === null) return [];
    return stepsOf(segment).map(({ wellFormed: _, ...sample }) => ({
      ...sample,
      return: played[index].return,
      advantage,
    }));
  });
  return { samples, metrics };
}

/** The kept steps of a segment as samples without targets. */
function stepsOf({ episode, rewards }: KeptSegment) {
  return episode.steps
    .slice(0, rewards.length)
    .map((step, t) => ({ ...untargetedSample(episode.states[t], step), wellFormed: step.thought !== null }));
}

/** A step that was taken in `state` as a sample without targets. */
export function untargetedSample(state: JsonState, step: Step): Omit<PpoSample, 'advantage' | 'return'> {
  return {
    state,
    responseIds: step.responseIds,
    thoughtTokens: step.thoughtTokens,
    oldLogprob: step.logprob,
    oldValue: step.value,
    sampledBy: step.sampledBy,
  };
}
