/** `gtr estimate`: the costs of a run's paid teacher, policy and store, before anything is started. */
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { readLimits } from '../core/corrector/account-limits.ts';
import { type RunConfig, runConfigSchema } from '../configs/schema.ts';
import { type Estimate, estimateRun, type Range } from '../core/corrector/estimate.ts';
import { activityDependencies } from '../workers/installation.ts';
import { modelFolder } from '../configs/project-folder.ts';
import { CheckpointError } from '../core/policy/checkpoint/errors.ts';
import { plannedFolder } from '../core/policy/checkpoint/planned-checkpoint.ts';
import type { ArtifactStore } from '../core/artifacts/store.ts';
import { readConfig } from './config-file.ts';
import { type Disk, diskMisfit, diskOfRun, diskText } from '../core/records/run-disk.ts';
import { policyWork, policyWorkText } from './policy-work.ts';
import { teacherTerms } from '../core/corrector/teachers.ts';
import { UsageError } from './errors.ts';
import { collect } from './train.ts';

export function register(program: Command): void {
  program
    .command('estimate')
    .description(
      "calls, tokens, cost and hours of a run's paid teacher, its policy's work, its disk, before anything is started",
    )
    .requiredOption('--config <file>', 'run configuration: a file, or a name in configs/')
    .option('--set <a.b=c...>', 'change fields of the configuration', collect, [])
    .option('--sampling-rate <number>', 'tokens that one GPU worker samples per second, all rows together', rate)
    .option('--updating-rate <number>', 'samples that an update processes per second on one GPU worker', rate)
    .option('--gpu-workers <number>', 'GPU workers that share the run', whole, 1)
    .option('--json', 'one JSON object')
    .action(async (options: Options) => {
      const config = readConfig(runConfigSchema, options.config, options.set);
      const { store } = activityDependencies();
      const teacher = await estimateTeacher(config, store);
      const disk = diskIfKnown(config, store);
      const { samplingRate: sampling = null, updatingRate: updating = null } = options;
      const policy = await policyWork(config, { sampling, updating }, options.gpuWorkers);
      process.stdout.write(
        options.json
          ? `${JSON.stringify({ ...teacher, policy, disk: typeof disk === 'string' ? null : disk }, null, 2)}\n`
          : `${teacher === null ? freeText(config) : estimateText(teacher.model, teacher)}` +
              policyWorkText(policy, config) +
              `Disk: ${typeof disk === 'string' ? disk : diskText(disk)}.\n`,
      );
      const reason = typeof disk === 'string' ? null : diskMisfit(disk);
      if (reason !== null) throw new UsageError(`No room: ${reason}.`);
    });
}

type Options = {
  config: string;
  set: string[];
  samplingRate?: number;
  updatingRate?: number;
  gpuWorkers: number;
  json?: boolean;
};

function rate(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('A rate is a number above 0.');
  return value;
}

function whole(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('A whole number above 0.');
  return value;
}

function freeText({ corrector }: RunConfig): string {
  return `Teacher: ${corrector.teacher}, which costs nothing; --set corrector.teacher=openai estimates a paid one.\n`;
}

/** Null where the teacher is free. */
async function estimateTeacher(config: RunConfig, store: ArtifactStore) {
  const { account, requestsPerMinute, tokensPerMinute } = config.corrector;
  const terms = teacherTerms(config);
  if (terms === null) return null;
  const known = await readLimits(store, account);
  const limits = {
    requestsPerMinute: requestsPerMinute ?? known.requestsPerMinute,
    tokensPerMinute: tokensPerMinute ?? known.tokensPerMinute,
  };
  return { model: terms.model, limits, ...estimateRun(config, limits) };
}

/** Or why it is unknown: a checkpoint that only workers see. Weights need not be there. */
function diskIfKnown(config: RunConfig, store: ArtifactStore): Disk | string {
  const { base, adapter } = config.model;
  const folder = modelFolder(base);
  try {
    const opened = adapter === null && isWithoutWeights(folder) ? plannedFolder(folder) : undefined;
    return diskOfRun(config, store, opened);
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    return `not known (${error.message})`;
  }
}

/** Whether a checkpoint's configuration is there, but not yet its weights. */
function isWithoutWeights(folder: string): boolean {
  return (
    existsSync(path.join(folder, 'config.json')) &&
    !readdirSync(folder).some((name) => /\.safetensors(\.index\.json)?$/.test(name))
  );
}

function estimateText(
  model: string,
  { calls, requests, tokensIn, tokensCached, tokensOut, costUsd, hours, bounds, serialHours, assumptions }: Estimate,
): string {
  const row = (name: string, range: Range | null, text: (value: number) => string, without = 'unknown') =>
    `${name.padEnd(30)}${range === null ? without : [range.low, range.likely, range.high].map((value) => text(value).padStart(14)).join('')}`;
  const count = (value: number) => Math.round(value).toLocaleString('en-US');
  const time = (value: number) => `${value.toFixed(1)} h`;
  return [
    `Teacher ${model}`.padEnd(30) + ['at least', 'likely', 'at most'].map((name) => name.padStart(14)).join(''),
    row('thoughts asked about', calls, count),
    row('requests', requests, count),
    row('prompt tokens', tokensIn, count),
    row('  of them cached', tokensCached, count),
    row('answer tokens', tokensOut, count),
    row(
      'cost',
      costUsd,
      (value) => `$${value.toFixed(2)}`,
      'unknown: no price for this model; set corrector.openai.prices',
    ),
    row('hours of judging', hours, time),
    row(
      '  by requests per minute',
      bounds.requestsPerMinute,
      time,
      'no limit known (corrector.requestsPerMinute, gtr rate)',
    ),
    row('  by tokens per minute', bounds.tokensPerMinute, time, 'no limit known (corrector.tokensPerMinute, gtr rate)'),
    row('  by the time of a judgement', bounds.latency, time),
    row('in sequence', serialHours, time),
    '',
    'Assumed:',
    ...assumptions.map((assumption) => `- ${assumption}`),
    '',
  ].join('\n');
}
