/** Identifies a store, from wherever it is reached. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ArtifactStore } from './store.ts';

const RECORD = 'store';

/** Time within which another machine that started at the same moment has written too. */
const SETTLED_MS = 500;

/** The id of a store; the first caller creates it. */
export async function storeId(store: ArtifactStore): Promise<string> {
  const known = await store.getRecord<{ id: string }>(RECORD);
  if (known !== undefined) return known.id;
  const id = randomUUID();
  await store.putRecord(RECORD, { id });
  await sleep(SETTLED_MS);
  return (await store.getRecord<{ id: string }>(RECORD))!.id; // the other's, if two asked at once
}
