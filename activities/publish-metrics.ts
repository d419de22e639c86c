/**
 * Records the outcome of an iteration: permanently in the store, and in readable files on this machine. Each iteration
 * is recorded once, whatever was retried.
 */
import path from 'node:path';
import { writeDurably } from '../core/artifacts/file-store.ts';
import { appendStep } from '../core/tensorboard/append-step.ts';
import { EVENT_FILES } from '../core/tensorboard/logged-steps.ts';
import { iterationStep } from '../core/tensorboard/iteration-step.ts';
import type { ArtifactStore } from '../core/artifacts/store.ts';
import { iterationOwner, letGo, RESET, weightsOf } from '../core/records/retention.ts';
import { type ActivityDependencies, activity } from './activity.ts';
import { START } from './prepare-run.ts';
import { releaseWork } from './resume-points.ts';
import { countWork, showMetric } from './count-work.ts';
import {
  type IterationRecord,
  type MetricsLine,
  metricsLines,
  putIterationRecord,
  putRunOutcome,
  readMetrics,
  readRunRecords,
  runFolder,
  type RunOutcome,
} from '../core/records/run-records.ts';

/** Metrics of an iteration that a worker shows as gauges, and whether they can be negative. */
const SHOWN = [
  { name: 'episode/success', negative: false },
  { name: 'episode/reward/mean', negative: true },
  { name: 'thought/correctedRate', negative: false },
  { name: 'policy/kl', negative: true },
  { name: 'corrector/costUsd', negative: false },
  { name: 'time/iteration', negative: false },
];

export type PublishMetricsInput = IterationRecord & { runId: string };

export function createMetricsActivities({ home, store }: ActivityDependencies) {
  return {
    publishMetrics: activity(async ({ runId, ...finished }: PublishMetricsInput): Promise<null> => {
      const folder = runFolder(home, runId);
      const earlierRecords = async () =>
        (await readRunRecords(store, runId)).iterations.filter(({ iteration }) => iteration < finished.iteration);
      const lines = (await readMetrics(path.join(folder, 'metrics.jsonl'))).filter(
        ({ iteration }) => iteration < finished.iteration,
      );
      // What other machines, or this one before a loss, have published is in the store.
      const earlier = (lines.at(-1)?.iteration ?? -1) === finished.iteration - 1 ? lines : await earlierRecords();
      const record: IterationRecord = {
        ...finished,
        metrics: {
          ...finished.metrics,
          'episode/success/window': windowSuccess([...earlier, finished], finished.config.successWindow),
        },
      };
      for (const ref of weightsOf(record)) await store.hold(iterationOwner(runId, record.iteration), ref);
      await putIterationRecord(store, runId, record);
      countWork('gtr_iterations', 1);
      for (const shown of SHOWN) {
        const value = record.metrics[shown.name];
        if (typeof value === 'number') showMetric({ run: runId, ...shown }, value);
      }
      await writeDurably(path.join(folder, 'metrics.jsonl'), metricsLines([...earlier, record]));
      await appendStep(path.join(folder, 'tensorboard', EVENT_FILES.training), await iterationStep(store, record), {
        numbers: earlier.map(({ iteration }) => iteration),
        read: async () => await Promise.all((await earlierRecords()).map((one) => iterationStep(store, one))),
      });
      await letGoOfOlder(store, runId, record);
      return null;
    }),

    recordOutcome: activity(async ({ runId, outcome }: { runId: string; outcome: RunOutcome }): Promise<null> => {
      await putRunOutcome(store, runId, outcome);
      return null;
    }),
  };
}

/** Releases what only this iteration needed, and weights of older ones that need not be kept. */
async function letGoOfOlder(store: ArtifactStore, runId: string, { iteration, startedAt, config }: IterationRecord) {
  await releaseWork(store, () => true);
  for (const { since, run, slot, ref } of await store.holds(runId))
    if (slot === START || (slot === RESET && Date.parse(since) < startedAt)) await store.release({ run, slot }, ref);
  const records = await readRunRecords(store, runId);
  // Later ones are void if this one was repeated.
  const iterations = records.iterations.filter((record) => record.iteration <= iteration);
  await letGo(store, runId, { ...records, iterations }, config);
}

export type MetricsActivities = ReturnType<typeof createMetricsActivities>;

/**
 * Success over the newest iterations that hold `episodes` episodes, or over all while they hold fewer; null before the
 * first episode has ended.
 */
function windowSuccess(lines: readonly Pick<MetricsLine, 'metrics'>[], episodes: number): number | null {
  let [successes, count] = [0, 0];
  for (let index = lines.length - 1; index >= 0 && count < episodes; index--) {
    const { 'episode/count': ended, 'episode/success': success } = lines[index].metrics;
    successes += Math.round((success ?? 0) * (ended ?? 0));
    count += ended ?? 0;
  }
  return count === 0 ? null : successes / count;
}
