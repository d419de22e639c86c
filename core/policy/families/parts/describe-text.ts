/** A decoder in words. */
import type { TextConfig } from '../../vlm-config.ts';

/** E.g. `28 layers of 2048, 16 heads of 128 (8 of keys and values), vocabulary 151936, tied`. */
export function describeText(text: TextConfig): string {
  const { layers, hiddenSize, heads, headDim, keyValueHeads, vocabSize, tiedEmbeddings, slidingWindow } = text;
  return (
    `${layers} layers of ${hiddenSize}, ${heads} heads${heads * headDim === hiddenSize ? '' : ` of ${headDim}`} ` +
    `(${keyValueHeads} of keys and values), vocabulary ${vocabSize}${tiedEmbeddings ? ', tied' : ''}` +
    `${slidingWindow === null ? '' : `, sliding window ${slidingWindow}`}`
  );
}
