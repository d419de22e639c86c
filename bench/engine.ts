/**
 * Times of the policy engine on one core, alternating with PyTorch's, then on two cores. CPU seconds, the least of the
 * repeats (a quarter of them for the large model), because other work may share the machine; wall-clock time for two
 * cores. For cases with adapters also the peak memory, each in a separate process. `--python`: an interpreter with the
 * packages that bench/engine-pytorch.py names.
 *
 * npm run bench -- engine [--python PATH] [--repeats 12] [--only TEXT] [--lanes 1,2] [--models DIR]
 */
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { openCheckpoint } from '../core/policy/checkpoint/open-checkpoint.ts';
import { CASES, type Case, type ModelName, PEAK, VARIANTS } from './engine/cases.ts';
import { prepare, productOperations } from './engine/engine-run.ts';
import { peakOfEngine, peakOfPytorch } from './engine/peak-memory.ts';
import { PytorchProcess } from './engine/pytorch-process.ts';
import { openRandomLlava } from './engine/random-llava.ts';
import { least, type Seconds, seconds } from './engine/stopwatch.ts';
import { DECODER_1M, writeTinyModel } from './engine/tiny-model.ts';

const { values: options } = parseArgs({
  options: {
    python: { type: 'string' },
    repeats: { type: 'string', default: '12' },
    only: { type: 'string', default: '' },
    lanes: { type: 'string', default: '1,2' },
    models: { type: 'string', default: path.join(tmpdir(), 'gtr-bench-models') },
  },
});
const repeats = Number(options.repeats);
const [one, several] = options.lanes.split(',').map(Number);
const cases = Object.entries(CASES).filter(([name]) => name === PEAK || name.includes(options.only));
const repeatsOf = (asked: Case) =>
  asked.kind !== 'product' && asked.model === '135m' ? Math.ceil(repeats / 4) : repeats;
const needs = (model: ModelName) => cases.some(([, asked]) => asked.kind !== 'product' && asked.model === model);
const models: Record<ModelName, string> = {
  tiny: await writeTinyModel(),
  '1m': await writeTinyModel(DECODER_1M),
  '135m': needs('135m') ? (await openRandomLlava(options.models, '135m', 'F32')).folder : '',
};

const pytorch = options.python === undefined ? null : new PytorchProcess(options.python, models);
if (pytorch !== null) console.log(`torch ${await pytorch.version()}, one thread`);
console.log(`${'one core, CPU seconds'.padEnd(46)} ours  share of peak  PyTorch: time, ours / PyTorch (goal)`);

let peak = 0; // floating-point operations a second
for (const [name, asked] of cases) {
  const { ours, theirs } = await sideBySide(name, asked);
  const operations = productOperations(asked, () => openCheckpoint(models[(asked as { model: ModelName }).model]));
  const speed = (operations ?? 0) / ours.cpu;
  if (name === PEAK) peak = speed;
  const share =
    name === PEAK
      ? `${(speed / 1e9).toFixed(0)} GFLOP/s`
      : operations === null
        ? ''
        : `${((100 * speed) / peak).toFixed(0)} %`;
  const beside = [...theirs].map(
    ([variant, { cpu }]) =>
      `${variant} ${cpu.toFixed(3)}, ` +
      `${(ours.cpu / cpu).toFixed(2)}${asked.goals?.[variant] === undefined ? '' : ` (${asked.goals[variant].toFixed(2)})`}`,
  );
  console.log(`${name.padEnd(46)} ${ours.cpu.toFixed(3)} ${share.padEnd(12)} ${beside.join('; ')}`);
}
await pytorch?.close();

console.log(`${'largest resident set, MB'.padEnd(46)} ours  PyTorch: MB, ours / PyTorch`);
for (const [name, asked] of cases) {
  if ((asked.kind !== 'update' && asked.kind !== 'sample') || asked.lora === undefined) continue;
  const ours = peakOfEngine(name, models);
  const beside: string[] = [];
  for (const variant of options.python === undefined ? [] : VARIANTS[asked.kind]) {
    const theirs = await peakOfPytorch(options.python!, name, variant, models);
    beside.push(`${variant} ${(theirs / 1e6).toFixed(0)}, ${(ours / theirs).toFixed(2)}`);
  }
  console.log(`${name.padEnd(46)} ${(ours / 1e6).toFixed(0)} ${beside.join('; ')}`);
}

if (several !== undefined) {
  console.log(`${`${several} lanes, seconds of the clock`.padEnd(46)} one lane, ${several} lanes, times`);
  for (const [name, asked] of cases)
    if ((asked.kind === 'update' || asked.kind === 'sample') && asked.model !== '135m') await speedUp(name, asked);
}

/** The engine's and PyTorch's runs, alternating, after one warm-up of each. */
async function sideBySide(name: string, asked: Case): Promise<{ ours: Seconds; theirs: Map<string, Seconds> }> {
  const variants = pytorch === null ? [] : VARIANTS[asked.kind];
  const { run, close } = await prepare(asked, models, one);
  const ours: Seconds[] = [];
  const theirs = new Map(variants.map((variant) => [variant, [] as Seconds[]]));
  for (let repeat = 0; repeat <= repeatsOf(asked); repeat++) {
    const spent = await seconds(run);
    if (repeat > 0) ours.push(spent);
    for (const [variant, runs] of theirs) {
      const theirSpent = await pytorch!.run(name, variant);
      if (repeat > 0) runs.push(theirSpent);
    }
  }
  await close();
  return { ours: least(ours), theirs: new Map([...theirs].map(([variant, runs]) => [variant, least(runs)])) };
}

/** The same request with one lane and with several, alternating. */
async function speedUp(name: string, asked: Case): Promise<void> {
  const engines = await Promise.all([one, several].map((lanes) => prepare(asked, models, lanes)));
  const runs: Seconds[][] = [[], []];
  for (let repeat = 0; repeat <= repeats; repeat++) {
    for (const [index, { run }] of engines.entries()) {
      const spent = await seconds(run);
      if (repeat > 0) runs[index].push(spent);
    }
  }
  for (const { close } of engines) await close();
  const [alone, together] = runs.map((list) => least(list).wall);
  console.log(`${name.padEnd(46)} ${alone.toFixed(3)}, ${together.toFixed(3)}, ${(alone / together).toFixed(2)}`);
}
