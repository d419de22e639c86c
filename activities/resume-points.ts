/**
 * Resume points of an activity: when one is due, who holds its artifacts, and when earlier ones are released.
 * docs/durability.md says what is kept, and for how long.
 */
import { activityInfo } from '@temporalio/activity';
import { findReferences } from '../core/artifacts/references.ts';
import type { ArtifactRef, ArtifactStore, Owner } from '../core/artifacts/store.ts';
import type { RunConfig } from '../configs/schema.ts';
import type { Doing } from '../core/episodes/doing.ts';
import type { Heartbeat } from './activity.ts';
import { countWork } from './count-work.ts';
import { rounded } from './pace.ts';
import { runOf } from './run-of-activity.ts';

/**
 * Seconds that the last resume point of each kind took on this worker. Activities are short compared with a run, so the
 * first point of an activity uses the previous activity's time.
 */
const lastCosts = new Map<string, number>();

export class ResumePoints<P> {
  readonly #beat: Heartbeat<P>;
  readonly #store: ArtifactStore;
  readonly #name: string;
  readonly #kind: string;
  readonly #durability: RunConfig['durability'];
  #lastEnded = performance.now();
  /** Artifacts of this attempt's points that the server has, newest last, and of earlier attempts. */
  #reported: ArtifactRef[][] = [];

  /** `name`: the piece of work within its workflow, e.g. `epoch-2`; without numbers it is the kind. */
  constructor(beat: Heartbeat<P>, store: ArtifactStore, name: string, durability: RunConfig['durability']) {
    this.#beat = beat;
    this.#store = store;
    this.#name = name;
    this.#kind = name.replaceAll(/[-\d]/g, '');
    this.#durability = durability;
  }

  /**
   * Whether it is time: `resumePointSeconds` after the last one, or later, so that storing takes no more than
   * `resumePointShare` of the time; with 0 seconds always.
   */
  due(): boolean {
    const { resumePointSeconds: seconds } = this.#durability;
    return seconds === 0 || (performance.now() - this.#lastEnded) / 1000 >= this.interval;
  }

  /** Seconds of work between two resume points, estimated from the last one: the cost of an interruption. */
  get interval(): number {
    const { resumePointSeconds, resumePointShare } = this.#durability;
    const cost = lastCosts.get(this.#kind) ?? 0;
    return resumePointSeconds === 0 ? 0 : Math.max(resumePointSeconds, cost * (1 / resumePointShare - 1));
  }

  /** `Heartbeat.tell`, with what an interruption costs. */
  tell(doing: Doing): void {
    this.#beat.tell({ ...doing, interruptionSeconds: rounded(this.interval) });
  }

  /** How long storing a point will probably take, before this worker has measured one. */
  expect(seconds: number): void {
    if (!lastCosts.has(this.#kind)) lastCosts.set(this.#kind, seconds);
  }

  /** Stores a point by `save` for the given owner and reports it; then older points are released. */
  async reach(save: (owner: Owner) => Promise<P>): Promise<void> {
    const began = performance.now();
    const owner = attemptOwner(this.#name);
    const point = await save(owner);
    if (await this.#beat.reached(point)) await this.#removeOlder(owner, findReferences(point));
    this.#lastEnded = performance.now();
    const seconds = (this.#lastEnded - began) / 1000;
    lastCosts.set(this.#kind, seconds);
    countWork('gtr_resume_points', 1);
    countWork('gtr_resume_point_milliseconds', Math.round(1000 * seconds));
  }

  /**
   * Two points are kept: a heartbeat with the previous one may still be on its way to the server and arrive after the
   * newest.
   */
  async #removeOlder(owner: Owner, newest: ArtifactRef[]): Promise<void> {
    this.#reported.push(newest);
    if (this.#reported.length <= 2) return;
    const old = this.#reported.shift()!;
    const kept = new Set(this.#reported.flat().map(({ sha256 }) => sha256));
    for (const ref of old) if (!kept.has(ref.sha256)) await this.#store.release(owner, ref);
    if (activityInfo().attempt > 1) await releaseAttemptsBefore(this.#store, this.#name, activityInfo().attempt);
  }
}

/** Owner of this attempt's artifacts for a piece of work: no other attempt releases them. */
function attemptOwner(name: string): Owner {
  return { run: runOf(), slot: `${executionSlot(name)}/attempt-${activityInfo().attempt}` };
}

/** Owner of the result of a piece of work. */
export function resultOwner(name: string): Owner {
  return { run: runOf(), slot: `${executionSlot(name)}/result` };
}

function executionSlot(name: string): string {
  return `${activityInfo().workflowExecution!.runId}/${name}`;
}

async function releaseAttemptsBefore(store: ArtifactStore, name: string, attempt: number): Promise<void> {
  const prefix = `${executionSlot(name)}/attempt-`;
  await releaseSlots(store, (slot) => slot.startsWith(prefix) && Number(slot.slice(prefix.length)) < attempt);
}

/** A slot of this workflow execution: the piece of work, and whether it holds the result. */
export type WorkSlot = { name: string; isResult: boolean };

/** Releases the holds of this workflow execution's pieces of work for which `done` returns true. */
export async function releaseWork(
  store: ArtifactStore,
  done: (slot: WorkSlot, ref: ArtifactRef) => boolean,
): Promise<void> {
  const execution = executionSlot('');
  await releaseSlots(store, (slot, ref) => {
    if (!slot.startsWith(execution)) return false;
    const [name, part] = slot.slice(execution.length).split('/');
    return done({ name, isResult: part === 'result' }, ref);
  });
}

/** Releases the run's holds in these slots. */
export async function releaseSlots(
  store: ArtifactStore,
  chosen: (slot: string, ref: ArtifactRef) => boolean,
): Promise<void> {
  for (const { ref, run, slot } of await store.holds(runOf()))
    if (chosen(slot, ref)) await store.release({ run, slot }, ref);
}
