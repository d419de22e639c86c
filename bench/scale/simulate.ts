/** Simulates the time of an iteration on any number of GPU workers, from measured rates. */
import { STEPS_PER_STORED_STATE } from '../../configs/shared-update.ts';

/** Seconds, bytes and rates of one run. N: trained elements. */
export type Rates = {
  /** Sampling one wave, and judging it afterwards. */
  wave: number;
  judge: number;
  /** Everything else in an iteration besides rollout and update. */
  besides: number;
  /** The gradients of a whole optimizer step on one worker. */
  gradients: number;
  /** Adding one gradient to another, and clipping and Adam. */
  add: number;
  adam: number;
  /** From the end of an activity to the start of the one that follows it. */
  dispatch: number;
  /** N * 4. */
  vectorBytes: number;
  /** Bytes of one group's gradient in its exchange. */
  gradientBytes: number;
  store: Store;
};

/** Bytes per second: the rates of one worker's reads and writes, and of all together. */
export type Store = { read: number; write: number; together: number };

export type Shape = { workers: number; waves: number; groups: number; steps: number };

export type Simulated = { rollout: number; update: number; iteration: number; exchange: number; step: number };

/**
 * `exchange`: the part of the update that is spent on the store. Workers are equal; a free worker takes the next wave
 * or group at once, and every worker takes part in every step, so it reads only gradients.
 */
export function simulate(rates: Rates, { workers, waves, groups, steps }: Shape): Simulated {
  const { wave, judge, besides, gradients, add, adam, dispatch, vectorBytes, gradientBytes, store } = rates;
  const busy = Math.min(workers, groups);
  const reading = (bytes: number) => bytes / Math.min(store.read, store.together / busy);
  const writing = (bytes: number, writers: number) => bytes / Math.min(store.write, store.together / writers);
  const rollout = Math.ceil(waves / workers) * (wave + dispatch) + judge;

  const own = Math.ceil(groups / workers);
  const stored = Math.ceil(steps / STEPS_PER_STORED_STATE) / steps; // states a step
  const exchange =
    writing(own * gradientBytes, busy) + reading((groups - own) * gradientBytes) + stored * writing(3 * vectorBytes, 1);
  const computing = (own * gradients) / groups + (groups - 1) * add + adam;
  const step = computing + exchange + (1 + stored) * dispatch;
  const update = steps * step;
  return { rollout, update, iteration: rollout + update + besides, exchange: steps * exchange, step };
}
