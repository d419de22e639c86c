/** A number of the policy (log-probability, value, gradient) that is NaN or infinite; no retry mends it. */
export class NotFiniteError extends Error {
  override name = 'NotFiniteError';
}
