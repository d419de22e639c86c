/** Rebuilds artifacts of a run that are missing or damaged. */
import { FAILURES } from '../configs/failure-types.ts';
import { activitiesOn } from './activities-on.ts';
import { hasFailureType } from './failures.ts';
import { runIteration } from './run-iteration.ts';
import type { Run } from './run.ts';
import type { TrainState } from './train-state.ts';

/** Does `work`. If an artifact is missing or damaged, everything that led to it is rebuilt, once. */
export async function withWholeArtifacts<T>(run: Run, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (run.state === null || !hasFailureType(error, FAILURES.artifact)) throw error;
    await remakeArtifacts(run, run.state, error);
    return await work();
  }
}

/**
 * Repeats iterations from the newest whose results are complete. On a CPU they end with the same bytes, so the run
 * continues as if nothing had happened. Throws `reason` if that does not help.
 */
async function remakeArtifacts(run: Run, state: TrainState, reason: unknown): Promise<void> {
  const { phase, config } = run;
  const firstPolicy = async () => ({
    ...(await activitiesOn('gpu', config, 'make the first policy again').prepareRun({ config })),
    corrections: null,
    keptPerWave: null,
  });
  const { findIterationToRemake } = activitiesOn('orchestrator', config, 'which artifacts are whole');
  if (state.iteration === 0) await firstPolicy();
  for (let remade = -1; ;) {
    const next = await findIterationToRemake({ runId: run.id, iterations: state.iteration });
    if (next === null) break;
    if (next.iteration <= remade) throw reason;
    remade = next.iteration;
    run.enter(`iteration ${remade + 1} again: artifacts of it are missing or damaged`);
    const start = next.start ?? (await firstPolicy());
    const result = await runIteration(run, { iteration: remade, ...start }, next.config);
    if (result === null) break;
    const { policy, optimizer, corrections, ahead } = result;
    run.state = { ...state, policy, optimizer, corrections };
    // The teacher's cost for samples made ahead stays the original one.
    if (ahead !== undefined) run.state.ahead = { ...ahead, corrector: state.ahead?.corrector ?? ahead.corrector };
  }
  run.budget.reset();
  run.enter(phase);
}
