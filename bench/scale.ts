/**
 * The speed-up from a second GPU worker: the same run by one worker and by two of one core each, alternating; the cost
 * of the exchange; 1 to 8 workers simulated from the measured rates; and, from trained elements and the store's rates,
 * optimizer steps of LoRA on 7B with 2, 4 and 8 GPUs.
 *
 * npm run bench -- scale [--only built-in,135m,7b] [--base DIR] [--repeats 2] [--iterations 3] [--set a.b=c ...]
 *   [--step-seconds 34] [--disk 2] [--nfs 1.1] [--s3 0.5]
 * (iterations are measured after the first of each run; on a machine with two cores, the server and the orchestrator
 * also use both, which the CPU time shows) (--base: a checkpoint of 135 M parameters, as `npm run bench -- pretrained`
 * assembles it; --step-seconds: an optimizer step on one GPU; --disk, --nfs, --s3: GB/s of all workers together, with
 * S3 of each)
 */
import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import { adamStep, clipByGlobalNorm, initAdam } from '../core/learner/adam.ts';
import { openCheckpoint } from '../core/policy/checkpoint/open-checkpoint.ts';
import { trainedParameters } from '../core/policy/trained-parameters.ts';
import { readConfig } from '../cli/config-file.ts';
import { modelFolder } from '../configs/project-folder.ts';
import { STEPS_PER_STORED_STATE } from '../configs/shared-update.ts';
import { runConfigSchema } from '../configs/schema.ts';
import { largeModelSteps, trainedElements } from './scale/large-model.ts';
import { type Measured, measure, type MeasuredRun } from './scale/measure.ts';
import { type Rates, simulate, type Store } from './scale/simulate.ts';
import { storeRates } from './scale/store-rates.ts';

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: 'built-in,7b' },
    base: { type: 'string', default: '.gtr/pretrained/assembled' },
    repeats: { type: 'string', default: '2' },
    iterations: { type: 'string', default: '3' },
    set: { type: 'string', multiple: true, default: [] },
    'step-seconds': { type: 'string', default: '34' },
    disk: { type: 'string', default: '2' },
    nfs: { type: 'string', default: '1.1' },
    s3: { type: 'string', default: '0.5' },
  },
});
const iterations = Number(options.iterations);
const RUNS: Record<string, MeasuredRun> = {
  'built-in': {
    config: 'points24-tiny',
    changes: [
      'rollout.envStepsPerIteration=1024',
      'rollout.episodesPerWave=32',
      'ppo.epochs=1',
      'ppo.samplesPerStep=64',
      ...options.set,
    ],
    iterations,
  },
  '135m': {
    config: 'pretrained-ezpoints',
    changes: [
      `model.base=${options.base}`,
      'rollout.envStepsPerIteration=32',
      'rollout.episodesPerWave=4',
      'rollout.maxNewTokens=48',
      'environment.maxEpisodeSteps=3',
      'engine.rowsPerSample=4',
      'ppo.epochs=1',
      'ppo.samplesPerStep=8',
      'collapse.thoughts=0',
      ...options.set,
    ],
    iterations,
  },
};
const SIMULATED = [1, 2, 4, 8];
const seconds = (value: number) => value.toFixed(2);
const times = (value: number) => `${value.toFixed(2)} times`;

for (const name of options.only.split(',').filter((one) => one !== '7b')) {
  const run = RUNS[name];
  if (run === undefined) throw new Error(`--only ${name}: there are ${[...Object.keys(RUNS), '7b'].join(', ')}`);
  const [one, two] = await measure(run, Number(options.repeats), (line) => console.error(`${name}: ${line}`));
  await tell(name, run, one, two);
}
if (options.only.split(',').includes('7b')) await tellLargeModel();

async function tell(name: string, run: MeasuredRun, one: Measured, two: Measured): Promise<void> {
  const { model, ppo, rollout } = readConfig(runConfigSchema, run.config, [...run.changes]);
  const checkpoint = openCheckpoint(modelFolder(model.base));
  const elements = trainedParameters(checkpoint, model.train, model.valueHead).reduce(
    (sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1),
    0,
  );
  const bytes = 4 * elements;
  const { read, write } = await storeRates(tmpdir(), bytes, 10);
  const store = { read: 1 / read.clock, write: 1 / write.clock, together: Infinity };
  const steps = Math.ceil(rollout.envStepsPerIteration / ppo.samplesPerStep);
  const { parts } = one;
  const { add, adam } = timePerElement();
  const rates: Rates = {
    wave: parts.wave,
    judge: parts.judge,
    besides: parts.iteration - parts.rollout - parts.update,
    gradients: parts.gradients - elements * adam,
    add: elements * add,
    adam: elements * adam,
    dispatch: parts.dispatch,
    vectorBytes: bytes,
    gradientBytes: bytes,
    store,
  };
  console.log(
    `\n${name}: ${elements} trained elements, ${parts.waves} waves, ${steps} optimizer steps of ` +
      `${ppo.samplesPerStep} samples; policy ${one.policy.slice(0, 12)} by one worker and by two; store: ` +
      `writes ${(store.write / 1e6).toFixed(0)} MB/s, reads ${(store.read / 1e6).toFixed(0)} MB/s; an activity ` +
      `follows another after ${(1000 * parts.dispatch).toFixed(0)} ms`,
  );
  console.log(
    '\n| workers | rollout, s | update, s | exchange, s of all workers | iteration, s | CPU of GPU workers, s | ' +
      'of server, orchestrator, corrector, s |\n|---|---|---|---|---|---|---|',
  );
  for (const { workers, parts: measured, cpu } of [one, two])
    console.log(
      `| ${workers}, measured | ` +
        `${[measured.rollout, measured.update, measured.exchange, measured.iteration].map(seconds).join(' | ')} | ` +
        `${[cpu.gpu, cpu.others].map((value) => (value === null ? '' : seconds(value))).join(' | ')} |`,
    );
  console.log(
    `| **2 / 1** | ${times(one.parts.rollout / two.parts.rollout)} | ` +
      `${times(one.parts.update / two.parts.update)} | | ${times(one.parts.iteration / two.parts.iteration)} | | |`,
  );
  for (const workers of SIMULATED) {
    const waves = Math.max(parts.waves, workers);
    const shape = { workers, waves, groups: Math.max(2, workers), steps };
    // The same episodes in more waves, if there are more workers than waves.
    const asked = { ...rates, wave: (rates.wave * parts.waves) / waves };
    const { rollout: sampling, update, exchange, iteration } = simulate(asked, shape);
    console.log(`| ${workers}, simulated | ${[sampling, update, exchange, iteration].map(seconds).join(' | ')} | | |`);
  }
}

async function tellLargeModel(): Promise<void> {
  const { read, write } = await storeRates(tmpdir(), 256 * 2 ** 20, 5);
  const elementSeconds = timePerElement();
  const stepSeconds = Number(options['step-seconds']);
  /** A worker hashes and copies, and then the bytes pass a link. */
  const over = (gigabytes: string, each: boolean): Store => ({
    read: 1 / (read.cpu + 1e-9 / Number(gigabytes)),
    write: 1 / (write.cpu + 1e-9 / Number(gigabytes)),
    together: each ? Infinity : 1e9 * Number(gigabytes),
  });
  const stores: [string, Store][] = [
    [`local disk, ${options.disk} GB/s together`, over(options.disk, false)],
    [`NFS, ${options.nfs} GB/s together`, over(options.nfs, false)],
    [`S3, ${options.s3} GB/s each`, over(options.s3, true)],
  ];
  console.log(
    `\n7B, an optimizer step of ${stepSeconds} s on one GPU and the links' rates (given). CPU time measured ` +
      `here, the least of the repeats: a GB stored ${(1e9 * write.cpu).toFixed(2)} s, read ` +
      `${(1e9 * read.cpu).toFixed(2)} s, hashing included; an element added ` +
      `${(1e9 * elementSeconds.add).toFixed(1)} ns, clipped and taken by Adam ` +
      `${(1e9 * elementSeconds.adam).toFixed(1)} ns\n`,
  );
  console.log(
    '| LoRA | exchange | store | GB a step that 2 GPUs move | 2 GPUs: s, of it exchange; times as fast | 4 ' +
      'GPUs | 8 GPUs |\n|---|---|---|---|---|---|---|',
  );
  for (const rank of [16, 128])
    for (const exchange of ['float32', 'float16'] as const)
      for (const [place, store] of stores) {
        const steps = largeModelSteps({ rank, exchange, stepSeconds, elementSeconds, store }, [2, 4, 8]);
        const elements = trainedElements(rank);
        const gradient = (exchange === 'float16' ? 2 : 4) * elements;
        // Two gradients written and two read; every few steps the state is written.
        const moved = 4 * gradient + (12 * elements) / STEPS_PER_STORED_STATE;
        console.log(
          `| r ${rank} | ${exchange} | ${place} | ${(moved / 1e9).toFixed(2)} | ` +
            `${steps.map(({ step, exchange: moving, speedUp }) => `${step.toFixed(1)}, ${moving.toFixed(1)}; ${speedUp.toFixed(2)}`).join(' | ')} ` +
            '|',
        );
      }
}

/** CPU seconds an element of what the worker that adds computes: the least of five. */
function timePerElement(): { add: number; adam: number } {
  const length = 8_000_000;
  const [parameters, gradient, other] = [0.1, 0.01, 0.02].map((value) => new Float32Array(length).fill(value));
  const adam = initAdam(length);
  const least = { add: Infinity, adam: Infinity };
  const time = (what: keyof typeof least, work: () => void) => {
    const before = process.cpuUsage();
    work();
    least[what] = Math.min(least[what], process.cpuUsage(before).user / 1e6 / length);
  };
  for (let repeat = 0; repeat < 5; repeat++) {
    time('add', () => {
      for (let i = 0; i < length; i++) gradient[i] += other[i];
    });
    time('adam', () => {
      clipByGlobalNorm(gradient, 0.01);
      adamStep(parameters, gradient, adam, 1e-5, { beta1: 0.9, beta2: 0.999, eps: 1e-7 });
    });
  }
  return least;
}
