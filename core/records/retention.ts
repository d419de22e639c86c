/**
 * Decides which finished iterations keep their weights, and releases the others. docs/durability.md says why this is
 * safe.
 */
import type { ArtifactRef, ArtifactStore, Owner } from '../artifacts/store.ts';
import { algorithmOf } from '../../configs/algorithms.ts';
import type { RunConfig } from '../../configs/schema.ts';
import { type IterationRecord, putIterationRecord, type RunRecords } from './run-records.ts';

/** The facts that decide whether an iteration keeps its weights. */
type RetentionConfig = Pick<RunConfig, 'algorithm' | 'checkpoints' | 'turbo'>;

/** Owner of an iteration's weights that are kept permanently. */
export function iterationOwner(run: string, iteration: number): Owner {
  return { run, slot: `iteration-${iteration}` };
}

/**
 * Owner of the state that a run was reset to, until an iteration that began later is done: work that was being
 * published at the reset may release the state's record.
 */
export const RESET = 'reset';

/** The parts of an iteration's record that may be removed. */
export function weightsOf({ policy, optimizer, teacher }: IterationRecord): ArtifactRef[] {
  return [policy, optimizer, ...(teacher === undefined ? [] : [teacher.policy])];
}

/** The record with changed references to its weights. */
function withWeights(record: IterationRecord, change: (ref: ArtifactRef) => ArtifactRef): IterationRecord {
  const { policy, optimizer, teacher } = record;
  return {
    ...record,
    policy: change(policy),
    optimizer: change(optimizer),
    ...(teacher === undefined ? {} : { teacher: { ...teacher, policy: change(teacher.policy) } }),
  };
}

/** Whether a run whose newest iteration is `last` can still be continued from this one. */
function isKeptWhole(iteration: number, last: number, { keepLast, keepEvery }: RunConfig['checkpoints']): boolean {
  return iteration > last - keepLast || (keepEvery > 0 && (iteration + 1) % keepEvery === 0);
}

/**
 * What a run needs to continue after its first `done` iterations: policy, optimizer and teacher of the last of them,
 * and the policies that the next merge of a teacher needs.
 */
export function goesOnWith(
  iterations: readonly IterationRecord[],
  done: number,
  config: RetentionConfig,
): ArtifactRef[] {
  const merged = mergedNext(done, config);
  return iterations.flatMap((record) => [
    ...(record.iteration === done - 1 ? weightsOf(record) : []),
    ...(merged.includes(record.iteration) ? [record.policy] : []),
  ]);
}

/** Finished iterations whose policies the next teacher is merged from. */
export function mergedNext(done: number, { algorithm, turbo }: RetentionConfig): number[] {
  const { interval, until } = turbo.merge;
  const merge = Math.ceil(done / interval) * interval;
  if (algorithmOf({ algorithm }).merged === null || (until !== null && merge > until)) return [];
  const first = merge - interval;
  return Array.from({ length: done - first }, (_, index) => first + index);
}

/**
 * Hashes of the weights that are kept once the newest of `records` is done: those of the last iterations and of every
 * n-th, and the policy of the best evaluation during the run.
 */
function neededWeights({ iterations, evaluations }: RunRecords, config: RetentionConfig): Set<string> {
  const best = bestEvaluated(evaluations);
  const last = iterations.at(-1)?.iteration ?? -1;
  const needed = iterations.flatMap(({ iteration, policy }) => [
    ...(isKeptWhole(iteration, last, config.checkpoints) ? goesOnWith(iterations, iteration + 1, config) : []),
    ...(iteration === best ? [policy] : []),
  ]);
  return new Set(needed.map(({ sha256 }) => sha256));
}

/** The iteration with the best evaluation during the run, the first one among equals; null: there was none. */
function bestEvaluated(evaluations: RunRecords['evaluations']): number | null {
  let best: { iteration: number; success: number } | null = null;
  const between = evaluations.flatMap(({ label, result }) => {
    const [, done] = /^iteration-(\d+)$/.exec(label) ?? [];
    return done === undefined ? [] : [{ iteration: Number(done) - 1, success: result.success }];
  });
  for (const one of between.sort((a, b) => a.iteration - b.iteration))
    if (best === null || one.success > best.success) best = one;
  return best?.iteration ?? null;
}

/**
 * Releases the weights that iterations need not keep, after marking them in the record: weights that a record does not
 * mark as removed are there. `records`: those of the run up to the iteration that was just recorded.
 */
export async function letGo(
  store: ArtifactStore,
  run: string,
  records: RunRecords,
  config: RetentionConfig,
): Promise<void> {
  const needed = neededWeights(records, config);
  const held = await store.holds(run);
  for (const record of records.iterations) {
    const gone = weightsOf(record).filter(({ sha256 }) => !needed.has(sha256));
    if (gone.some(({ removed }) => !removed))
      await putIterationRecord(
        store,
        run,
        withWeights(record, (ref) => (gone.includes(ref) ? { ...ref, removed: true } : ref)),
      );
    // Also if an earlier attempt died after writing the record.
    const owner = iterationOwner(run, record.iteration);
    for (const { slot, ref } of held)
      if (slot === owner.slot && gone.some(({ sha256 }) => sha256 === ref.sha256)) await store.release(owner, ref);
  }
}

/** Half a sentence for a user who wants to continue from an iteration that did not keep its weights. */
export function whereItCanGoOn(run: string, iterations: readonly IterationRecord[]): string {
  const whole = iterations.flatMap(({ iteration, policy, optimizer }) =>
    policy.removed || optimizer.removed ? [] : [iteration + 1],
  );
  return (
    `of ${run}, policy and optimizer are kept after iteration ${whole.join(', ')} ` +
    `(checkpoints.keepLast and checkpoints.keepEvery)`
  );
}

/** A copy of an iteration's record for another run; that run holds the weights that still exist. */
export async function copyRecord(store: ArtifactStore, record: IterationRecord, run: string): Promise<IterationRecord> {
  const there = new Set<string>();
  for (const ref of weightsOf(record))
    if (!ref.removed && (await store.hold(iterationOwner(run, record.iteration), ref))) there.add(ref.sha256);
  const copy = withWeights(record, (ref) => (there.has(ref.sha256) ? ref : { ...ref, removed: true }));
  await putIterationRecord(store, run, copy);
  return copy;
}
