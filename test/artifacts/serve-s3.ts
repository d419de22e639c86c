/** The process of `startS3Server`: serves a folder until its parent goes. */
import { createRequire } from 'node:module';

type Server = { run(): Promise<{ address: string; port: number }> };
// CommonJS without types.
const S3rver = createRequire(import.meta.url)('@20minutes/s3rver') as new (options: object) => Server;

const [directory, bucket] = process.argv.slice(2);
process.on('disconnect', () => process.exit());
// It computes another signature than the SDK where a bucket's address ends in a slash (lists), so it must let
// mismatches pass; unknown keys it refuses.
const { port } = await new S3rver({
  allowMismatchedSignatures: true,
  address: '127.0.0.1',
  port: 0,
  silent: true,
  directory,
  configureBuckets: [{ name: bucket, configs: [] }],
}).run();
process.send!(`http://127.0.0.1:${port}`);
