/** Curves for Weights & Biases: an offline run in a folder, which `wandb sync` uploads whenever its user likes. */
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { writeDurably } from '../artifacts/file-store.ts';
import type { Point, TrackedRun, Tracker } from './tracker.ts';
import { wandbLog, type WandbRow } from './wandb-log.ts';

/** `folder`: the folder of the offline runs. */
export type WandbSettings = { folder: string; project: string; entity: string | null };

export class Wandb implements Tracker {
  readonly place: string;
  readonly #settings: WandbSettings;

  constructor(settings: WandbSettings) {
    this.#settings = settings;
    this.place = `${settings.folder} (project ${settings.project})`;
  }

  async begin({ key }: TrackedRun): Promise<string> {
    return await Promise.resolve(key);
  }

  /** The file is always rewritten with everything that the run has. */
  async add(id: string, _: readonly Point[], run: TrackedRun): Promise<void> {
    await this.#write(id, run);
  }

  async tellStatus(id: string, run: TrackedRun): Promise<void> {
    await this.#write(id, run);
  }

  async #write(id: string, run: TrackedRun): Promise<void> {
    const { folder, project, entity } = this.#settings;
    const { name, config, startedAt, status, points } = run;
    const file = path.join(folder, `offline-run-${compactTime(startedAt)}-${id}`, `run-${id}.wandb`);
    const described = { id, name, project, entity, notes: config.title, config, startedAt: Math.round(startedAt) };
    await writeDurably(file, wandbLog(described, rowsOf(points), exitCodeOf(status)));
    // The earlier upload is no longer complete.
    await rm(`${file}.synced`, { force: true });
  }
}

/** One row a step: W&B needs ascending steps, and an evaluation has the step of the iteration after it. */
function rowsOf(points: readonly Point[]): WandbRow[] {
  const rows = new Map<number, { step: number; time: number; values: Map<string, number> }>();
  for (const { step, time, values } of points) {
    const row = rows.get(step) ?? { step, time, values: new Map<string, number>() };
    row.time = Math.max(row.time, time);
    for (const [name, value] of values) row.values.set(name, value);
    rows.set(step, row);
  }
  return [...rows.values()].sort((a, b) => a.step - b.step);
}

function exitCodeOf(status: TrackedRun['status']): number | null {
  if (status === 'running' || status === 'paused') return null;
  return status === 'done' || status === 'stopped' ? 0 : 1;
}

/** `20261130_095622`, in UTC. */
function compactTime(time: number): string {
  return new Date(time).toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '_');
}
