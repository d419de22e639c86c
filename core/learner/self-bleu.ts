/**
 * Self-BLEU-2 (Zhu et al. 2018): how alike sampled thoughts are; 1: all equal. Equals nltk's sentence_bleu with weights
 * (1/2, 1/2) and smoothing method 1.
 */

/** Mean over the sentences (lists of words) of BLEU-2 against all others; null below two sentences. */
export function selfBleu2(sentences: readonly (readonly string[])[]): number | null {
  if (sentences.length < 2) return null;
  const counted = sentences.map(countNgrams);
  const scores = counted.map((hypothesis, index) => score(hypothesis, counted.toSpliced(index, 1)));
  return scores.reduce((total, value) => total + value, 0) / scores.length;
}

/**
 * BLEU-2 = brevity penalty * sqrt(p1 * p2); a precision with no match at all counts 0.1 / its denominator (Chen &
 * Cherry 2014, method 1).
 */
export function bleu2(hypothesis: readonly string[], references: readonly (readonly string[])[]): number {
  return score(countNgrams(hypothesis), references.map(countNgrams));
}

type Counted = { length: number; unigrams: Map<string, number>; bigrams: Map<string, number> };

function countNgrams(words: readonly string[]): Counted {
  const count = (ngrams: readonly string[]) => {
    const counts = new Map<string, number>();
    for (const ngram of ngrams) counts.set(ngram, (counts.get(ngram) ?? 0) + 1);
    return counts;
  };
  return {
    length: words.length,
    unigrams: count(words),
    bigrams: count(words.slice(1).map((word, index) => `${words[index]}\u0000${word}`)),
  };
}

function score(hypothesis: Counted, references: readonly Counted[]): number {
  const unigrams = clippedMatches(
    hypothesis.unigrams,
    references.map((reference) => reference.unigrams),
  );
  // nltk: no common unigram at all means 0, before any smoothing.
  if (unigrams === 0) return 0;
  const bigrams =
    clippedMatches(
      hypothesis.bigrams,
      references.map((reference) => reference.bigrams),
    ) || 0.1;
  const [p1, p2] = [unigrams / hypothesis.length, bigrams / Math.max(1, hypothesis.length - 1)];
  return brevityPenalty(hypothesis.length, references) * Math.sqrt(p1 * p2);
}

/** Each n-gram counts at most as often as in the reference that has it most often. */
function clippedMatches(counts: Map<string, number>, references: readonly Map<string, number>[]): number {
  let matches = 0;
  for (const [ngram, count] of counts)
    matches += Math.min(count, Math.max(0, ...references.map((reference) => reference.get(ngram) ?? 0)));
  return matches;
}

/**
 * exp(1 - r / h) for a hypothesis of length h shorter than the closest reference length r (the shorter one of two
 * equally close).
 */
function brevityPenalty(length: number, references: readonly Counted[]): number {
  const closest = references
    .map((reference) => reference.length)
    .reduce((best, next) => {
      const [bestGap, nextGap] = [Math.abs(best - length), Math.abs(next - length)];
      return nextGap < bestGap || (nextGap === bestGap && next < best) ? next : best;
    });
  return length > closest ? 1 : Math.exp(1 - closest / length);
}
