/** Verdicts in words. */
import type { Verdict } from '../learner/trajectory.ts';

const WORDS: Readonly<Record<Verdict['outcome'], string>> = {
  correct: 'correct',
  corrected: 'corrected',
  noSolution: 'no solution',
  unusable: 'no sensible judgement',
  unjudged: 'not judged',
};

/** E.g. `corrected`, or `no sensible judgement: the answer was empty`. */
export function describeVerdict(verdict: Verdict): string {
  return verdict.outcome === 'unusable' ? `${WORDS.unusable}: ${verdict.reason}` : WORDS[verdict.outcome];
}
