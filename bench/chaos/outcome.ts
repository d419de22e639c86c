/** What a run came to, as far as it must not depend on what was killed meanwhile. */
import { isDeepStrictEqual } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { WorkflowFailedError, WorkflowNotFoundError } from '@temporalio/client';
import { readMetrics } from '../../activities/publish-metrics.ts';
import { runFolder, readRunRecords } from '../../activities/run-records.ts';
import { withClient } from '../../cli/temporal.ts';
import path from 'node:path';
import { activityDependencies } from '../../workers/installation.ts';
import type { train, TrainResult } from '../../workflows/train.ts';

/** Everything of a result but where it lies: hashes, counters, rows, corrector requests, evaluations, and the metrics of every iteration without times. */
export type Outcome = {
  result: Omit<TrainResult, 'corrector'> & { corrector: Omit<TrainResult['corrector'], 'seconds' | 'slowestSeconds'> };
  /** Lines of metrics.jsonl. */
  metrics: unknown[];
  /** Records in the store. */
  records: unknown[];
};

/** Metrics that are times, under other names. */
const TIMES = /latency/i;

const RETRY_MS = 500;

/** The result of a run, through deaths of the server. Throws what made the run fail. */
export async function resultOf(runId: string): Promise<TrainResult> {
  for (;;) {
    try {
      return await withClient((client) => client.workflow.getHandle<typeof train>(runId).result());
    } catch (error) {
      if (error instanceof WorkflowFailedError || error instanceof WorkflowNotFoundError) throw error;
      await sleep(RETRY_MS);
    }
  }
}

/** Waits for the end of a run and gathers what it left. */
export async function outcomeOf(runId: string): Promise<Outcome> {
  const result = await resultOf(runId);
  const { home, store } = activityDependencies();
  const lines = await readMetrics(path.join(runFolder(home, runId), 'metrics.jsonl'));
  const { iterations, evaluations } = await readRunRecords(store, runId);
  const { seconds: _seconds, slowestSeconds: _slowest, ...corrector } = result.corrector;
  return {
    result: { ...result, corrector: { ...corrector, costUsd: rounded(corrector.costUsd) } },
    metrics: lines.map((line) => ({ ...line, metrics: withoutTimes(line.metrics) })),
    records: [...iterations.map(({ startedAt: _startedAt, config: _config, ...record }) => ({ ...record, metrics: withoutTimes(record.metrics) })), ...evaluations],
  };
}

function withoutTimes(metrics: Readonly<Record<string, number | null>>): Record<string, number | null> {
  return Object.fromEntries(Object.entries(metrics).flatMap(([name, value]) => (name.startsWith('time/') || TIMES.test(name) ? [] : [[name, name.endsWith('Usd') ? rounded(value) : value]])));
}

/** Costs of thoughts add up in the order in which they come: equal but for the last digits. */
function rounded(usd: number | null): number | null {
  return usd === null ? null : Math.round(usd * 1e9) / 1e9;
}

/** The fields in which two outcomes differ, e.g. `result.policy.sha256`; none when they are the same. */
export function differences(expected: unknown, actual: unknown, place = ''): string[] {
  if (isDeepStrictEqual(expected, actual)) return [];
  const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
  if (!isObject(expected) || !isObject(actual)) return [`${place}: ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`];
  const keys = [...new Set([...Object.keys(expected), ...Object.keys(actual)])];
  return keys.flatMap((key) => differences(expected[key], actual[key], place === '' ? key : `${place}.${key}`));
}
