/** What tells one store from another, wherever it is reached from. */
import { randomUUID } from 'node:crypto';
import type { ArtifactStore } from './store.ts';

const RECORD = 'store';

/** The id of a store, given by whoever asks first. */
export async function storeId(store: ArtifactStore): Promise<string> {
  const known = await store.getRecord<{ id: string }>(RECORD);
  if (known !== undefined) return known.id;
  const id = randomUUID();
  await store.putRecord(RECORD, { id });
  return (await store.getRecord<{ id: string }>(RECORD))!.id; // another's, where two asked at once
}
