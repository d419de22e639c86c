/** Records what an iteration came to: for ever in the store, and at once as a line where people look on this machine. Each iteration once, whatever was retried. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { writeDurably } from '../artifacts/file-store.ts';
import { type ActivityDependencies, activity } from './activity.ts';
import { type IterationRecord, type MetricsLine, metricsLines, putIterationRecord, runFolder } from './run-records.ts';

export type PublishMetricsInput = IterationRecord & { runId: string };

export function createMetricsActivities({ home, store }: ActivityDependencies) {
  return {
    publishMetrics: activity(async ({ runId, ...record }: PublishMetricsInput): Promise<null> => {
      await putIterationRecord(store, runId, record);
      const file = path.join(runFolder(home, runId), 'metrics.jsonl');
      const earlier = (await readMetrics(file)).filter((line) => line.iteration < record.iteration);
      await writeDurably(file, metricsLines([...earlier, record]));
      return null;
    }),
  };
}

export type MetricsActivities = ReturnType<typeof createMetricsActivities>;

/** The lines of a metrics.jsonl; none when there is no file yet. */
export async function readMetrics(file: string): Promise<MetricsLine[]> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  return text.split('\n').filter(Boolean).map((line) => JSON.parse(line) as MetricsLine);
}
