/** A number of the policy (log-probability, value, gradient) that is NaN or infinite; retrying does not help. */
export class NotFiniteError extends Error {
  override name = 'NotFiniteError';
}
