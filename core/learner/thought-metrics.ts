/** Signs of thought collapse over sampled steps (spec.md section 9). */
import type { JsonState } from '../envs/env.ts';
import { selfBleu2 } from './self-bleu.ts';
import type { Step, Thought } from '../episodes/episode.ts';

/** Thoughts that self-BLEU compares, at most: its cost grows with their square. */
const SELF_BLEU_THOUGHTS = 64;

/** What is read from a thought (core/corrector/thought-reading.ts); null: its wording does not tell. */
type Reading = { view: string; seenRightly: boolean | null; aimsRightly: boolean | null; namedAction: string | null };

/** Metrics over well-formed thoughts; null where nothing was counted. */
export type ThoughtMetrics = {
  /** 1: all thoughts are alike. */
  selfBleu2: number | null;
  /** Distinct thoughts per distinct view: states that look the same to the agent are one. */
  distinctPerState: number | null;
  /** Share that reads the picture correctly: card accuracy. */
  perceptionRate: number | null;
  /** Share that aims at something that leads to success. */
  validGoalRate: number | null;
  /** Share whose action is the one named in the thought. */
  agreementRate: number | null;
};

export function thoughtMetrics(
  steps: readonly { state: JsonState; step: Step }[],
  read: (state: JsonState, thought: Thought) => Reading,
): ThoughtMetrics {
  const wellFormed = steps.flatMap(({ state, step }) =>
    step.thought === null ? [] : [{ state, step, thought: step.thought }],
  );
  const texts = wellFormed.map(({ thought }) => Object.values(thought).flat().join(' '));
  const readings = wellFormed.map(({ state, thought }) => read(state, thought));
  const distinct = (values: readonly string[]) => new Set(values).size;
  return {
    selfBleu2: selfBleu2(texts.slice(0, SELF_BLEU_THOUGHTS).map((text) => text.split(/\s+/))),
    distinctPerState: texts.length === 0 ? null : distinct(texts) / distinct(readings.map(({ view }) => view)),
    perceptionRate: share(readings.map(({ seenRightly }) => seenRightly)),
    validGoalRate: share(readings.map(({ aimsRightly }) => aimsRightly)),
    agreementRate: share(
      readings.map(({ namedAction }, index) =>
        namedAction === null ? null : wellFormed[index].step.legal && namedAction === wellFormed[index].step.action,
      ),
    ),
  };
}

/** Share of the known values that hold. */
function share(values: readonly (boolean | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.filter(Boolean).length / known.length;
}
