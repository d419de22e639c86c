/** How long an iteration takes on any number of GPU workers, from rates that were measured. */

/** Seconds, bytes and rates of one run. N: trained elements. */
export type Rates = {
  /** Of sampling one wave, and of judging it afterwards. */
  wave: number;
  judge: number;
  /** Of what an iteration does beside rollout and update. */
  besides: number;
  /** Of the gradients of a whole optimizer step on one worker. */
  gradients: number;
  /** Of adding two gradients, and of clipping and Adam. */
  add: number;
  adam: number;
  /** From the end of an activity to the beginning of the next one that follows from it. */
  dispatch: number;
  /** N * 4. */
  vectorBytes: number;
  /** Bytes of one group's gradient in its exchange. */
  gradientBytes: number;
  store: Store;
};

/** Bytes a second: what one worker reads and writes at, and what all together do. */
export type Store = { read: number; write: number; together: number };

export type Shape = { workers: number; waves: number; groups: number; steps: number; warmAdder: boolean };

export type Simulated = { rollout: number; update: number; iteration: number; exchange: number; step: number };

/**
 * `exchange`: the part of the update that is spent on the store. Workers are alike; a wave or a group is taken as soon
 * as a worker is free. `warmAdder`: the sums are always added by the worker that added the last ones; otherwise by any,
 * which reads policy and optimizer unless it happens to be that one.
 */
export function simulate(rates: Rates, { workers, waves, groups, steps, warmAdder }: Shape): Simulated {
  const { wave, judge, besides, gradients, add, adam, dispatch, vectorBytes, gradientBytes, store } = rates;
  const reading = (bytes: number, readers: number) => bytes / Math.min(store.read, store.together / readers);
  const writing = (bytes: number, writers: number) => bytes / Math.min(store.write, store.together / writers);
  const rollout = Math.ceil(waves / workers) * (wave + dispatch) + judge;

  const busy = Math.min(workers, groups);
  const rounds = Math.ceil(groups / workers);
  const others = busy - 1;
  const cold = warmAdder ? 0 : (workers - 1) / workers;
  const exchange =
    (others > 0 ? reading(vectorBytes, others) : 0) + // the new policy, by all but the worker that made it
    rounds * writing(gradientBytes, busy) +
    reading(gradientBytes, 1) * (groups - rounds) + // those of the other workers
    cold * reading(3 * vectorBytes, 1) +
    writing(3 * vectorBytes, 1);
  const computing = (rounds * gradients) / groups + (groups - 1) * add + adam;
  const step = computing + exchange + 2 * dispatch;
  const update = steps * step;
  return { rollout, update, iteration: rollout + update + besides, exchange: steps * exchange, step };
}
