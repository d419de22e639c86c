/**
 * A worker's own copy of the state of an epoch whose optimizer steps are shared. The gradients that all workers
 * exchange advance it, so that parameters and optimizer need not be exchanged.
 */
import { createHash } from 'node:crypto';
import type { RunConfig } from '../configs/schema.ts';
import type { ArtifactRef, ArtifactStore } from '../core/artifacts/store.ts';
import { applyGradient, type EpochSums } from '../core/learner/update-epoch.ts';
import type { Agent } from '../core/policy/agent.ts';
import { getGradient } from '../core/records/gradient.ts';
import { getOptimizer, getPolicy, type PolicyState } from '../core/records/policy-state.ts';
import type { Stopwatch } from './stopwatch.ts';

/**
 * A stored state. `behind`: how it follows from an earlier state, which a worker may have: that one's key, and the
 * gradients of the step between them; null: unknown.
 */
export type StoredState = {
  policy: ArtifactRef;
  optimizer: ArtifactRef;
  skippedInARow: number;
  behind: { key: string; gradients: ArtifactRef[] } | null;
};

/**
 * `key`: identifies the state by the stored one and the gradients since. `outcomes`: what each step since the stored
 * state adds to the epoch's sums; null: the step had no gradients.
 */
export type Replicated = PolicyState & { key: string; skippedInARow: number; outcomes: (EpochSums | null)[] };

export class StateReplica {
  readonly #store: ArtifactStore;
  #kept: (Replicated & { agent: Agent }) | null = null;
  /** Gradients that were computed here, by hash, until their step is applied. */
  readonly #own = new Map<string, Float32Array>();
  #ownStep = '';
  /** The state that the engine has. */
  #loaded: { agent: Agent; key: string; policies: number } | null = null;

  constructor(store: ArtifactStore) {
    this.#store = store;
  }

  /** A gradient that this worker computed and stored for a step, as `getGradient` would read it. */
  remember(step: string, { sha256 }: ArtifactRef, gradient: Float32Array): void {
    if (this.#ownStep !== step) this.#own.clear();
    this.#ownStep = step;
    this.#own.set(sha256, gradient);
  }

  /**
   * The state after the steps `since` the stored one, given by their gradients in order; the caller must not change it.
   * Throws `NotFiniteError` as `applyGradient` does. `reading` counts the time that the store takes.
   */
  async bring(
    agent: Agent,
    stored: StoredState,
    since: readonly (readonly ArtifactRef[])[],
    settings: { config: Pick<RunConfig, 'ppo' | 'optimizer'>; lr: number },
    reading: Stopwatch,
  ): Promise<Replicated> {
    const keys = [keyOf(stored)];
    for (const refs of since) keys.push(nextKey(keys.at(-1)!, refs));
    const kept = this.#kept?.agent === agent ? this.#kept : null;
    this.#kept = null; // if this fails half-way, everything is read again
    let state: Replicated;
    let done = kept === null ? -1 : keys.indexOf(kept.key);
    if (done > 0) state = kept!;
    else {
      const { behind, skippedInARow } = stored;
      if (done === 0) state = kept!;
      // Later the gradients of the step between them may have been removed.
      else if (kept !== null && since.length === 0 && kept.key === behind?.key) {
        state = kept;
        await this.#apply(agent, state, behind.gradients, settings, reading);
      } else state = await this.#read(agent, stored, reading);
      done = 0;
      Object.assign(state, { key: keys[0], skippedInARow, outcomes: [] });
    }
    for (const refs of since.slice(done)) {
      await this.#apply(agent, state, refs, settings, reading);
      state.key = nextKey(state.key, refs);
    }
    this.#kept = { ...state, agent };
    return this.#kept;
  }

  /** Gives the engine the latest state. */
  async load(agent: Agent): Promise<void> {
    const { key, parameters } = this.#kept!;
    const loaded = this.#loaded;
    if (loaded?.agent === agent && loaded.key === key && loaded.policies === agent.policies) return;
    await agent.setPolicy(parameters, null);
    this.#loaded = { agent, key, policies: agent.policies };
  }

  /** Records that the latest state is stored. */
  isStored(stored: StoredState): void {
    Object.assign(this.#kept!, { key: keyOf(stored), outcomes: [] });
  }

  async #read(
    agent: Agent,
    { policy, optimizer, skippedInARow }: StoredState,
    reading: Stopwatch,
  ): Promise<Replicated> {
    const [parameters, adam] = await reading.time(() =>
      Promise.all([getPolicy(this.#store, agent.engine, policy), getOptimizer(this.#store, optimizer)]),
    );
    return { parameters, adam, key: '', skippedInARow, outcomes: [] };
  }

  /** One optimizer step: adds the gradients in order, clips the sum and applies it by Adam. */
  async #apply(
    agent: Agent,
    state: Replicated,
    refs: readonly ArtifactRef[],
    settings: { config: Pick<RunConfig, 'ppo' | 'optimizer'>; lr: number },
    reading: Stopwatch,
  ): Promise<void> {
    if (refs.length === 0) {
      state.outcomes.push(null);
      return;
    }
    const timed = <T>(work: () => T) => agent.engine.timed(work);
    const read = (ref: ArtifactRef | undefined) => {
      const gradient = ref === undefined ? null : this.#gradient(ref);
      gradient?.catch(() => {}); // awaited below
      return gradient;
    };
    const sum = await reading.time(() => this.#gradient(refs[0]));
    for (let [index, next] = [1, read(refs[1])]; next !== null; index++) {
      const summand = await reading.time(() => next!);
      next = read(refs[index + 1]); // while this one is added
      await timed(() => {
        for (let i = 0; i < sum.length; i++) sum[i] += summand[i];
      });
      agent.engine.recycle(summand);
    }
    const step = { ...state, step: 0, sums: {} };
    await applyGradient(step, sum, settings, timed);
    agent.engine.recycle(sum);
    state.skippedInARow = step.skippedInARow;
    state.outcomes.push(step.sums);
  }

  async #gradient(ref: ArtifactRef): Promise<Float32Array> {
    const own = this.#own.get(ref.sha256);
    this.#own.delete(ref.sha256); // two groups of equal bytes need two arrays, because one is overwritten
    return own ?? (await getGradient(this.#store, ref));
  }
}

function keyOf({ policy, optimizer }: StoredState): string {
  return nextKey('', [policy, optimizer]);
}

function nextKey(key: string, refs: readonly ArtifactRef[]): string {
  return createHash('sha256')
    .update([key, ...refs.map(({ sha256 }) => sha256)].join())
    .digest('hex');
}
