/** Writes an iteration's metrics where people look: one JSON line per iteration, each iteration once, whatever was retried. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { writeDurably } from '../artifacts/file-store.ts';
import type { ArtifactRef } from '../artifacts/store.ts';
import type { Metrics } from '../learner/rollout-metrics.ts';
import { type ActivityDependencies, activity } from './activity.ts';

export type PublishMetricsInput = { runId: string; iteration: number; metrics: Metrics; samples: ArtifactRef };

/** One line of metrics.jsonl. */
export type MetricsLine = { iteration: number; metrics: Metrics; samples: ArtifactRef };

/** Folder of a run's files for people. */
export function runFolder(home: string, runId: string): string {
  return path.join(home, 'runs', encodeURIComponent(runId));
}

export function createMetricsActivities({ home }: ActivityDependencies) {
  return {
    publishMetrics: activity(async ({ runId, iteration, metrics, samples }: PublishMetricsInput): Promise<null> => {
      const file = path.join(runFolder(home, runId), 'metrics.jsonl');
      const earlier = (await readMetrics(file)).filter((line) => line.iteration < iteration);
      const lines: MetricsLine[] = [...earlier, { iteration, metrics, samples }];
      await writeDurably(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
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
