/** Writes a run's TensorBoard event files from its records. */
import path from 'node:path';
import { iterationStep } from '../tensorboard/iteration-step.ts';
import type { RunRecords } from '../records/run-records.ts';
import { writeDurably } from '../artifacts/file-store.ts';
import type { ArtifactStore } from '../artifacts/store.ts';
import { eventFile } from '../tensorboard/event-file.ts';
import { EVENT_FILES, loggedEvaluation } from '../tensorboard/logged-steps.ts';
import { inOrder } from './run-files.ts';

/** `startedAt`: when the run was started. */
export type WriteTensorBoardInput = {
  out: string;
  records: Pick<RunRecords, 'iterations' | 'evaluations'>;
  store: ArtifactStore;
  startedAt: Date;
};

/** Writes the event files below `out` and returns their paths. The same records always give the same bytes. */
export async function writeTensorBoard({
  out,
  records: { iterations, evaluations },
  store,
  startedAt,
}: WriteTensorBoardInput): Promise<string[]> {
  const startTime = startedAt.getTime() / 1000;
  const trained = await Promise.all(iterations.map((record) => iterationStep(store, record)));
  const evaluated = inOrder(evaluations, iterations).map(({ iterationsDone, result }) => {
    const time = trained.findLast(({ step }) => step < iterationsDone)?.time ?? startTime;
    return loggedEvaluation(iterationsDone, time, result);
  });
  const files = { training: trained, evaluation: evaluated };
  const written = Object.entries(EVENT_FILES).map(([kind, name]) => ({
    file: path.join(out, name),
    steps: files[kind as keyof typeof files],
  }));
  for (const { file, steps } of written) await writeDurably(file, eventFile(startTime, steps));
  return written.map(({ file }) => file);
}
