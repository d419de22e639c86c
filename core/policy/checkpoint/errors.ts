/** A checkpoint that cannot be used; the message says what, where, and what would be right. */
export class CheckpointError extends Error {
  override name = 'CheckpointError';
}
