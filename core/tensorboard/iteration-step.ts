/** Iterations of a run's records as steps of an event file. */
import type { ArtifactStore } from '../artifacts/store.ts';
import { type IterationRecord, readSamples } from '../records/run-records.ts';
import type { LoggedStep } from './event-file.ts';
import { loggedIteration } from './logged-steps.ts';

/** An iteration as TensorBoard shows it; without pictures and thoughts where their samples are lost. */
export async function iterationStep(store: ArtifactStore, record: IterationRecord): Promise<LoggedStep> {
  const samples = await readSamples(store, record.samples);
  return loggedIteration(record, record.config, typeof samples === 'string' ? [] : samples);
}
