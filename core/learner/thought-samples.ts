/** A few kept steps of an iteration as samples: picture, thought, verdict, correction, action. */
import type { JsonState } from '../envs/env.ts';
import { RandomStream } from '../random/counter.ts';
import type { KeptSegment } from './kept-steps.ts';
import type { Verdict } from '../episodes/episode.ts';

export type ThoughtSample = {
  state: JsonState;
  text: string;
  action: string;
  legal: boolean;
  reward: number;
  verdict: Verdict;
};

/** Samples kept of each iteration. */
const SAMPLES = 8;

/** A seeded choice of kept steps, in trajectory order. */
export function thoughtSamples(
  segments: readonly KeptSegment[],
  key: { seed: number; iteration: number },
): ThoughtSample[] {
  const steps = segments.flatMap(({ episode, judgement, rewards }) =>
    rewards.map((reward, t) => {
      const { text, action, legal } = episode.steps[t];
      return { state: episode.states[t], text, action, legal, reward, verdict: judgement.verdicts[t] };
    }),
  );
  const chosen = new RandomStream({ ...key, purpose: 'report samples' })
    .shuffled(steps.map((_, index) => index))
    .slice(0, SAMPLES);
  return chosen.sort((a, b) => a - b).map((index) => steps[index]);
}
