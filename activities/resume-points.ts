/**
 * Resume points of an activity: when one is due, who holds what it stores, and when the one before it goes.
 * docs/durability.md says what is kept how long.
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
 * Seconds that a resume point of a kind took last on this worker. Activities are short compared with a run, so the
 * first point of an activity goes by the last activity's.
 */
const lastCosts = new Map<string, number>();

export class ResumePoints<P> {
  readonly #beat: Heartbeat<P>;
  readonly #store: ArtifactStore;
  readonly #name: string;
  readonly #kind: string;
  readonly #durability: RunConfig['durability'];
  #lastEnded = performance.now();
  /** Artifacts of this attempt's points that the server has, newest last, and of those before. */
  #reported: ArtifactRef[][] = [];

  /** `name`: of the piece of work within its workflow, e.g. `epoch-2`; its words without numbers are its kind. */
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

  /** Seconds of work between two resume points, by what the last one took: what an interruption may cost. */
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

  /** Stores a point by `save`, for the owner that it is given, and reports it; then older points go. */
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
   * Two points are kept: a heartbeat with the one before may still be on its way to the server, and arrive behind the
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

/** Owner of what this attempt stores for a piece of work: no other attempt releases it. */
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

/** A slot of this workflow execution: the piece of work, and whether it is its result. */
export type WorkSlot = { name: string; isResult: boolean };

/** Releases what pieces of work of this workflow execution held, where `done` says that nothing needs it any more. */
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

/** Lets go of the run's holds in these slots. */
export async function releaseSlots(
  store: ArtifactStore,
  chosen: (slot: string, ref: ArtifactRef) => boolean,
): Promise<void> {
  for (const { ref, run, slot } of await store.holds(runOf()))
    if (chosen(slot, ref)) await store.release({ run, slot }, ref);
}
