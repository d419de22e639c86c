/** Determines how many steps of a wave have to be judged: only those that may be kept. */
import { setImmediate } from 'node:timers/promises';
import type { RunConfig } from '../../configs/schema.ts';
import { byEnvironment } from '../envs/mixture.ts';
import { gameByName } from '../envs/registry.ts';
import type { Episode } from '../episodes/episode.ts';
import { loadPromptTemplate } from '../policy/prompt-template.ts';
import { findExpert } from './experts.ts';
import { type EpisodeProgress, judgeEpisode, NOT_JUDGED_YET } from './judge-episode.ts';
import { SolverTeacher } from './solver-teacher.ts';

/** How many steps of an episode will likely be kept. `final`: sampling the rest will not change that. */
export type LikelyKept = { steps: number; final: boolean };

/**
 * What the exact solver, which is free, would keep of each episode. `closed`: whether it was sampled to its end. Where
 * a game has no cut, or no expert, everything is kept.
 */
export async function likelyKept(
  config: RunConfig,
  iteration: number,
  episodes: readonly Episode[],
  closed: readonly boolean[],
): Promise<LikelyKept[]> {
  const solverOf = byEnvironment(config, ({ environment: { name }, model }) =>
    gameByName(name).cut.reward === null || findExpert(name) === undefined
      ? null
      : new SolverTeacher(name, loadPromptTemplate(model.prompt, name).thought),
  );
  const likely: LikelyKept[] = [];
  for (const [slot, episode] of episodes.entries()) {
    const solver = solverOf(episode.states[0]);
    if (solver === null) {
      likely.push({ steps: episode.steps.length, final: closed[slot] });
      continue;
    }
    await setImmediate(); // heartbeats go on
    const { verdicts, done } = await judgeEpisode(
      config,
      iteration,
      episode,
      NOT_JUDGED_YET,
      async (request) => ({ verdict: solver.verdict(request), source: { by: 'solver' } }),
      { over: closed[slot] },
    );
    likely.push({ steps: verdicts.length, final: done });
  }
  return likely;
}

/**
 * An upper bound on how many of the needed steps an episode supplies: those that will likely be kept, or fewer if fewer
 * are kept. It only decreases while an episode is sampled and judged, so what later episodes are asked about depends
 * only on episodes and verdicts, never on timing.
 */
export function mostKept(
  { steps, final }: LikelyKept,
  { verdicts, done }: Pick<EpisodeProgress, 'verdicts' | 'done'>,
  maxEpisodeSteps: number,
): number {
  return Math.min(final ? steps : maxEpisodeSteps, done ? verdicts.length : Infinity);
}
