/** Where the Temporal CLI is: on PATH if new enough, else in the per-user cache that the set-up fills. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cachedTemporal, isNewEnough, versionOf } from './temporal-version.mjs';

/** Path of a usable `temporal`. Throws a sentence that says how to get one. */
export function temporalCliPath(): string {
  if (isNewEnough(versionOf('temporal'))) return 'temporal';
  const cached = cachedTemporal();
  if (existsSync(cached)) return cached;
  throw new Error('The Temporal CLI is missing; run `npm start` or `./gtr doctor`, which set it up.');
}

/** What `temporal --version` says of the CLI in use; null without one. */
export function temporalCliVersion(): string | null {
  try {
    return execFileSync(temporalCliPath(), ['--version'], { encoding: 'utf8' }).trim();
  } catch {
    return null;
  }
}
