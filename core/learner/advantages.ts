/** Generalised advantage estimation (Schulman et al. 2016) with the original GTR's format reward. */

export type Segment = {
  rewards: readonly number[];
  values: readonly number[];
  /** Value after the last step; 0 if the episode is over. */
  bootstrapValue: number;
};

/**
 * delta_t = r_t + gamma * V_{t+1} - V_t;  A_t = delta_t + gamma * lambda * A_{t+1};  return_t = A_t + V_t
 * over one segment; a segment never runs past an episode's end.
 */
export function gaeReturns({ rewards, values, bootstrapValue }: Segment, gamma: number, lambda: number): number[] {
  const returns = new Array<number>(rewards.length);
  let advantage = 0;
  let nextValue = bootstrapValue;
  for (let t = rewards.length - 1; t >= 0; t--) {
    const delta = rewards[t] + gamma * nextValue - values[t];
    advantage = delta + gamma * lambda * advantage;
    returns[t] = advantage + values[t];
    nextValue = values[t];
  }
  return returns;
}

/** (x - mean) / (std + 1e-5), with the unbiased standard deviation as torch computes it. */
export function normalise(values: readonly number[]): number[] {
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, count - 1);
  return values.map((value) => (value - mean) / (Math.sqrt(variance) + 1e-5));
}
