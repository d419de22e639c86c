/** `gtr doctor`: what is installed, reachable or missing, and the command that fixes it. */
import { execFileSync } from 'node:child_process';
import { accessSync, constants, mkdirSync, statfsSync } from 'node:fs';
import os from 'node:os';
import type { Command } from 'commander';
import { PROJECT } from '../configs/project-folder.ts';
import { listModels } from '../core/corrector/openai-client.ts';
import { describeDevice, deviceLabel } from '../core/graph/compute-device.ts';
import { chooseDevice, cudaDevices, INSTALL_CUDA, webgpuDevices } from '../core/graph/provider.ts';
import { INSTALL_PACKAGES, packagesProblem } from '../scripts/packages.mjs';
import { NODE_MAJOR } from '../scripts/project-node.mjs';
import { INSTALL_TEMPORAL, temporalCliPath, temporalCliVersion } from '../scripts/temporal-cli.ts';
import { TEMPORAL_VERSION } from '../scripts/temporal-version.mjs';
import { gtrHome, temporalConfig } from '../workers/installation.ts';
import { examineModel } from './doctor-model.ts';
import { serverAnswers } from './temporal.ts';
import { collect } from './train.ts';

/** One check. `needed`: without it nothing runs; `mend`: the command or step that fixes it. */
export type Finding = { name: string; ok: boolean; needed: boolean; found: string; mend: string | null };

export function register(program: Command): void {
  program
    .command('doctor')
    .description('what is installed, reachable or missing, and how to fix it')
    .option('--model <folder>', 'check a checkpoint instead: what it is, what is unsupported, memory')
    .option('--config <file>', 'with --model: the run whose batch and lengths to check')
    .option('--set <a.b=c...>', 'with --config: change fields of it', collect, [])
    .option('--json', 'one JSON object')
    .action(
      async ({ json, model, config, set }: { json?: boolean; model?: string; config?: string; set: string[] }) => {
        const findings = model === undefined ? await examine() : await examineModel(model, config, set);
        const healthy = findings.every(({ ok, needed }) => ok || !needed);
        process.stdout.write(json ? `${JSON.stringify({ healthy, findings }, null, 2)}\n` : formatFindings(findings));
        if (!healthy) process.exitCode = 2;
      },
    );
}

/** A line per finding: `ok`, `note` (works without it) or `MISSING`, and how to fix it. */
function formatFindings(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ name }) => name.length));
  return findings
    .map(
      ({ name, ok, needed, found, mend }) =>
        `${(ok ? 'ok' : needed ? 'MISSING' : 'note').padEnd(8)} ${name.padEnd(width)}  ` +
        `${found}${ok || mend === null ? '' : ` -> ${mend}`}\n`,
    )
    .join('');
}

/** All checks; each depends only on those before it. */
async function examine(): Promise<Finding[]> {
  const cli = temporalCli();
  return [
    node(),
    packages(),
    await onnxruntime(),
    await cuda(),
    await webgpu(),
    await automatic(),
    cli,
    ...(cli.ok
      ? []
      : [
          note(
            'Go',
            () => `${output('go', ['version'])}: can build the Temporal CLI where it cannot be downloaded`,
            'only needed to build the Temporal CLI: https://go.dev/dl',
          ),
        ]),
    await server(),
    await paidTeacher(),
    look('State', () => writableFolder(gtrHome()), 'set GTR_HOME to a folder that can be written'),
    note(
      'Machine',
      () =>
        `${os.availableParallelism()} cores, ${gibibytes(os.totalmem())} of memory (${gibibytes(os.freemem())} free)`,
      null,
    ),
  ];
}

function node(): Finding {
  const ok = Number(process.versions.node.split('.')[0]) === NODE_MAJOR;
  return {
    name: 'Node',
    ok,
    needed: true,
    found: `${process.versions.node} (${process.execPath})`,
    mend: `${INSTALL_PACKAGES}, or install Node ${NODE_MAJOR}`,
  };
}

function packages(): Finding {
  const problem = packagesProblem(PROJECT);
  return {
    name: 'npm packages',
    ok: problem === null,
    needed: true,
    found: problem ?? 'as package-lock.json names them',
    mend: INSTALL_PACKAGES,
  };
}

/** Loaded here, not at the top, because a failure to load is a finding. */
async function onnxruntime(): Promise<Finding> {
  const finding = { name: 'onnxruntime', needed: true, mend: INSTALL_PACKAGES };
  try {
    const { env, listSupportedBackends } = await import('onnxruntime-node');
    const providers = listSupportedBackends()
      .filter(({ bundled }) => bundled)
      .map(({ name }) => name);
    return {
      ...finding,
      ok: providers.includes('cpu'),
      found: `${env.versions.node}, providers ${providers.join(', ')}`,
    };
  } catch (error) {
    return { ...finding, ok: false, found: firstLine(error) };
  }
}

function temporalCli(): Finding {
  const version = temporalCliVersion();
  return {
    name: 'Temporal CLI',
    ok: version !== null,
    needed: true,
    found: version === null ? `none of version ${TEMPORAL_VERSION} or newer` : `${version} (${temporalCliPath()})`,
    mend: INSTALL_TEMPORAL,
  };
}

/** A GPU is optional. */
async function cuda(): Promise<Finding> {
  const gpu = { name: 'CUDA', needed: false };
  const devices = await cudaDevices().catch(() => []);
  if (devices.length === 0)
    return { ...gpu, ok: false, found: 'no NVIDIA GPU; the built-in models train on the CPU', mend: null };
  const problem = await problemOf(chooseDevice({ provider: 'cuda' }));
  const found = devices
    .map(({ name, memory }, index) => `${index} ${name}${memory === null ? '' : ` (${gibibytes(memory)})`}`)
    .join(', ');
  return {
    ...gpu,
    ok: problem === null,
    found: `${found}${problem === null ? '' : `, but ${problem}`}`,
    mend: INSTALL_CUDA,
  };
}

/** Every device that Vulkan names, and whether onnxruntime computes on the first. */
async function webgpu(): Promise<Finding> {
  const gpu = { name: 'WebGPU', needed: false, mend: null };
  const problem = await problemOf(chooseDevice({ provider: 'webgpu' }));
  const devices = await webgpuDevices().catch(() => []);
  const listed = devices.map((device, index) => `${index} ${describeDevice(device)}`).join(', ');
  if (problem !== null) return { ...gpu, ok: false, found: `${listed}${listed === '' ? '' : ', but '}${problem}` };
  return { ...gpu, ok: true, found: listed === '' ? "computes on the system's default device" : listed };
}

/** What `engine.provider: auto` would choose. */
async function automatic(): Promise<Finding> {
  const device = deviceLabel(await chooseDevice({ provider: 'auto' }));
  return {
    name: 'Device',
    ok: true,
    needed: false,
    found: `engine.provider auto computes on ${device}`,
    mend: null,
  };
}

function problemOf(choice: Promise<unknown>): Promise<string | null> {
  return choice.then(
    () => null,
    (error: Error) => error.message,
  );
}

/** A missing server is fine: `gtr up` starts one. */
async function server(): Promise<Finding> {
  const finding = {
    name: 'Temporal server',
    needed: false,
    mend: './gtr up starts one; TEMPORAL_ADDRESS names another',
  };
  try {
    const { address, namespace } = temporalConfig();
    const ok = await serverAnswers();
    return {
      ...finding,
      ok,
      found: `${ok ? 'answers' : 'none answers'} at ${address}${ok ? `, namespace ${namespace}` : ''}`,
    };
  } catch (error) {
    return {
      ...finding,
      ok: false,
      needed: true,
      found: firstLine(error),
      mend: 'fix the Temporal profile or the TEMPORAL_ variables that it names',
    };
  }
}

/** Asks for its list of models, which is free and needs the key. Addresses and keys are not shown. */
async function paidTeacher(): Promise<Finding> {
  const finding = {
    name: 'Paid teacher',
    needed: false,
    mend:
      'only for corrector.teacher=openai: OPENAI_API_KEY, or OPENAI_BASE_URL for another server ' +
      '(docs/corrector.md)',
  };
  const {
    OPENAI_API_KEY: key,
    OPENAI_BASE_URL: address,
    AZURE_OPENAI_ENDPOINT: endpoint,
    AZURE_OPENAI_API_KEY: azureKey,
  } = process.env;
  if (endpoint && azureKey) return { ...finding, ok: true, found: "Azure's variables are set" };
  if (!key && !address) return { ...finding, ok: false, found: 'no key and no address in the environment' };
  try {
    await listModels();
    return { ...finding, ok: true, found: `${address ? 'the server of OPENAI_BASE_URL' : 'OpenAI'} answers` };
  } catch (error) {
    return { ...finding, ok: false, found: firstLine(error) };
  }
}

function writableFolder(folder: string): string {
  mkdirSync(folder, { recursive: true });
  accessSync(folder, constants.W_OK);
  const { bavail, bsize } = statfsSync(folder);
  return `${folder}, ${gibibytes(bavail * bsize)} free`;
}

/** A required thing, found unless `see` throws. */
function look(name: string, see: () => string, mend: string): Finding {
  return { ...note(name, see, mend), needed: true };
}

/** An optional thing. */
function note(name: string, see: () => string, mend: string | null): Finding {
  try {
    return { name, ok: true, needed: false, found: see(), mend };
  } catch (error) {
    return { name, ok: false, needed: false, found: firstLine(error), mend };
  }
}

function output(command: string, args: string[]): string {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'ENOENT' ? new Error(`there is no ${command}`) : error;
  }
}

function firstLine(error: unknown): string {
  return (error as Error).message.split('\n')[0];
}

function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}
