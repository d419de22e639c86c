/**
 * Points at which a test stops an activity, to kill something at exactly that moment (`npm run chaos`). If `GTR_FAULTS`
 * names a folder, an activity that reaches the point in its `armed.json` renames the file to `reached.json`, so that
 * each fault happens once, and waits until that file is removed. Without the variable, all of this is inactive.
 */
import { existsSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { activityInfo, Context } from '@temporalio/activity';
import type { ArtifactRef, ArtifactStore, Content, Owner } from '../core/artifacts/store.ts';

/**
 * Before an activity does anything; after its n-th durable write into the store; around its first removal from it:
 * before, while the content is moved aside, and after; after its work, before it reports.
 */
export const FAULT_POINTS = ['start', 'written', 'removing', 'aside', 'removed', 'end'] as const;
export type FaultPoint = (typeof FAULT_POINTS)[number];

/** `writes`: which durable write of the attempt, from 1; for `written` only. */
export type Fault = { activity: string; point: FaultPoint; writes?: number };

/** Files of the folder that `GTR_FAULTS` names. */
export const ARMED = 'armed.json';
export const REACHED = 'reached.json';
/** Holds the process id of the worker that has stopped there. */
export const STANDING = 'standing.json';

const LOOK_MS = 20;

const folder = process.env.GTR_FAULTS;
const writes = new WeakMap<Context, number>();

/** Waits here if this point is armed. Does nothing outside an activity (e.g. in a command that writes a record). */
export async function faultPoint(point: FaultPoint): Promise<void> {
  const context = folder === undefined ? null : runningActivity();
  if (folder === undefined || context === null) return;
  const written = (writes.get(context) ?? 0) + (point === 'written' ? 1 : 0);
  writes.set(context, written);
  const [armed, reached] = [ARMED, REACHED].map((name) => path.join(folder, name));
  const text = await readFile(armed, 'utf8').catch(() => null);
  if (text === null) return;
  const fault = JSON.parse(text) as Fault;
  if (
    fault.activity !== activityInfo().activityType ||
    fault.point !== point ||
    (point === 'written' && fault.writes !== written)
  )
    return;
  try {
    await rename(armed, reached);
  } catch {
    return; // another attempt was faster
  }
  await writeFile(path.join(folder, STANDING), String(process.pid));
  while (existsSync(reached)) await sleep(LOOK_MS);
}

function runningActivity(): Context | null {
  try {
    return Context.current();
  } catch {
    return null;
  }
}

/** The store itself, or one whose durable writes are fault points. */
export function withFaultPoints(store: ArtifactStore): ArtifactStore {
  if (folder === undefined) return store;
  const afterwards = async <T>(write: Promise<T>): Promise<T> => {
    const result = await write;
    await faultPoint('written');
    return result;
  };
  return new Proxy(store, {
    get: (target, name) => {
      if (name === 'put') return (kind: string, data: Content) => afterwards(target.put(kind, data));
      if (name === 'putHeld')
        return (owner: Owner, kind: string, data: Content) => afterwards(target.putHeld(owner, kind, data));
      if (name === 'release')
        return async (owner: Owner, ref: ArtifactRef) => {
          await faultPoint('removing');
          const removed = await target.release(owner, ref, () => faultPoint('aside'));
          if (removed) await faultPoint('removed');
          return removed;
        };
      if (name === 'putRecord') return (record: string, value: unknown) => afterwards(target.putRecord(record, value));
      if (name === 'createRecord')
        return (record: string, value: unknown) => afterwards(target.createRecord(record, value));
      const member = target[name as keyof ArtifactStore] as unknown;
      return typeof member === 'function' ? (member.bind(target) as unknown) : member;
    },
  });
}
