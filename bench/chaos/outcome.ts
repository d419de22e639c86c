/** The outcome of a run, as far as it must not depend on what was killed. */
import { isDeepStrictEqual } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { WorkflowFailedError, WorkflowNotFoundError } from '@temporalio/client';
import { readMetrics } from '../../core/records/run-records.ts';
import { runFolder, readRunRecords } from '../../core/records/run-records.ts';
import type { WaveRecord } from '../../core/records/samples.ts';
import { withClient } from '../../cli/temporal.ts';
import path from 'node:path';
import { activityDependencies } from '../../workers/installation.ts';
import type { TrainResult } from '../../core/records/train-result.ts';
import type { train } from '../../workflows/train.ts';

/**
 * Everything in a result except locations: hashes, counters, rows, corrector requests, evaluations, and the lasting
 * metrics of every iteration.
 */
export type Outcome = {
  result: Omit<TrainResult, 'corrector'> & {
    corrector: Pick<
      TrainResult['corrector'],
      'calls' | 'requests' | 'skipped' | 'ledgerHits' | 'failures' | 'unusable'
    >;
  };
  /** Lines of metrics.jsonl. */
  metrics: unknown[];
  /**
   * Records in the store; judgements, which contain the location of each answer, are represented by their correction
   * rows.
   */
  records: unknown[];
};

/** Metrics that are times, or depend on the order of requests (cached tokens). */
const OF_THE_MOMENT = /^time\/|^corrector\/(latency|tokens|cost)/;

const RETRY_MS = 500;

/** The result of a run, across deaths of the server. Throws the cause if the run failed. */
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

/** Waits for the end of a run and gathers its outcome. */
export async function outcomeOf(runId: string): Promise<Outcome> {
  const result = await resultOf(runId);
  const { home, store } = activityDependencies();
  const lines = await readMetrics(path.join(runFolder(home, runId), 'metrics.jsonl'));
  const { iterations, evaluations } = await readRunRecords(store, runId);
  const { calls, requests, skipped, ledgerHits, failures, unusable } = result.corrector;
  return {
    result: { ...result, corrector: { calls, requests, skipped, ledgerHits, failures, unusable } },
    metrics: lines.map((line) => ({ ...line, metrics: lasting(line.metrics) })),
    records: [
      ...iterations.map(({ startedAt: _startedAt, config: _config, waves, ahead, ...record }) => ({
        ...record,
        waves: episodesOf(waves),
        ...(ahead === undefined ? {} : { ahead: { sampledBy: ahead.sampledBy, waves: episodesOf(ahead.waves) } }),
        metrics: lasting(record.metrics),
      })),
      ...evaluations,
    ],
  };
}

function episodesOf(waves: readonly WaveRecord[]) {
  return waves.map(({ judgements: _judgements, ...wave }) => wave);
}

function lasting(metrics: Readonly<Record<string, number | null>>): Record<string, number | null> {
  return Object.fromEntries(Object.entries(metrics).filter(([name]) => !OF_THE_MOMENT.test(name)));
}

/** The fields in which two outcomes differ, e.g. `result.policy.sha256`; none when they are the same. */
export function differences(expected: unknown, actual: unknown, path = ''): string[] {
  if (isDeepStrictEqual(expected, actual)) return [];
  const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
  if (!isObject(expected) || !isObject(actual))
    return [`${path}: ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`];
  const keys = [...new Set([...Object.keys(expected), ...Object.keys(actual)])];
  return keys.flatMap((key) => differences(expected[key], actual[key], path === '' ? key : `${path}.${key}`));
}
