/** Sampling, scoring and gradients of a policy on a GPU are the CPU's; a lane is a process, which may die. */
import path from 'node:path';
import { CPU, type ComputeDevice } from '../../core/graph/compute-device.ts';
import { openCheckpoint } from '../../core/policy/checkpoint/open-checkpoint.ts';
import { familyOf } from '../../core/policy/families/registry.ts';
import { LaneError } from '../../core/policy/lanes/lane-channel.ts';
import { OnnxPolicyEngine } from '../../core/policy/onnx-policy-engine.ts';
import type { Precision } from '../../core/policy/vlm-config.ts';
import { RandomStream } from '../../core/random/counter.ts';
import { device, deviceTest, float16Test } from './webgpu-device.ts';

// Grouped heads, bfloat16 weights, a LoRA adapter and a value head.
const checkpoint = openCheckpoint(path.resolve(import.meta.dirname, '../golden/llava/llama-gqa-bf16'));
const { config, adapter } = checkpoint;
const family = familyOf(config);

async function open(on: ComputeDevice, precision: Precision = 'float32'): Promise<OnnxPolicyEngine> {
  const { rank, alpha } = adapter!;
  const engine = OnnxPolicyEngine.open({
    checkpoint,
    scope: { kind: 'lora', rank, alpha, dropout: 0.2, parts: ['language_model'] },
    valueHead: [8],
    device: on,
    lanes: 1,
    rowsPerShard: 2,
    rowsPerSample: 4,
    precision,
    gradientCheckpointing: true,
  });
  await engine.setParameters(engine.initialParameters(1));
  return engine;
}

const wordsOf = (stream: RandomStream) => (count: number) => Array.from({ length: count }, () => 3 + stream.below(280));
const withPicture = (words: readonly number[]) => [
  1,
  ...new Array<number>(family.imageTokens(config, [1, 1])).fill(config.imageTokenId),
  ...words,
];
const picturesOf = (stream: RandomStream) =>
  Array.from({ length: 2 }, () => ({
    pixels: Float32Array.from({ length: family.pictureValues(config, [1, 1]) }, () => stream.normal()),
    grid: [1, 1] as const,
  }));

/** Of the largest element. */
function apart(one: ArrayLike<number>, other: ArrayLike<number>): number {
  const [ours, theirs] = [Array.from(one), Array.from(other)];
  const largest = theirs.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  return ours.reduce((most, x, i) => Math.max(most, Math.abs(x - theirs[i])), 0) / largest;
}

/** A step with dropout, padding, recomputed layers and several shards; sampling with a penalty. */
async function results(engine: OnnxPolicyEngine) {
  const stream = new RandomStream({ seed: 4, purpose: 'test' });
  const words = wordsOf(stream);
  const pictures = picturesOf(stream);
  const prompts = [3, 3, 6].map((length) => withPicture(words(length)));
  const rows = [0, 1, 2].map((index) => ({
    image: index === 2 ? 1 : 0,
    promptIds: index === 2 ? prompts[2] : prompts[0],
    responseIds: words(2 + 2 * index),
    dropoutSeed: stream.odd64(),
    ppo: {
      tokenWeights: new Float32Array(2 + 2 * index).fill(0.5),
      oldLogprob: -8,
      oldValue: 0.1,
      advantage: stream.normal(),
      return: stream.normal(),
      weight: 1 / 3,
    },
  }));
  const noise = rows.map(() => Float32Array.from({ length: 52 }, () => (stream.below(1000) + 0.5) / 1000));
  const { gradient } = await engine.gradients({ rows, pictures, temperature: 0.7, clip: 0.1, valueCoef: 0.5 });
  const { logprobs, values } = await engine.score({ rows, pictures, temperature: 0.7 });
  // More tokens than one loop takes on a CPU; rows 0 and 1 share a prompt.
  const sampled = await engine.sample({
    rows: rows.map(({ image, promptIds }, index) => ({ image, promptIds, noise: noise[index] })),
    pictures,
    maxNewTokens: 52,
    temperature: 0.8,
    repetitionPenalty: 1.3,
    penalizePrompt: true,
  });
  await engine.close();
  return { gradient, logprobs, values, sampled };
}

deviceTest("gradients, log-probs, values and sampled ids are the CPU's, and the same bytes again", async (t) => {
  const [ours, again, reference] = [
    await results(await open(device)),
    await results(await open(device)),
    await results(await open(CPU)),
  ];
  t.deepEqual(again, ours);
  t.true(apart(ours.gradient, reference.gradient) < 1e-4);
  t.true(apart(ours.values, reference.values) < 1e-4);
  for (const [row, logprobs] of reference.logprobs.entries()) t.true(apart(ours.logprobs[row], logprobs) < 1e-4);
  for (const [row, { ids }] of reference.sampled.entries()) t.deepEqual(ours.sampled[row].ids, ids);
});

float16Test('float16 is float32 within its eleven bits', async (t) => {
  const [half, full] = [await results(await open(device, 'float16')), await results(await open(CPU))];
  // 5e-4 an operation: of the largest element 3 % in gradients, 2 % in log-probs and values.
  const worst = apart(half.gradient, full.gradient);
  t.true(worst > 0 && worst < 0.03, `${worst}`);
  t.true(apart(half.values, full.values) < 0.02);
  for (const [row, logprobs] of full.logprobs.entries()) t.true(apart(half.logprobs[row], logprobs) < 0.02);
});

deviceTest('a lane is a process: a run that fails in it is a LaneError, and the engine closes', async (t) => {
  const gone = OnnxPolicyEngine.open({
    checkpoint,
    scope: { kind: 'all' },
    valueHead: [8],
    device,
    lanes: 2,
    rowsPerShard: 1,
    rowsPerSample: 1,
  });
  const pictures = picturesOf(new RandomStream({ seed: 4, purpose: 'test' }));
  await t.throwsAsync(
    gone.score({ rows: [{ image: 0, promptIds: withPicture([3, 4]), responseIds: [] }], pictures, temperature: 1 }),
    { instanceOf: LaneError, message: /^input .* is missing$/ },
  );
  await gone.close();
});
