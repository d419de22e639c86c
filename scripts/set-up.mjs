// @ts-check
/**
 * Sets up what is missing: the npm packages (the project's own Node among them) and the Temporal CLI. Plain JavaScript
 * for any Node from 20.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { withLock } from './lock.mjs';
import { installPackages, packagesProblem } from './packages.mjs';
import { giveUp, SetUpError } from './progress.mjs';
import { projectNodeProblem } from './project-node.mjs';
import { findTemporal } from './temporal-version.mjs';

const PROJECT = fileURLToPath(new URL('..', import.meta.url));

/** `packages`: what every command needs; `everything`: the Temporal CLI too. */
const what = process.argv[2] ?? 'everything';

// A signal ends the set-up through `exit`, which releases its lock.
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
  process.once(signal, () => process.exit(130));

try {
  await setUpPackages();
  if (what === 'everything' && findTemporal() === null) await installTemporal();
} catch (error) {
  giveUp(error);
}

async function setUpPackages() {
  const problem = projectNodeProblem();
  if (problem !== null) throw new SetUpError(problem);
  if (packagesProblem(PROJECT) === null) return;
  await withLock(path.join(PROJECT, '.gtr', 'set-up.lock'), async () => {
    const missing = packagesProblem(PROJECT); // another set-up may have been faster
    if (missing !== null) await installPackages(PROJECT, missing);
  });
}

/**
 * Runs in a process of the project's own Node, whose `fetch` supports proxies; it is killed when this process exits.
 */
async function installTemporal() {
  const child = spawn(
    'sh',
    [path.join(PROJECT, 'scripts', 'node.sh'), path.join(PROJECT, 'scripts', 'install-temporal-cli.ts')],
    {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, NODE_USE_ENV_PROXY: '1' },
    },
  );
  process.once('exit', () => child.kill());
  const [status] = await once(child, 'exit');
  if (status !== 0) process.exit(status ?? 130);
}
