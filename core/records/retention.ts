/** Which finished iterations keep their weights, and letting go of the others. docs/durability.md says why it is safe. */
import type { ArtifactStore, Owner } from '../artifacts/store.ts';
import type { RunConfig } from '../../configs/schema.ts';
import { type IterationRecord, putIterationRecord, type RunRecords } from './run-records.ts';

type Weights = 'policy' | 'optimizer';

/** Who holds an iteration's weights for good. */
export function iterationOwner(run: string, iteration: number): Owner {
  return { run, slot: `iteration-${iteration}` };
}

/**
 * Where the run was reset to holds what it begins with, until an iteration is done that began later: the record may be
 * let go of by what was just being published when the run was reset.
 */
export const RESET = 'reset';

/**
 * What each iteration keeps once the newest of `records` is done: policy and optimizer of the last ones and of every
 * so many, the policy of the best evaluation in between.
 */
export function keptWeights(
  { iterations, evaluations }: RunRecords,
  { keepLast, keepEvery }: RunConfig['checkpoints'],
): Map<number, readonly Weights[]> {
  const best = bestEvaluated(evaluations);
  const last = iterations.at(-1)?.iteration ?? -1;
  return new Map(
    iterations.map(({ iteration }): [number, readonly Weights[]] => {
      const whole = iteration > last - keepLast || (keepEvery > 0 && (iteration + 1) % keepEvery === 0);
      return [iteration, whole ? ['policy', 'optimizer'] : iteration === best ? ['policy'] : []];
    }),
  );
}

/** The iteration whose policy did best in an evaluation in between, the first of several; null: there was none. */
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
 * Lets go of the weights that iterations need not keep, the record first: what a record does not call removed is there.
 * `records`: of the run up to the iteration that was just recorded.
 */
export async function letGo(
  store: ArtifactStore,
  run: string,
  records: RunRecords,
  checkpoints: RunConfig['checkpoints'],
): Promise<void> {
  const kept = keptWeights(records, checkpoints);
  const held = await store.holds(run);
  for (const record of records.iterations) {
    const gone = (['policy', 'optimizer'] as const).filter((name) => !kept.get(record.iteration)!.includes(name));
    if (gone.some((name) => !record[name].removed))
      await putIterationRecord(store, run, {
        ...record,
        ...Object.fromEntries(gone.map((name) => [name, { ...record[name], removed: true }])),
      });
    // Also where an earlier attempt died behind the record.
    const owner = iterationOwner(run, record.iteration);
    for (const { slot, ref } of held)
      if (slot === owner.slot && gone.some((name) => record[name].sha256 === ref.sha256))
        await store.release(owner, ref);
  }
}

/** Half a sentence for whoever wants to go on from an iteration that did not keep its weights. */
export function whereItCanGoOn(run: string, iterations: readonly IterationRecord[]): string {
  const whole = iterations.flatMap(({ iteration, policy, optimizer }) =>
    policy.removed || optimizer.removed ? [] : [iteration + 1],
  );
  return (
    `of ${run}, policy and optimizer are kept after iteration ${whole.join(', ')} ` +
    `(checkpoints.keepLast and checkpoints.keepEvery)`
  );
}

/** A copy of an iteration's record for another run, which holds what is there of its weights. */
export async function copyRecord(store: ArtifactStore, record: IterationRecord, run: string): Promise<IterationRecord> {
  const copy = { ...record };
  for (const name of ['policy', 'optimizer'] as const)
    if (record[name].removed || !(await store.hold(iterationOwner(run, record.iteration), record[name])))
      copy[name] = { ...record[name], removed: true };
  await putIterationRecord(store, run, copy);
  return copy;
}
