/** Properties of the engine for any model: lanes change nothing, and sampling agrees with scoring. */
import { mkdtempSync, readdirSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { openCheckpoint } from '../../core/policy/checkpoint/open-checkpoint.ts';
import { type EngineOptions, OnnxPolicyEngine } from '../../core/policy/onnx-policy-engine.ts';
import type { GradientRequest, Gradients, SampleRequest, TrainingRow } from '../../core/policy/policy-engine.ts';
import { RandomStream } from '../../core/random/counter.ts';
import { familyOf } from '../../core/policy/families/registry.ts';
import { newModel, rowsFor } from './new-model.ts';

// The smallest recorded checkpoint: one key/value head for five query heads, bfloat16 weights, a LoRA adapter and a
// value head.
const folder = path.resolve(import.meta.dirname, '../golden/llava/llama-gqa-bf16');
const checkpoint = openCheckpoint(folder);
const { config } = checkpoint;
const lora = {
  kind: 'lora',
  rank: checkpoint.adapter!.rank,
  alpha: checkpoint.adapter!.alpha,
  dropout: 0,
  parts: ['language_model'],
} as const;

async function engine(options: Partial<EngineOptions> = {}): Promise<OnnxPolicyEngine> {
  const opened = OnnxPolicyEngine.open({
    checkpoint,
    scope: lora,
    valueHead: [8, 4],
    lanes: 1,
    rowsPerShard: 2,
    rowsPerSample: 2,
    ...options,
  });
  await opened.setParameters(opened.initialParameters(1));
  return opened;
}

const random = () => new RandomStream({ seed: 3, purpose: 'test' });
const words = (stream: RandomStream, count: number) => Array.from({ length: count }, () => 3 + stream.below(280));
const prompt = (stream: RandomStream, before: number, after: number) => [
  1,
  ...words(stream, before),
  ...new Array<number>(familyOf(config).imageTokens(config, [1, 1])).fill(config.imageTokenId),
  ...words(stream, after),
];
const pictures = (stream: RandomStream, count: number) =>
  Array.from({ length: count }, () => ({
    pixels: Float32Array.from({ length: familyOf(config).pictureValues(config, [1, 1]) }, () => stream.normal()),
    grid: [1, 1] as const,
  }));

/**
 * Prompts of 3, 12 and 7 text tokens; responses of 5, 1, 0 and 9 tokens; PPO, SFT, neither (an empty response), and
 * both.
 */
function mixedRows(): GradientRequest {
  const stream = random();
  const row = (image: number, before: number, after: number, response: number) => ({
    image,
    promptIds: prompt(stream, before, after),
    responseIds: words(stream, response),
  });
  const ppo = (tokens: number) => ({
    tokenWeights: new Float32Array(tokens).fill(0.5),
    oldLogprob: -3 * tokens,
    oldValue: 0.1,
    advantage: stream.normal(),
    return: stream.normal(),
    weight: 0.25,
  });
  const rows: TrainingRow[] = [
    { ...row(0, 1, 1, 5), ppo: ppo(5) },
    { ...row(1, 5, 6, 1), sftWeights: Float32Array.of(0.5) },
    { ...row(0, 2, 4, 0), ppo: ppo(0) },
    { ...row(2, 2, 4, 9), ppo: ppo(9), sftWeights: new Float32Array(9).fill(0.1) },
    { ...row(1, 1, 1, 3), ppo: ppo(3) },
  ];
  return { rows, pictures: pictures(stream, 3), temperature: 0.7, clip: 0.1, valueCoef: 0.5 };
}

function sampleRequest(temperature: number): SampleRequest {
  const stream = random();
  const maxNewTokens = 7;
  const lengths = [
    [1, 1],
    [5, 6],
    [2, 4],
    [2, 4],
    [1, 1],
  ];
  return {
    rows: lengths.map(([before, after], image) => ({
      image: image % 3,
      promptIds: prompt(stream, before, after),
      noise: Float32Array.from({ length: maxNewTokens }, () => stream.uniform()),
    })),
    pictures: pictures(stream, 3),
    maxNewTokens,
    temperature,
    repetitionPenalty: 1.3,
    penalizePrompt: false,
  };
}

const closeTo = (actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number) =>
  actual.length === expected.length &&
  Array.from(actual).every(
    (x, i) =>
      Math.abs(x - expected[i]) <= tolerance * Math.max(1, Math.abs(expected[i])) ||
      (Number.isNaN(x) && Number.isNaN(expected[i])),
  );

test('gradient and sample bytes are those of one lane with two', async (t) => {
  const [one, two] = [await engine(), await engine({ lanes: 2 })];
  for (const request of [mixedRows(), mixedRows()])
    t.deepEqual(await two.gradients(request), await one.gradients(request));
  t.deepEqual(await two.sample(sampleRequest(0.8)), await one.sample(sampleRequest(0.8)));
  await Promise.all([one.close(), two.close()]);
});

test(
  'groups of shards add up to the gradient, each row measured once; ' + 'their bytes do not depend on lanes',
  async (t) => {
    // Five rows in shards of two: with four groups the last has no shard, and its gradient is zero.
    const request = mixedRows();
    const [one, two] = await Promise.all([engine(), engine({ lanes: 2 })]);
    const whole = await one.gradients(request);
    const of = 4;
    const groups: Gradients[] = [];
    for (let index = 0; index < of; index++) groups.push(await one.gradients(request, { index, of }));
    const again = await two.gradients(request, { index: 1, of });
    t.deepEqual(again.gradient, groups[1].gradient);
    t.true(groups[3].gradient.every((value) => value === 0));
    const [first, second, third] = groups.map(({ gradient }) => gradient);
    const sum = first.map((value, at) => Math.fround(value + second[at]) + third[at]);
    t.deepEqual(sum, whole.gradient); // the same additions in the same order
    const measured = groups.flatMap(({ rows }) => Object.keys(rows).map(Number));
    t.deepEqual(
      measured.sort((a, b) => a - b),
      [0, 1, 2, 3, 4],
    );
    await Promise.all([one.close(), two.close()]);
  },
);

test('shards are dealt there and back, the longest first, so that groups take about as long', async (t) => {
  const one = await engine({ rowsPerShard: 1 });
  const groups = [];
  for (const index of [0, 1]) groups.push(await one.gradients(mixedRows(), { index, of: 2 }));
  // Rows 3, 0, 4, 1, 2 by the length of their responses: 9, 5, 3, 1 and 0 tokens; to groups 0, 1, 1, 0, 0.
  t.deepEqual(
    groups.map(({ rows }) => Object.keys(rows).map(Number)),
    [
      [1, 2, 3],
      [0, 4],
    ],
  );
  await one.close();
});

test('several threads in a lane change nothing but rounding, and the same number gives the same bytes', async (t) => {
  const run = async (threads: number) => {
    const opened = await engine({ threads });
    const { gradient } = await opened.gradients(mixedRows());
    const sampled = await opened.sample(sampleRequest(0.9));
    await opened.close();
    return { gradient, ids: sampled.map(({ ids }) => ids) };
  };
  const [one, two, again] = [await run(1), await run(2), await run(2)];
  t.deepEqual(two, again);
  t.deepEqual(two.ids, one.ids);
  t.true(closeTo(two.gradient, one.gradient, 1e-5));
});

test('gradients with recomputed layers are those without, adapters or everything trained', async (t) => {
  for (const scope of [lora, { kind: 'all' } as const]) {
    const [plain, recomputing] = [await engine({ scope }), await engine({ scope, gradientCheckpointing: true })];
    const [expected, actual] = [await plain.gradients(mixedRows()), await recomputing.gradients(mixedRows())];
    t.true(expected.gradient.some((x) => x !== 0));
    t.true(closeTo(actual.gradient, expected.gradient, 1e-7));
    t.deepEqual(actual.rows, expected.rows);
    await Promise.all([plain.close(), recomputing.close()]);
  }
});

test('float16 agrees with float32 in samples, log-probs, values, losses and gradients', async (t) => {
  // Eleven bits of mantissa: 5e-4 an operation; log-probs within 0.02, and gradients within 3 % of the largest element,
  // with recomputed layers as without.
  const full = await engine();
  const expected = await full.gradients(mixedRows());
  const largest = expected.gradient.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  const greedy = await full.sample(sampleRequest(0));
  for (const gradientCheckpointing of [false, true]) {
    const half = await engine({ precision: 'float16', gradientCheckpointing });
    const actual = await half.gradients(mixedRows());
    for (const [row, statistics] of actual.rows.entries())
      t.true(
        closeTo(Object.values(statistics), Object.values(expected.rows[row]), 0.02),
        `row ${row}: ${JSON.stringify([statistics, expected.rows[row]])}`,
      );
    const worst = actual.gradient.reduce((most, x, i) => Math.max(most, Math.abs(x - expected.gradient[i])), 0);
    t.true(worst > 0 && worst < 0.03 * largest, `${worst} of ${largest}`);
    t.deepEqual(
      (await half.sample(sampleRequest(0))).map(({ ids }) => ids),
      greedy.map(({ ids }) => ids),
    );
    await half.close();
  }
  await full.close();
});

test('log-probs and values of a sample are those of scoring it', async (t) => {
  const policy = await engine();
  for (const temperature of [0.8, 0]) {
    const request = sampleRequest(temperature);
    const sampled = await policy.sample(request);
    const rows = request.rows.map(({ image, promptIds }, index) => ({
      image,
      promptIds,
      responseIds: sampled[index].ids,
    }));
    const { logprobs, values } = await policy.score({
      rows,
      pictures: request.pictures,
      temperature: temperature || 1,
    });
    for (const [index, { ids, logprobs: own, value }] of sampled.entries()) {
      t.true(ids.length >= 1 && ids.length <= request.maxNewTokens);
      t.true(closeTo(own, logprobs[index], 1e-4), `row ${index} at temperature ${temperature}`);
      t.true(closeTo([value], [values[index]], 1e-4));
    }
  }
  await policy.close();
});

test(
  'the same of long responses to shared prompts, whose keys and values join in blocks, with everything trained: ' +
    'biases, grouped heads, tied embeddings',
  async (t) => {
    const checkpoint = openCheckpoint(await newModel());
    const policy = await engine({ checkpoint, scope: { kind: 'all' }, rowsPerShard: 8, rowsPerSample: 8 });
    const { rows: prompts, pictures } = rowsFor(checkpoint.config);
    const stream = random();
    const maxNewTokens = 53;
    const rows = Array.from({ length: 8 }, (_, index) => ({
      ...prompts[index % 2],
      noise: Float32Array.from({ length: maxNewTokens }, () => stream.uniform()),
    }));
    const sampled = await policy.sample({
      rows,
      pictures,
      maxNewTokens,
      temperature: 0.8,
      repetitionPenalty: 1.1,
      penalizePrompt: false,
    });
    const scored = await policy.score({
      rows: rows.map(({ image, promptIds }, index) => ({ image, promptIds, responseIds: sampled[index].ids })),
      pictures,
      temperature: 0.8,
    });
    t.true(
      sampled.some(({ ids }) => ids.length === maxNewTokens),
      'some row is cut at the limit',
    );
    t.true(
      sampled.some(({ ids }) => ids.length < maxNewTokens),
      'some row ends before',
    );
    for (const [index, { logprobs, value }] of sampled.entries())
      t.true(
        closeTo(logprobs, scored.logprobs[index], 1e-4) && closeTo([value], [scored.values[index]], 1e-4),
        `row ${index}`,
      );
    await policy.close();
  },
);

test('a row ends with its end-of-sequence id, whichever of several it is, and at its first token too', async (t) => {
  const request = sampleRequest(0);
  const free = await engine();
  const [expected] = await free.sample(request);
  t.is(expected.ids.length, request.maxNewTokens);
  for (const at of [0, 2]) {
    const end = expected.ids[at];
    const ending = await engine({
      checkpoint: { ...checkpoint, config: { ...config, text: { ...config.text, eosTokenIds: [2, end] } } },
    });
    const [row] = await ending.sample(request);
    t.deepEqual(row.ids, expected.ids.slice(0, expected.ids.indexOf(end) + 1));
    t.is(row.logprobs.length, row.ids.length);
    await ending.close();
  }
  await free.close();
});

test('tokens are drawn in proportion to their probabilities', async (t) => {
  // 512 draws of one first token at evenly spaced quantiles: the share of each token is its probability within 1 / 512
  // at either end.
  const draws = 512;
  const policy = await engine({ rowsPerSample: 64 });
  const stream = random();
  const promptIds = prompt(stream, 2, 2);
  const request = {
    pictures: pictures(stream, 1),
    maxNewTokens: 1,
    temperature: 0.5,
    repetitionPenalty: 1,
    penalizePrompt: false,
  };
  const sampled = await policy.sample({
    ...request,
    rows: Array.from({ length: draws }, (_, i) => ({ image: 0, promptIds, noise: Float32Array.of((i + 0.5) / draws) })),
  });
  const counts = new Map<number, { count: number; probability: number }>();
  for (const {
    ids: [id],
    logprobs: [logprob],
  } of sampled)
    counts.set(id, { count: (counts.get(id)?.count ?? 0) + 1, probability: Math.exp(logprob) });
  t.true(counts.size > 10);
  for (const { count, probability } of counts.values()) t.true(Math.abs(count / draws - probability) <= 1.01 / draws);
  await policy.close();
});

test('a ratio beyond all numbers gives no gradient and no NaN', async (t) => {
  const policy = await engine();
  const { rows, ...request } = mixedRows();
  const [{ ppo, ...row }] = rows;
  const {
    gradient,
    rows: [statistics],
  } = await policy.gradients({
    ...request,
    rows: [{ ...row, ppo: { ...ppo!, oldLogprob: -1e6, return: 0, weight: 1 } }],
    valueCoef: 0,
  });
  t.true(gradient.every((x) => x === 0));
  // Only the clipped term is taken where the ratio is above 10: -(1 + clip) A.
  t.true(Math.abs(statistics.actionLoss + 1.1 * ppo!.advantage) < 1e-5);
  await policy.close();
});

test('a checkpoint folder may be made of symbolic links, as download caches are', async (t) => {
  const linked = mkdtempSync(path.join(tmpdir(), 'gtr-links-'));
  for (const name of readdirSync(folder)) symlinkSync(path.join(folder, name), path.join(linked, name));
  const [direct, through] = [await engine(), await engine({ checkpoint: openCheckpoint(linked) })];
  t.deepEqual(await through.score(mixedRows()), await direct.score(mixedRows()));
  await Promise.all([direct.close(), through.close()]);
});

test('a request that fits no graph is one rejected promise, and the lane goes on', async (t) => {
  const policy = await engine();
  const request = mixedRows();
  await t.throwsAsync(policy.score({ ...request, rows: [{ image: 0, promptIds: [1, 5], responseIds: [7] }] }), {
    message: /a prompt holds 0 image tokens; this model takes 9/,
  });
  t.is((await policy.score(request)).values.length, 5);
  await policy.close();
});

test('log-probabilities and values that are not finite end a sample and a score by name', async (t) => {
  const policy = await engine();
  const { trained } = policy;
  const start = (name: string) =>
    trained
      .slice(
        0,
        trained.findIndex((parameter) => parameter.name === name),
      )
      .reduce((sum, { shape }) => sum + shape.reduce((product, length) => product * length, 1), 0);
  const spoiled = (name: string, number: number) => policy.initialParameters(1).with(start(name), number);
  const matrix = trained.find(({ name }) => name.endsWith('lora_B.weight'))!.name;
  for (const [flat, message] of [
    [spoiled(matrix, NaN), /log-probability of response token 0 is not finite \(NaN\)/],
    [spoiled(matrix, Infinity), /log-probability of response token 0 is not finite/],
    [spoiled('value_head.4.bias', Infinity), /value of a prompt is not finite \(Infinity\)/],
  ] as const) {
    await policy.setParameters(flat);
    await t.throwsAsync(policy.sample(sampleRequest(0.8)), { name: 'NotFiniteError', message });
    await t.throwsAsync(policy.sample(sampleRequest(0)), { name: 'NotFiniteError', message });
    await t.throwsAsync(policy.score(mixedRows()), { name: 'NotFiniteError', message });
  }
  await policy.close();
});

test('rows that are longer than the model has positions are refused, sampled, scored or trained', async (t) => {
  const text = { ...config.text, maxPositions: 24 };
  const policy = await engine({ checkpoint: { ...checkpoint, config: { ...config, text } } });
  const message =
    /a prompt of 21 tokens, image included, and an answer of (7|9) make (28|30), but the model has 24 positions/;
  const expected = { name: 'CheckpointError', message: /but the model has 24 positions/ };
  await t.throwsAsync(policy.sample(sampleRequest(0.8)), { ...expected, message });
  await t.throwsAsync(policy.score(mixedRows()), expected);
  await t.throwsAsync(policy.gradients(mixedRows()), expected);
  t.is((await policy.score({ ...mixedRows(), rows: mixedRows().rows.slice(0, 3) })).values.length, 3);
  await policy.close();
});
