/** Marks the words that a correction changed. */

/** A word of a text and whether the other text has it in the same order. */
export type Word = { text: string; kept: boolean };

/** The words of both texts with those of a longest common subsequence marked as kept. */
export function markDifferences(before: string, after: string): { before: Word[]; after: Word[] } {
  const [a, b] = [splitWords(before), splitWords(after)];
  // common[i][j]: length of the longest common subsequence of a[i..] and b[j..]
  const common = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--)
      common[i][j] = a[i] === b[j] ? common[i + 1][j + 1] + 1 : Math.max(common[i + 1][j], common[i][j + 1]);
  }
  const marked = { before: a.map((text) => ({ text, kept: false })), after: b.map((text) => ({ text, kept: false })) };
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    if (a[i] === b[j]) marked.before[i++].kept = marked.after[j++].kept = true;
    else if (common[i + 1][j] >= common[i][j + 1]) i++;
    else j++;
  }
  return marked;
}

function splitWords(text: string): string[] {
  return text.split(/\s+/).filter(Boolean);
}
