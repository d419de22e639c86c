/** A real S3 server in its own process, for tests and rehearsals. Its files are in a temporary folder. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

export const BUCKET = 'gtr-test';
export const CREDENTIALS = { AWS_ACCESS_KEY_ID: 'S3RVER', AWS_SECRET_ACCESS_KEY: 'S3RVER' };

export type S3Server = {
  endpoint: string;
  /** The file of an object: what a damaged disk would change. */
  file(key: string): string;
  stop(): Promise<void>;
};

/** Starts a server with the one bucket `BUCKET`. */
export async function startS3Server(): Promise<S3Server> {
  const folder = await mkdtemp(path.join(tmpdir(), 'gtr-s3-'));
  const server: ChildProcess = fork(path.join(import.meta.dirname, 'serve-s3.ts'), [folder, BUCKET], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const [endpoint] = (await Promise.race([
    once(server, 'message'),
    once(server, 'exit').then(([code]) => Promise.reject(new Error(`the S3 server ended with ${code}`))),
  ])) as [string];
  return {
    endpoint,
    file: (key) => path.join(folder, BUCKET, `${key}._S3rver_object`),
    stop: async () => {
      const exit = once(server, 'exit');
      server.kill('SIGKILL');
      await exit;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
