/**
 * Times of the policy engine on the built-in model's shapes: a rollout of 512 steps and an update of 512 steps x 2 epochs.
 *
 * node bench/engine.ts [--lanes 1] [--repeats 3] [--rows-per-shard 16] [--rows-per-sample 16]
 */
import { parseArgs } from 'node:util';
import { openCheckpoint } from '../policy/checkpoint/open-checkpoint.ts';
import { OnnxPolicyEngine } from '../policy/onnx-policy-engine.ts';
import { gradientRequest, sampleRequest, writeTinyModel } from './engine/tiny-model.ts';

const STEPS = 512;
const EPOCHS = 2;
const SAMPLES_PER_STEP = 32;
/** Environments that are sampled together. */
const ENVIRONMENTS = 32;
const RESPONSE_TOKENS = { shortest: 39, longest: 44 };

const { values: options } = parseArgs({
  options: { lanes: { type: 'string', default: '1' }, repeats: { type: 'string', default: '3' }, 'rows-per-shard': { type: 'string', default: '16' }, 'rows-per-sample': { type: 'string', default: '16' } },
});

const checkpoint = openCheckpoint(await writeTinyModel());
const { vocabSize } = checkpoint.config.text;
const engine = OnnxPolicyEngine.open({
  checkpoint,
  scope: { kind: 'all' },
  valueHead: [64, 32],
  provider: 'cpu',
  lanes: Number(options.lanes),
  rowsPerShard: Number(options['rows-per-shard']),
  rowsPerSample: Number(options['rows-per-sample']),
});
const parameters = engine.initialParameters(1);
console.log(`${engine.trainedSize} trained parameters, ${options.lanes} lane(s), ${options['rows-per-shard']} rows a shard, ${options['rows-per-sample']} rows sampled together`);

const requests = Array.from({ length: STEPS / SAMPLES_PER_STEP }, (_, seed) => ({
  ppo: gradientRequest(SAMPLES_PER_STEP, 0, RESPONSE_TOKENS.shortest, RESPONSE_TOKENS.longest, vocabSize, seed),
  both: gradientRequest(SAMPLES_PER_STEP, SAMPLES_PER_STEP, RESPONSE_TOKENS.shortest, RESPONSE_TOKENS.longest, vocabSize, seed),
}));
const prompts = sampleRequest(ENVIRONMENTS, RESPONSE_TOKENS.longest, vocabSize);

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
  console.log(`${name.padEnd(44)} ${wall.toFixed(2)} s wall, ${cpu.toFixed(2)} s CPU (first ${first.toFixed(2)} s)`);
}

await engine.setParameters(parameters);
await measure(`rollout, ${STEPS} steps of ${RESPONSE_TOKENS.longest} tokens`, rollout);
await measure(`update, ${STEPS} steps x ${EPOCHS} epochs, PPO`, () => update('ppo'));
await measure(`update, ${STEPS} steps x ${EPOCHS} epochs, PPO + SFT`, () => update('both'));
await engine.close();
