/**
 * Selects the steps to train on from judged episodes: applies the cut and takes steps in (wave, slot, step) order until
 * there are enough.
 */
import { CUT_REWARD, type Episode, type EpisodeJudgement } from '../episodes/episode.ts';

/** A run of consecutive kept steps of one episode. */
export type KeptSegment = {
  episode: Episode;
  judgement: EpisodeJudgement;
  /** Rewards of the kept steps after the cut, before format rewards. */
  rewards: number[];
  /** Value that follows the last kept step: 0 at an episode's end, else the next state's value. */
  bootstrapValue: number;
  /** The episode ended within the kept steps (by the environment or by the cut). */
  ended: boolean;
  /** Only the cut dropped steps of the episode; it may have ended at the step limit. */
  whole: boolean;
};

/** The steps of an episode that survive the cut, up to where it was judged. */
function keptLength(judgement: EpisodeJudgement): number {
  return judgement.verdicts.length;
}

/**
 * The first `envSteps` kept steps; the last episode may be split, and is then bootstrapped from its next step's value.
 */
export function selectKeptSteps(
  episodes: readonly { episode: Episode; judgement: EpisodeJudgement }[],
  envSteps: number,
): KeptSegment[] {
  const segments: KeptSegment[] = [];
  let missing = envSteps;
  for (const { episode, judgement } of episodes) {
    if (missing === 0) break;
    const length = Math.min(keptLength(judgement), missing);
    const whole = length === keptLength(judgement) && !judgement.partial;
    const ended = whole && (judgement.cut || episode.stop === 'terminated' || episode.stop === 'truncated');
    const rewards = episode.steps.slice(0, length).map((step) => step.reward);
    if (whole && judgement.cut) rewards[length - 1] = CUT_REWARD;
    const next = episode.steps[length]?.value ?? episode.bootstrapValue;
    segments.push({ episode, judgement, rewards, bootstrapValue: ended ? 0 : next, ended, whole });
    missing -= length;
  }
  return segments;
}
