/** `gtr doctor`: what is installed, reachable, missing, and the command that mends it. */
import { execFileSync } from 'node:child_process';
import { accessSync, constants, mkdirSync, readFileSync, statfsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Command } from 'commander';
import { PROJECT } from '../activities/agent-cache.ts';
import { temporalCliPath, temporalCliVersion } from '../scripts/temporal-cli.ts';
import { gtrHome, temporalConfig } from '../workers/installation.ts';
import { serverAnswers } from './temporal.ts';

/** One thing that was looked at. `needed`: without it nothing runs. */
type Finding = { name: string; ok: boolean; needed: boolean; found: string; mend: string | null };

export function register(program: Command): void {
  program
    .command('doctor')
    .description('what is installed, reachable, missing, and how to mend it')
    .option('--json', 'one JSON object')
    .action(async ({ json }: { json?: boolean }) => {
      const findings = await examine();
      const healthy = findings.every(({ ok, needed }) => ok || !needed);
      if (json) process.stdout.write(`${JSON.stringify({ healthy, findings }, null, 2)}\n`);
      else for (const { name, ok, needed, found, mend } of findings) process.stdout.write(`${ok ? 'ok     ' : needed ? 'MISSING' : 'note   '} ${name}: ${found}${ok || mend === null ? '' : ` -> ${mend}`}\n`);
      if (!healthy) process.exitCode = 2;
    });
}

async function examine(): Promise<Finding[]> {
  const gigabytes = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  const home = gtrHome();
  const { address } = temporalConfig();
  const reachable = await serverAnswers();
  return [
    { name: 'Node', ok: Number(process.versions.node.split('.')[0]) >= 24, needed: true, found: `${process.versions.node} (${process.execPath})`, mend: 'npm ci' },
    packages(),
    await onnxruntime(),
    attempt('Temporal CLI', true, () => `${temporalCliVersion()} (${temporalCliPath()})`, 'npm start sets it up'),
    { name: 'Temporal server', ok: reachable, needed: false, found: reachable ? `answers at ${address}` : `none answers at ${address}`, mend: './gtr up starts one' },
    attempt('State', true, () => (mkdirSync(home, { recursive: true }), accessSync(home, constants.W_OK), `${home}, ${gigabytes(statfsSync(home).bavail * statfsSync(home).bsize)} free`), 'set GTR_HOME to a writable folder'),
    { name: 'Machine', ok: true, needed: false, found: `${os.availableParallelism()} cores, ${gigabytes(os.totalmem())} of memory`, mend: null },
    attempt('NVIDIA GPU', false, () => execFileSync('nvidia-smi', ['--query-gpu=name,memory.total', '--format=csv,noheader'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim(), 'none is needed for the built-in models'),
  ];
}

function attempt(name: string, needed: boolean, look: () => string, mend: string): Finding {
  try {
    return { name, ok: true, needed, found: look(), mend };
  } catch (error) {
    return { name, ok: false, needed, found: (error as Error).message.split('\n')[0], mend };
  }
}

/** Whether node_modules is what the lockfile names. */
function packages(): Finding {
  const versions = (file: string) => Object.entries((JSON.parse(readFileSync(path.join(PROJECT, file), 'utf8')) as { packages: Record<string, { version?: string; optional?: boolean }> }).packages).filter(([name]) => name !== '');
  return attempt('npm packages', true, () => {
    const installed = new Map(versions('node_modules/.package-lock.json').map(([name, { version }]) => [name, version]));
    const wrong = versions('package-lock.json').filter(([name, { version, optional }]) => !optional && installed.get(name) !== version);
    if (wrong.length > 0) throw new Error(`${wrong.length} differ from package-lock.json, e.g. ${wrong[0][0]}`);
    return `${installed.size} as package-lock.json names them`;
  }, 'npm ci');
}

async function onnxruntime(): Promise<Finding> {
  try {
    const { listSupportedBackends } = await import('onnxruntime-node');
    return { name: 'onnxruntime', ok: true, needed: true, found: `providers ${listSupportedBackends().map(({ name }) => name).join(', ')}`, mend: 'npm ci' };
  } catch (error) {
    return { name: 'onnxruntime', ok: false, needed: true, found: (error as Error).message.split('\n')[0], mend: 'npm ci' };
  }
}
