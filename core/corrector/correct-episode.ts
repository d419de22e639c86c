/** Correction of one episode as a pure function: its thoughts in order, carrying the target formula, up to the cut. */

/** What the rules need to know of a step. */
export type JudgeableStep = {
  wellFormed: boolean;
  /** Whether its reward ends the episode (`Game.cut`). */
  failed: boolean;
  /** The formula after the step where the way to the target counts (`Game.cut`), else null. */
  formulaAfter: string | null;
};

/** What the rules need to know of a verdict (see core/episodes/episode.ts). */
type Judged = { outcome: 'correct' | 'corrected' | 'noSolution' | 'unusable' | 'unjudged'; target?: string | null };

const UNJUDGED = { outcome: 'unjudged' } as const;

/** A judge's answer that postpones a thought: the episode stops before it. */
export const LATER = 'later';

/**
 * Judges each well-formed thought and applies the cut (spec.md section 2): the episode ends after a step that failed,
 * whose thought has no solution, or whose formula is not a prefix of the target. `judge` is called in step order; null
 * means that this thought is not judged. With `cut` false everything is judged and kept. `soFar`: verdicts of the first
 * steps, if an earlier call stopped; `done`: no thought was postponed.
 */
export async function correctEpisode<V extends Judged>(
  steps: readonly JudgeableStep[],
  judge: (step: number, target: string | null) => Promise<V | typeof LATER> | null,
  { cut, soFar = [] }: { cut: boolean; soFar?: readonly (V | typeof UNJUDGED)[] },
): Promise<{ verdicts: (V | typeof UNJUDGED)[]; cut: boolean; done: boolean }> {
  const verdicts: (V | typeof UNJUDGED)[] = [];
  let target: string | null = null;
  for (const [index, step] of steps.entries()) {
    const answer: V | typeof UNJUDGED | typeof LATER | null =
      index < soFar.length ? soFar[index] : step.wellFormed ? await judge(index, target) : null;
    if (answer === LATER) return { verdicts, cut: false, done: false };
    const verdict: V | typeof UNJUDGED = answer ?? UNJUDGED;
    verdicts.push(verdict);
    if (verdict.outcome === 'corrected') target = verdict.target ?? null;
    if (verdict.outcome === 'correct') target ??= verdict.target ?? null;
    const leftTarget = step.formulaAfter !== null && target !== null && !leadsTo(step.formulaAfter, target);
    if (cut && (step.failed || verdict.outcome === 'noSolution' || leftTarget))
      return { verdicts, cut: true, done: true };
  }
  return { verdicts, cut: false, done: true };
}

/** Whether `formula` is a prefix of `target` closed by its equals sign. */
export function leadsTo(formula: string, target: string): boolean {
  return `${target}=`.startsWith(formula);
}
