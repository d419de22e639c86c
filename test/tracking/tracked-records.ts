/** Records of an invented run in its own store, for tests of what is sent to trackers. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { putJson } from '../../core/artifacts/codecs.ts';
import { FileStore } from '../../core/artifacts/file-store.ts';
import type { TrackerName } from '../../configs/trackers.ts';
import {
  putEvaluationRecord,
  putIterationRecord,
  putRunOutcome,
  putRunStart,
  readRunRecords,
  removeLaterRecords,
} from '../../core/records/run-records.ts';
import { CONFIG, evaluationOf, metricsOf, SAMPLES } from '../report/synthetic-run.ts';

export const BEGAN = Date.UTC(2026, 10, 30, 9, 30);

export class TrackedRecords {
  readonly home = mkdtempSync(path.join(tmpdir(), 'gtr-tracking-'));
  readonly store = new FileStore(path.join(this.home, 'artifacts'));
  readonly run: string;
  readonly #tracking: TrackerName | 'none';

  constructor(run: string, tracking: TrackerName | 'none' = 'none') {
    this.run = run;
    this.#tracking = tracking;
  }

  get config() {
    return { ...CONFIG, tracking: this.#tracking };
  }

  start(startedAt = BEGAN): Promise<void> {
    return putRunStart(this.store, this.run, { config: this.config, startedAt });
  }

  /** `course`: iterations of another one have other policies. */
  async iterate(iteration: number, course = 'first'): Promise<void> {
    const policy = await putJson(this.store, 'stand-in', { course, iteration });
    const before = await putJson(this.store, 'stand-in', {
      course: iteration === 4 ? 'first' : course,
      iteration: iteration - 1,
    });
    await putIterationRecord(this.store, this.run, {
      iteration,
      startedAt: BEGAN + 60_000 * iteration,
      config: this.config,
      from: iteration === 0 ? 'start' : before.sha256,
      policy,
      optimizer: policy,
      corrections: policy,
      samples: await putJson(this.store, 'samples', SAMPLES),
      waves: [],
      keptPerWave: 100,
      metrics: metricsOf(iteration, 12),
    });
  }

  evaluate(label: string, success: number): Promise<void> {
    return putEvaluationRecord(this.store, this.run, label, evaluationOf(success));
  }

  end(iterations: number): Promise<void> {
    return putRunOutcome(this.store, this.run, { status: 'done', failure: null, iterations, result: null });
  }

  reset(iterations: number): Promise<void> {
    return removeLaterRecords(this.store, this.run, iterations);
  }

  records() {
    return readRunRecords(this.store, this.run);
  }
}
