/** What tells one store from another, wherever it is reached from. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ArtifactStore } from './store.ts';

const RECORD = 'store';

/** Time in which another machine that asked at the same moment has written too. */
const SETTLED_MS = 500;

/** The id of a store; the first caller creates it. */
export async function storeId(store: ArtifactStore): Promise<string> {
  const known = await store.getRecord<{ id: string }>(RECORD);
  if (known !== undefined) return known.id;
  const id = randomUUID();
  await store.putRecord(RECORD, { id });
  await sleep(SETTLED_MS);
  return (await store.getRecord<{ id: string }>(RECORD))!.id; // another's, where two asked at once
}
