/**
 * Times of the policy engine: on the built-in model's shapes a rollout of 512 steps and an update of 512 steps x 2 epochs, and with a decoder of
 * 1.1 M parameters a train step (16 rows of 224 tokens, loss on the last 60) and sampling (prompts of 124, 100 tokens). With `--python`, an
 * interpreter that has what bench/engine-pytorch.py names, the same work in PyTorch follows in the same run, with the ratios.
 *
 * npm run bench -- engine [--lanes 1] [--repeats 3] [--rows-per-shard 16] [--rows-per-sample 16] [--python PATH]
 */
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { openCheckpoint } from '../policy/checkpoint/open-checkpoint.ts';
import type { VlmConfig } from '../policy/vlm-config.ts';
import { OnnxPolicyEngine } from '../policy/onnx-policy-engine.ts';
import { Requests } from './engine/requests.ts';
import { DECODER_1M, writeTinyModel } from './engine/tiny-model.ts';

const STEPS = 512;
const EPOCHS = 2;
const SAMPLES_PER_STEP = 32;
/** Environments that are sampled together. */
const ENVIRONMENTS = 32;
const RESPONSE_TOKENS = { shortest: 39, longest: 44 };

const { values: options } = parseArgs({
  options: { lanes: { type: 'string', default: '1' }, repeats: { type: 'string', default: '3' }, 'rows-per-shard': { type: 'string', default: '16' }, 'rows-per-sample': { type: 'string', default: '16' }, python: { type: 'string' } },
});

async function open(text: object, rowsPerShard: number): Promise<{ engine: OnnxPolicyEngine; parameters: Float32Array; config: VlmConfig }> {
  const checkpoint = openCheckpoint(await writeTinyModel(text));
  const engine = OnnxPolicyEngine.open({ checkpoint, scope: { kind: 'all' }, valueHead: [64, 32], provider: 'cpu', lanes: Number(options.lanes), rowsPerShard, rowsPerSample: Number(options['rows-per-sample']) });
  const parameters = engine.initialParameters(1);
  await engine.setParameters(parameters);
  return { engine, parameters, config: checkpoint.config };
}

const { engine, parameters, config } = await open({}, Number(options['rows-per-shard']));
console.log(`${engine.trainedSize} trained parameters, ${options.lanes} lane(s), ${options['rows-per-shard']} rows a shard, ${options['rows-per-sample']} rows sampled together`);

/** 16 image tokens and 14 of text. */
const tiny = new Requests(config, 30);
const requests = Array.from({ length: STEPS / SAMPLES_PER_STEP }, (_, seed) => ({
  ppo: tiny.gradient({ ppo: SAMPLES_PER_STEP, sft: 0, ...RESPONSE_TOKENS, seed }),
  both: tiny.gradient({ ppo: SAMPLES_PER_STEP, sft: SAMPLES_PER_STEP, ...RESPONSE_TOKENS, seed }),
}));
const prompts = tiny.sample(ENVIRONMENTS, RESPONSE_TOKENS.longest);

async function rollout(): Promise<void> {
  for (let step = 0; step < STEPS / ENVIRONMENTS; step++) await engine.sample(prompts);
}

async function update(kind: 'ppo' | 'both'): Promise<void> {
  for (let epoch = 0; epoch < EPOCHS; epoch++) {
    for (const request of requests) {
      await engine.gradients(request[kind]);
      // What an optimizer step costs the engine beside its gradient.
      await engine.setParameters(parameters);
    }
  }
}

/** CPU seconds by measurement. */
const cpuSeconds = new Map<string, number>();

/** Wall-clock and process CPU seconds, the least of the repeats; the first run makes the sessions and is shown apart. */
async function measure(name: string, run: () => Promise<void>): Promise<void> {
  let [wall, cpu, first] = [Infinity, Infinity, 0];
  for (let repeat = 0; repeat <= Number(options.repeats); repeat++) {
    const [start, used] = [performance.now(), process.cpuUsage()];
    await run();
    const elapsed = (performance.now() - start) / 1000;
    const { user, system } = process.cpuUsage(used);
    if (repeat === 0) first = elapsed;
    else [wall, cpu] = [Math.min(wall, elapsed), Math.min(cpu, (user + system) / 1e6)];
  }
  cpuSeconds.set(name, cpu);
  console.log(`${name.padEnd(44)} ${wall.toFixed(2)} s wall, ${cpu.toFixed(2)} s CPU (first ${first.toFixed(2)} s)`);
}

await measure(`rollout, ${STEPS} steps of ${RESPONSE_TOKENS.longest} tokens`, rollout);
await measure(`update, ${STEPS} steps x ${EPOCHS} epochs, PPO`, () => update('ppo'));
await measure(`update, ${STEPS} steps x ${EPOCHS} epochs, PPO + SFT`, () => update('both'));
await engine.close();

/** Rows of one pass of the larger decoder: its activations leave the cache sooner. */
const large = await open(DECODER_1M, 4);
const trainStep = new Requests(large.config, 164).gradient({ ppo: 0, sft: 16, shortest: 60, longest: 60 });
const largePrompts = new Requests(large.config, 124).sample(16, 100);
console.log(`${large.engine.trainedSize} trained parameters`);
await measure('1 M decoder, train step 16 x 224, loss on 60', async () => void (await large.engine.gradients(trainStep)));
await measure('1 M decoder, 16 prompts of 124, 100 tokens', async () => void (await large.engine.sample(largePrompts)));
await large.engine.close();

if (options.python !== undefined) {
  const script = path.join(import.meta.dirname, 'engine-pytorch.py');
  const output = execFileSync(options.python, [script, '--repeats', options.repeats], { encoding: 'utf8', env: { ...process.env, OMP_NUM_THREADS: '1', MKL_NUM_THREADS: '1' }, stdio: ['ignore', 'pipe', 'ignore'] });
  console.log(output.trimEnd());
  for (const [, name, cpu] of output.matchAll(/^(.+?) {2,}[\d.]+ s wall, ([\d.]+) s CPU$/gm)) {
    const ours = cpuSeconds.get(name);
    if (ours !== undefined) console.log(`${name.padEnd(44)} ours / PyTorch ${(ours / Number(cpu)).toFixed(2)}`);
  }
}
