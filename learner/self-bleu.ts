/** Self-BLEU-2 (Zhu et al. 2018): how alike sampled thoughts are; 1 means all the same. Equals nltk's sentence_bleu with weights (1/2, 1/2) and smoothing method 1. */

/** Mean over the sentences of BLEU-2 against all others; null below two sentences. */
export function selfBleu2(sentences: readonly (readonly string[])[]): number | null {
  if (sentences.length < 2) return null;
  const scores = sentences.map((hypothesis, index) => bleu2(hypothesis, sentences.filter((_, other) => other !== index)));
  return scores.reduce((total, score) => total + score, 0) / scores.length;
}

/** BLEU-2 = brevity penalty * sqrt(p1 * p2); a precision with no match at all counts 0.1 / its denominator (Chen & Cherry 2014, method 1). */
export function bleu2(hypothesis: readonly string[], references: readonly (readonly string[])[]): number {
  const precisions = [1, 2].map((n) => modifiedPrecision(hypothesis, references, n));
  // nltk: no common unigram at all means 0, before any smoothing.
  if (precisions[0].matches === 0) return 0;
  const logs = precisions.map(({ matches, total }) => Math.log((matches === 0 ? 0.1 : matches) / total));
  return brevityPenalty(hypothesis.length, references) * Math.exp((logs[0] + logs[1]) / 2);
}

function modifiedPrecision(hypothesis: readonly string[], references: readonly (readonly string[])[], n: number): { matches: number; total: number } {
  const counts = ngramCounts(hypothesis, n);
  const referenceCounts = references.map((reference) => ngramCounts(reference, n));
  let matches = 0;
  for (const [ngram, count] of counts) matches += Math.min(count, Math.max(...referenceCounts.map((reference) => reference.get(ngram) ?? 0)));
  return { matches, total: Math.max(1, hypothesis.length - n + 1) };
}

function ngramCounts(tokens: readonly string[], n: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let start = 0; start + n <= tokens.length; start++) {
    const ngram = tokens.slice(start, start + n).join('\u0000');
    counts.set(ngram, (counts.get(ngram) ?? 0) + 1);
  }
  return counts;
}

/** exp(1 - r / h) for a hypothesis of length h shorter than the closest reference length r (the shorter one of two equally close). */
function brevityPenalty(length: number, references: readonly (readonly string[])[]): number {
  const closest = references.map((reference) => reference.length).reduce((best, next) => {
    const [bestGap, nextGap] = [Math.abs(best - length), Math.abs(next - length)];
    return nextGap < bestGap || (nextGap === bestGap && next < best) ? next : best;
  });
  return length > closest ? 1 : length === 0 ? 0 : Math.exp(1 - closest / length);
}
