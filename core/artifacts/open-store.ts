/** Chooses the artifact store of an installation. */
import path from 'node:path';
import { FileStore } from './file-store.ts';
import { S3Store } from './s3-store.ts';
import type { ArtifactStore } from './store.ts';

/** `location`: s3://bucket/prefix, or a folder. Throws one sentence for another address. */
export function openStore(location: string): ArtifactStore {
  if (/^s3:\/\/[a-z0-9][a-z0-9.-]+[a-z0-9](\/|$)/.test(location)) return new S3Store(location);
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(location))
    throw new Error(`GTR_STORE=${location}: must be s3://bucket/prefix or a folder`);
  return new FileStore(path.resolve(location));
}
