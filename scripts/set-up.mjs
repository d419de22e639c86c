/** Sets up what is missing: npm packages (the project's own Node among them) and the Temporal CLI. Plain JavaScript for any Node from 20. */
import { spawn, spawnSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { cachedTemporal, isNewEnough, TEMPORAL_VERSION, versionOf } from './temporal-version.mjs';

const PROJECT = fileURLToPath(new URL('..', import.meta.url));
const STAMP = path.join(PROJECT, 'node_modules', '.gtr-set-up');
const OWN_NODE = path.join(PROJECT, 'node_modules', '.bin', 'node');
/** Seconds that the prebuilt CLI may keep us waiting: closed networks hang. */
const DOWNLOAD_SECONDS = 8;
/** Major version of Node that runs the project. */
const NODE_MAJOR = 24;

class SetUpError extends Error {}

function say(line) {
  process.stderr.write(`${line}\n`);
}

/** Runs a command, with a sign of life every 15 s; resolves to its exit code. */
function run(command, args, { env = process.env, what }) {
  return new Promise((resolve) => {
    const started = Date.now();
    const timer = setInterval(() => say(`  ${what}: ${Math.round((Date.now() - started) / 1000)} s`), 15_000);
    const child = spawn(command, args, { cwd: PROJECT, env, stdio: ['ignore', 'ignore', 'pipe'] });
    let errors = '';
    child.stderr.on('data', (text) => (errors = (errors + text).slice(-4000)));
    const end = (code) => {
      clearInterval(timer);
      resolve({ code, errors });
    };
    child.on('error', () => end(127));
    child.on('close', end);
  });
}

async function setUpPackages() {
  const lock = createHash('sha256').update(readFileSync(path.join(PROJECT, 'package-lock.json'))).digest('hex');
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === lock) return;
  say('Installing npm packages (about a minute) ...');
  const { code, errors } = await run('npm', ['ci', '--no-audit', '--no-fund'], { what: 'npm ci' });
  if (code === 127) throw new SetUpError('npm is missing; install Node 20 or newer with npm.');
  if (code !== 0) throw new SetUpError(`The npm packages could not be installed (${lastLine(errors)}); check the network and run this again.`);
  writeFileSync(STAMP, lock);
}

function checkNode() {
  const node = existsSync(OWN_NODE) ? OWN_NODE : process.execPath;
  const version = /v(\d+)/.exec(spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout ?? '')?.[1];
  if (Number(version) < NODE_MAJOR) throw new SetUpError(`This platform (${os.platform()} ${os.arch()}) has no bundled Node; install Node ${NODE_MAJOR} and run this again.`);
}

async function setUpTemporal() {
  const target = cachedTemporal();
  if (isNewEnough(versionOf('temporal')) || existsSync(target)) return;
  mkdirSync(path.dirname(target), { recursive: true });
  // Everything happens in a folder of this process; the finished binary is moved into place in one step.
  const work = path.join(path.dirname(target), `.work-${randomUUID()}`);
  mkdirSync(work);
  try {
    const made = (await download(work)) ?? (await build(work));
    chmodSync(made, 0o755);
    if (versionOf(made) === null) throw new SetUpError(`The Temporal CLI that was set up does not run; install \`temporal\` ${TEMPORAL_VERSION} or newer and run this again.`);
    renameSync(made, target);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The prebuilt CLI; null where it cannot be had. */
async function download(work) {
  const architecture = { x64: 'amd64', arm64: 'arm64' }[os.arch()];
  const platform = { linux: 'linux', darwin: 'darwin' }[os.platform()];
  if (architecture === undefined || platform === undefined) return null;
  say(`Getting the Temporal CLI ${TEMPORAL_VERSION} ...`);
  try {
    const response = await fetch(`https://temporal.download/cli/archive/v${TEMPORAL_VERSION}?platform=${platform}&arch=${architecture}`, { signal: AbortSignal.timeout(DOWNLOAD_SECONDS * 1000) });
    if (!response.ok) return null;
    const archive = path.join(work, 'temporal.tar.gz');
    writeFileSync(archive, Buffer.from(await response.arrayBuffer()));
    const { code } = await run('tar', ['-xzf', archive, '-C', work], { what: 'unpacking' });
    const binary = path.join(work, 'temporal');
    return code === 0 && versionOf(binary) !== null ? binary : null;
  } catch {
    return null; // no such network: built instead
  }
}

async function build(work) {
  if (spawnSync('go', ['version']).status !== 0) {
    throw new SetUpError(`The Temporal CLI is missing, cannot be downloaded, and there is no Go to build it; install \`temporal\` ${TEMPORAL_VERSION} or newer (or Go) and run this again.`);
  }
  say('No prebuilt Temporal CLI is reachable: building it with Go (about 5 minutes, once per user) ...');
  const { code, errors } = await run('go', ['install', `github.com/temporalio/cli/cmd/temporal@v${TEMPORAL_VERSION}`], { what: 'go install', env: { ...process.env, GOBIN: work } });
  if (code !== 0) throw new SetUpError(`The Temporal CLI could not be built (${lastLine(errors)}); install \`temporal\` ${TEMPORAL_VERSION} or newer and run this again.`);
  return path.join(work, 'temporal');
}

function lastLine(text) {
  return text.trim().split('\n').at(-1)?.slice(0, 300) ?? '';
}

try {
  await setUpPackages();
  checkNode();
  await setUpTemporal();
} catch (error) {
  if (!(error instanceof SetUpError)) throw error;
  say(error.message);
  process.exit(2);
}
