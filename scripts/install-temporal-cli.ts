/**
 * Puts the Temporal CLI into the per-user cache: the official release if it can be downloaded, else a build with Go.
 */
import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { withLock } from './lock.mjs';
import { giveUp, run, say, SetUpError, withSignsOfLife } from './progress.mjs';
import { cachedTemporal, findTemporal, TEMPORAL_VERSION, versionLine } from './temporal-version.mjs';

/** Time without data after which a download is given up, because closed networks hang. */
const SILENCE_MS = 5000;

const PLATFORM = `${process.platform}_${process.arch === 'x64' ? 'amd64' : process.arch}`;

/** SHA-256 of the release archives of TEMPORAL_VERSION by platform. */
const ARCHIVES: Readonly<Record<string, string>> = {
  linux_amd64: 'ddc95e08b0b076efd4ea9733a3f488eb7d2be875f8834e616cd2a37358b4852d',
  linux_arm64: 'bd1b0db9f18b051026de8bf6cc1505f2510f14bbb7a8b9a4a91fff46c77454f5',
  darwin_amd64: 'bbb73e2a31135abe50a1f1cdb35030c42961df618e8ce9c60ae89f201540c5d9',
  darwin_arm64: 'cca01b7ea35ad56e2a328d9ae596bf716bd22313ef63c7a761c88354457c2415',
};

/** The release, at its official address and at the one it redirects to. */
const SOURCES = [
  `https://temporal.download/cli/archive/v${TEMPORAL_VERSION}?platform=${PLATFORM.replace('_', '&arch=')}`,
  `https://github.com/temporalio/cli/releases/download/v${TEMPORAL_VERSION}/temporal_cli_${TEMPORAL_VERSION}_${PLATFORM}.tar.gz`,
];

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130));

try {
  const folder = path.dirname(cachedTemporal());
  await withLock(`${folder}.lock`, async () => {
    if (findTemporal() === null) await install(folder); // another installation may have been faster
  });
} catch (error) {
  giveUp(error);
}

/** Everything happens in a separate folder; the finished binary is moved into place in one step. */
async function install(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  for (const left of readdirSync(folder).filter((name) => name.startsWith('.work-')))
    rmSync(path.join(folder, left), { recursive: true, force: true });
  const work = path.join(folder, `.work-${randomUUID()}`);
  mkdirSync(work);
  const cleanUp = () => rmSync(work, { recursive: true, force: true });
  process.once('exit', cleanUp);
  const binary = path.join(work, 'temporal');
  const whyNot = await download(work);
  if (whyNot !== null) await build(work, whyNot);
  if (versionLine(binary) === null)
    throw new SetUpError(
      `The Temporal CLI that was set up does not run on this machine; put a \`temporal\` of at least version ` +
        `${TEMPORAL_VERSION} on PATH (https://docs.temporal.io/cli) and run this again.`,
    );
  renameSync(binary, cachedTemporal());
  say(`The Temporal CLI ${TEMPORAL_VERSION} is in ${folder}`);
}

/** Downloads the release into `work`. Returns why that failed, or null. */
async function download(work: string): Promise<string | null> {
  const sha256 = ARCHIVES[PLATFORM];
  if (sha256 === undefined) return `there is no release for ${PLATFORM}`;
  say(`Downloading the Temporal CLI ${TEMPORAL_VERSION} ...`);
  let whyNot = '';
  for (const source of SOURCES) {
    try {
      const archive = await withSignsOfLife('download', () => fetchAll(source));
      if (createHash('sha256').update(archive).digest('hex') !== sha256)
        throw new Error(`${new URL(source).host} sent bytes that are not the release`);
      writeFileSync(path.join(work, 'temporal.tar.gz'), archive);
      const { ok } = await run('tar', ['-xzf', 'temporal.tar.gz', 'temporal'], { cwd: work });
      if (ok) return null;
      whyNot = 'tar could not unpack it';
    } catch (error) {
      const { message, cause } = error as Error;
      whyNot = cause instanceof Error ? cause.message : message;
    }
  }
  return whyNot;
}

/** The bytes at an address; gives up after a time without data. */
async function fetchAll(address: string): Promise<Buffer> {
  const silence = new AbortController();
  const giveUp = () => silence.abort(new Error(`${new URL(address).host} does not answer`));
  let timer = setTimeout(giveUp, SILENCE_MS);
  try {
    const response = await fetch(address, { signal: silence.signal });
    if (!response.ok) throw new Error(`${new URL(address).host} answers ${response.status}`);
    const chunks: Uint8Array[] = [];
    for await (const chunk of response.body!) {
      clearTimeout(timer);
      timer = setTimeout(giveUp, SILENCE_MS);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } finally {
    clearTimeout(timer);
  }
}

/** Builds the CLI into `work`. */
async function build(work: string, whyNoDownload: string): Promise<void> {
  const mend = `put a \`temporal\` of at least version ${TEMPORAL_VERSION} on PATH (https://docs.temporal.io/cli)`;
  if (!(await run('go', ['version'], { cwd: work })).ok) {
    throw new SetUpError(
      `The Temporal CLI is missing, cannot be downloaded (${whyNoDownload}), and there is no Go to build it with; ` +
        `${mend}, or install Go, and run this again.`,
    );
  }
  say(`It cannot be downloaded (${whyNoDownload}): building it with Go, once per user, takes about 5 minutes ...`);
  const { ok, lastWords } = await run(
    'go',
    [
      'install',
      '-ldflags',
      `-s -w -X github.com/temporalio/cli/temporalcli.Version=${TEMPORAL_VERSION}`,
      `github.com/temporalio/cli/cmd/temporal@v${TEMPORAL_VERSION}`,
    ],
    {
      cwd: work,
      env: { ...process.env, GOBIN: work },
    },
  );
  if (!ok)
    throw new SetUpError(
      `The Temporal CLI is missing, cannot be downloaded (${whyNoDownload}) and could not be built (${lastWords}); ` +
        `${mend} and run this again.`,
    );
}
