/**
 * The cost of a teacher merged from a run's own checkpoints: iterations of PPO, Turbo-KL and Turbo-SFT on the tiny
 * model, alternating on one separate installation. The first iteration of each run is left out: it compiles graphs, and
 * its teacher is the policy itself.
 *
 * npm run bench -- turbo-cost [--rounds 2] [--iterations 4] [--config points24-tiny] [--set a.b=c ...]
 * npm run bench -- turbo-cost --parts [--episodes 32]     (only the model's parts, in this process)
 */
import { parseArgs } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { readConfig } from '../cli/config-file.ts';
import { startRun } from '../cli/start-run.ts';
import { withClient } from '../cli/temporal.ts';
import { runConfigSchema } from '../configs/schema.ts';
import { readRunRecords } from '../core/records/run-records.ts';
import { activityDependencies } from '../workers/installation.ts';
import type { train } from '../workflows/train.ts';
import { startInstallation } from './harness/installation.ts';
import { cpuSeconds } from './load/process-usage.ts';
import { measureParts } from './turbo-cost/parts.ts';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '2' },
    iterations: { type: 'string', default: '4' },
    config: { type: 'string', default: 'points24-tiny' },
    set: { type: 'string', multiple: true, default: [] },
    parts: { type: 'boolean', default: false },
    episodes: { type: 'string', default: '32' },
  },
});
const ALGORITHMS = ['ppo', 'gtr-turbo-kl', 'gtr-turbo-sft'] as const;
type Spent = { seconds: number; cpu: number; update: number; teacher: number };

if (options.parts) {
  await tellParts();
  process.exit(0);
}
const installation = await startInstallation();
const { store } = activityDependencies();
try {
  const spent = new Map<string, Spent[]>(ALGORITHMS.map((algorithm) => [algorithm, []]));
  for (let round = 1; round <= Number(options.rounds); round++)
    for (const algorithm of ALGORITHMS) spent.get(algorithm)!.push(...(await iterationsOf(algorithm, round)));
  const ppo = medians(spent.get('ppo')!);
  const { epochs } = configOf('ppo').ppo;
  console.log(
    `An iteration, medians over ${spent.get('ppo')!.length} of each; ${options.config}, ${epochs} epochs. In ` +
      "brackets: share of PPO's",
  );
  console.log('algorithm | seconds | CPU seconds of the GPU worker | update | teacher');
  for (const [algorithm, iterations] of spent) {
    const { seconds, cpu, update, teacher } = medians(iterations);
    const share = (one: number, other: number) => `${one.toFixed(2)} (${(one / other).toFixed(2)})`;
    console.log(
      `${algorithm} | ${share(seconds, ppo.seconds)} | ${share(cpu, ppo.cpu)} | ${update.toFixed(2)} | ` +
        `${teacher.toFixed(2)}`,
    );
  }
} finally {
  await installation.stop();
}

/** The sums of the parts in an iteration of one to four epochs. */
async function tellParts(): Promise<void> {
  const { steps, sample, logprobs, thoughts, update, updateBoth } = await measureParts(
    configOf('gtr-turbo-sft'),
    Number(options.episodes),
  );
  const text = (seconds: number) => seconds.toFixed(2);
  console.log(
    `CPU seconds of ${steps} steps: sampling ${text(sample)}, the teacher's log-probs ${text(logprobs)}, its ` +
      `thoughts ${text(thoughts)}, an epoch of PPO ${text(update)}, with the teacher's rows ${text(updateBoth)}`,
  );
  for (const epochs of [1, 2, 4]) {
    const ppo = sample + epochs * update;
    console.log(
      `${epochs} epochs: Turbo-KL ${text((ppo + logprobs) / ppo)} of PPO, Turbo-SFT ` +
        `${text((sample + thoughts + epochs * updateBoth) / ppo)}`,
    );
  }
}

function configOf(algorithm: string) {
  const config = readConfig(runConfigSchema, options.config, ['evaluation.episodes=0', ...options.set]);
  const envSteps = config.rollout.envStepsPerIteration * Number(options.iterations);
  return { ...config, algorithm: algorithm as typeof config.algorithm, envSteps };
}

/** The costs of a run's iterations after the first. */
async function iterationsOf(algorithm: string, round: number): Promise<Spent[]> {
  const id = `${algorithm}-${round}`;
  const pid = installation.supervisor.pidOf('gpu')!;
  const used: number[] = [];
  await withClient((client) => startRun<typeof train>(client, 'train', id, [configOf(algorithm)], 'turbo-cost'));
  for (const started = cpuSeconds(pid); used.length < Number(options.iterations); await sleep(50)) {
    const { iterations } = await readRunRecords(store, id);
    while (used.length < iterations.length) used.push(cpuSeconds(pid) - started);
  }
  const { iterations } = await readRunRecords(store, id);
  return iterations.slice(1).map(({ metrics }, index) => ({
    seconds: metrics['time/iteration']!,
    cpu: used[index + 1] - used[index],
    update: metrics['time/update']!,
    teacher: metrics['time/teacher'] ?? 0,
  }));
}

function medians(all: readonly Spent[]): Spent {
  const median = (of: (one: Spent) => number) => all.map(of).sort((a, b) => a - b)[Math.floor(all.length / 2)];
  return {
    seconds: median(({ seconds }) => seconds),
    cpu: median(({ cpu }) => cpu),
    update: median(({ update }) => update),
    teacher: median(({ teacher }) => teacher),
  };
}
