/** Identifies a store, from wherever it is reached. */
import { randomUUID } from 'node:crypto';
import type { ArtifactStore } from './store.ts';

const RECORD = 'store';

/** The id of a store; the first caller creates it. */
export async function storeId(store: ArtifactStore): Promise<string> {
  for (;;) {
    const known = await store.getRecord<{ id: string }>(RECORD);
    if (known !== undefined) return known.id;
    await store.createRecord(RECORD, { id: randomUUID() });
  }
}
