/** Verdicts as text. */
import type { UnusableReason, Verdict } from '../episodes/episode.ts';

const WORDS: Readonly<Record<Verdict['outcome'], string>> = {
  correct: 'correct',
  corrected: 'corrected',
  noSolution: 'no solution',
  unusable: 'no sensible judgement',
  unjudged: 'not judged',
};

const REASONS: Readonly<Record<UnusableReason, string>> = {
  refusal: 'the teacher refused',
  length: 'the answer was cut off at the maximum length',
  contentFilter: "the provider's content filter stopped it",
  empty: 'the answer was empty',
  toolRounds: 'it only asked for tools',
  schema: 'the answer did not have the required form',
  wrongTarget: 'the target formula does not work',
  wrongAction: 'the action does not work',
  wrongNoSolution: 'there is a solution, although the answer says there is none',
  wording: "the policy's vocabulary cannot express the correction",
};

/** E.g. `corrected`, or `no sensible judgement: the answer was empty`. */
export function describeVerdict(verdict: Verdict): string {
  return verdict.outcome === 'unusable' ? `${WORDS.unusable}: ${REASONS[verdict.reason]}` : WORDS[verdict.outcome];
}
