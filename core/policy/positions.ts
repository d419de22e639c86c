/** How many positions a model has. */
import { CheckpointError } from './checkpoint/errors.ts';
import type { TextConfig } from './vlm-config.ts';

/** Positions that the decoder was made for; linear scaling stretches those that config.json states. */
export function positionsOf({ maxPositions, ropeScaling }: Pick<TextConfig, 'maxPositions' | 'ropeScaling'>): number {
  return ropeScaling?.kind === 'linear' ? Math.floor(maxPositions * ropeScaling.factor) : maxPositions;
}

/** What is too long, with its numbers, as the middle of a sentence; null if there are enough positions. */
export function tooLong(
  text: Pick<TextConfig, 'maxPositions' | 'ropeScaling'>,
  promptTokens: number,
  responseTokens: number,
): string | null {
  const positions = positionsOf(text);
  return promptTokens + responseTokens <= positions
    ? null
    : `a prompt of ${promptTokens} tokens, image included, and an answer of ${responseTokens} make ` +
        `${promptTokens + responseTokens}, but the model has ${positions} positions (max_position_embeddings)`;
}

/**
 * Throws `CheckpointError` where a row has no positions left. `newTokens`: the length of a response that is not sampled
 * yet.
 */
export function checkPositions(
  text: TextConfig,
  rows: readonly { promptIds: readonly number[]; responseIds?: readonly number[] }[],
  newTokens = 0,
): void {
  for (const { promptIds, responseIds } of rows) {
    const problem = tooLong(text, promptIds.length, responseIds?.length ?? newTokens);
    if (problem !== null)
      throw new CheckpointError(`${problem}; lower maxNewTokens, shorten the prompt, or use another model`);
  }
}
