/**
 * LoRA dropout against peft with the same masks, and its properties: seeded, for updates only, the same for any number
 * of lanes.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { decodeSafetensors } from '../../core/graph/safetensors.ts';
import { Session } from '../../core/graph/session.ts';
import { GraphBuilder } from '../../core/graph/builder.ts';
import { responseWeights } from '../../core/policy/agent.ts';
import { openCheckpoint } from '../../core/policy/checkpoint/open-checkpoint.ts';
import { llava } from '../../core/policy/families/llava/llava.ts';
import type { LlavaConfig } from '../../core/policy/families/llava/llava-config.ts';
import { type EngineOptions, OnnxPolicyEngine } from '../../core/policy/onnx-policy-engine.ts';
import type { GradientRequest, TrainingRow } from '../../core/policy/policy-engine.ts';
import { LoraDropout } from '../../core/policy/vlm/lora-dropout.ts';
import { RandomStream } from '../../core/random/counter.ts';

const folder = path.resolve(import.meta.dirname, '../golden/llava/llama-gqa-bf16');
const golden = decodeSafetensors(
  readFileSync(path.resolve(import.meta.dirname, '../golden/lora-dropout.safetensors')),
  'lora-dropout',
);
const RATE = 0.3;
/** As in scripts/golden/lora-dropout.py: too large for float32. */
const SEEDS = [7n, -9223372036854775807n, 81985529216486895n];

async function engine(dropout: number, lanes = 1, options: Partial<EngineOptions> = {}): Promise<OnnxPolicyEngine> {
  const checkpoint = openCheckpoint(folder);
  const opened = OnnxPolicyEngine.open({
    checkpoint,
    scope: { kind: 'lora', rank: 4, alpha: 8, dropout, parts: ['language_model'] },
    valueHead: [],
    lanes,
    rowsPerShard: lanes === 1 ? 3 : 1,
    rowsPerSample: 3,
    ...options,
  });
  await opened.setParameters(opened.initialParameters(0));
  return opened;
}

function request(): GradientRequest {
  const facts = JSON.parse(readFileSync(path.join(folder, 'reference.json'), 'utf8')) as {
    prompt_len: number;
    temperature: number;
    thought_coefficient: number;
    thought_tokens: number;
    ppo_clip: number;
    value_loss_coefficient: number;
  };
  const file = path.join(folder, 'reference.safetensors');
  const reference = decodeSafetensors(readFileSync(file), file);
  const {
    data,
    shape: [count, tokens],
  } = reference.get('full_ids')!;
  const thought = facts.thought_tokens;
  const number = (name: string, row: number) => (golden.get(name) ?? reference.get(name)!).data[row];
  const rows = Array.from({ length: count }, (_, row): TrainingRow => {
    const ids = [...data.subarray(row * tokens, (row + 1) * tokens)];
    const responseIds = ids.slice(facts.prompt_len);
    return {
      image: row,
      promptIds: ids.slice(0, facts.prompt_len),
      responseIds,
      dropoutSeed: SEEDS[row],
      ppo: {
        tokenWeights: responseWeights(thought, responseIds.length, facts.thought_coefficient),
        oldLogprob: number('old_logprob', row),
        oldValue: number('old_value', row),
        advantage: number('advantage', row),
        return: number('returns', row),
        weight: 1 / count,
      },
      sftWeights: new Float32Array(responseIds.length).fill(1 / (count * thought), 0, thought),
    };
  });
  return {
    rows,
    pictures: llava.recordedPictures(openCheckpoint(folder).config as LlavaConfig, (name) => reference.get(name)!),
    temperature: facts.temperature,
    clip: facts.ppo_clip,
    valueCoef: facts.value_loss_coefficient,
  };
}

test("log-probs, values and every gradient are peft's with the same elements dropped", async (t) => {
  const policy = await engine(RATE);
  const { gradient, rows } = await policy.gradients(request());
  for (const [row, { logprob, value }] of rows.entries()) {
    t.true(
      Math.abs(logprob - golden.get('logprob')!.data[row]) < 1e-4 * Math.abs(logprob),
      `log-prob ${logprob} of row ${row}`,
    );
    t.true(Math.abs(value - golden.get('value')!.data[row]) < 1e-4);
  }
  const expected = new Map(
    [...golden].flatMap(([name, { data }]) =>
      name.startsWith('grad.') ? [[llava.names.canonical(name.slice('grad.'.length)), data]] : [],
    ),
  );
  let offset = 0;
  for (const { name, shape } of policy.trained) {
    const actual = gradient.subarray(offset, (offset += shape.reduce((product, length) => product * length, 1)));
    const target = expected.get(name)!;
    const largest = target.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    t.true(largest > 0 && actual.every((x, i) => Math.abs(x - target[i]) < 1e-3 * largest), name);
  }
  t.is(expected.size, policy.trained.length);
  await policy.close();
});

test('the same seeds give the same bytes with any number of lanes, other seeds others', async (t) => {
  const [one, two] = [await engine(RATE), await engine(RATE, 2)];
  const single = OnnxPolicyEngine.open({
    checkpoint: openCheckpoint(folder),
    scope: { kind: 'lora', rank: 4, alpha: 8, dropout: RATE, parts: ['language_model'] },
    valueHead: [],
    lanes: 1,
    rowsPerShard: 1,
    rowsPerSample: 3,
  });
  await single.setParameters(single.initialParameters(0));
  const rows = request();
  t.deepEqual(await two.gradients(rows), await single.gradients(rows));
  t.deepEqual(await one.gradients(rows), await one.gradients(rows));
  const other = {
    ...rows,
    rows: rows.rows.map((row, index) => ({ ...row, dropoutSeed: row.dropoutSeed! + BigInt(index === 0 ? 2 : 0) })),
  };
  const [first, changed] = [await one.gradients(rows), await one.gradients(other)];
  t.not(changed.rows[0].logprob, first.rows[0].logprob);
  t.is(changed.rows[1].logprob, first.rows[1].logprob);
  await Promise.all([one.close(), two.close(), single.close()]);
});

test('recomputed layers drop the same elements, and half precision drops too', async (t) => {
  const [plain, recomputing, half] = [
    await engine(RATE),
    await engine(RATE, 1, { gradientCheckpointing: true }),
    await engine(RATE, 1, { precision: 'float16' }),
  ];
  const [expected, again, rounded] = [
    await plain.gradients(request()),
    await recomputing.gradients(request()),
    await half.gradients(request()),
  ];
  t.deepEqual(again.rows, expected.rows);
  const largest = expected.gradient.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  t.true(again.gradient.every((x, i) => Math.abs(x - expected.gradient[i]) < 1e-6 * largest));
  for (const [row, { logprob }] of rounded.rows.entries())
    t.true(Math.abs(logprob - expected.rows[row].logprob) < 0.05, `${logprob} for ${expected.rows[row].logprob}`);
  await Promise.all([plain.close(), recomputing.close(), half.close()]);
});

test('scores and samples are made without dropout; an update without seeds is refused', async (t) => {
  const [dropping, plain] = [await engine(RATE), await engine(0)];
  const { rows, pictures, temperature, ...others } = request();
  t.deepEqual(
    await dropping.score({ rows, pictures, temperature }),
    await plain.score({ rows, pictures, temperature }),
  );
  const sampled = {
    rows: rows.map(({ image, promptIds }) => ({ image, promptIds, noise: new Float32Array(4).fill(0.3) })),
    pictures,
    maxNewTokens: 4,
    temperature,
    repetitionPenalty: 1,
    penalizePrompt: false,
  };
  t.deepEqual(await dropping.sample(sampled), await plain.sample(sampled));
  const unseeded = { rows: rows.map((row) => ({ ...row, dropoutSeed: undefined })), pictures, temperature, ...others };
  await t.throwsAsync(dropping.gradients(unseeded), { message: /need a dropoutSeed each/ });
  await plain.gradients(unseeded);
  await Promise.all([dropping.close(), plain.close()]);
});

test('each row, token, column and adapter drops its own elements, 5 % of them', async (t) => {
  const [rows, tokens, inputs] = [8, 50, 200];
  const g = new GraphBuilder();
  const dropout = new LoraDropout(g, 0.05, rows);
  const ones = g.constant(new Float32Array(rows * tokens * inputs).fill(1), [rows * tokens, inputs]);
  for (const name of ['a', 'b']) g.output(name, dropout.drop(name, ones));
  const session = await Session.load(g.finish());
  const random = new RandomStream({ seed: 1, purpose: 'test' });
  const { a, b } = await session.run({ dropout_seeds: BigInt64Array.from({ length: rows }, () => random.odd64()) });
  await session.close();
  const dropped = Array.from(a.data as Float32Array, (x) => x === 0);
  const also = Array.from(b.data as Float32Array, (x) => x === 0);
  const share = (holds: (index: number) => boolean) =>
    dropped.filter((_, index) => holds(index)).length / dropped.length;
  // 80,000 elements: a standard deviation of sqrt(0.05 * 0.95 / 80,000) = 0.00077; five of them.
  const near = (actual: number, expected: number) =>
    t.true(
      Math.abs(actual - expected) < 5 * Math.sqrt((expected * (1 - expected)) / dropped.length),
      `${actual} instead of ${expected}`,
    );
  near(
    share((index) => dropped[index]),
    0.05,
  );
  // Two independent elements are dropped together once in 400: neighbours in a row, the next token, the next row, the
  // other adapter.
  for (const distance of [1, 2, inputs, inputs * tokens])
    near(
      share((index) => dropped[index] && dropped[(index + distance) % dropped.length]),
      0.0025,
    );
  near(
    share((index) => dropped[index] && also[index]),
    0.0025,
  );
  // Four corners of a rectangle: once in 160,000.
  t.true(
    share((index) => [0, 1, inputs, inputs + 1].every((step) => dropped[(index + step) % dropped.length])) <
      5 / dropped.length,
  );
  // No column and no token is dropped always or never: 400 and 200 draws of 5 %.
  for (const column of Array.from({ length: inputs }, (_, index) => index)) {
    const count = Array.from({ length: rows * tokens }, (_, index) => dropped[index * inputs + column]).filter(
      Boolean,
    ).length;
    t.true(count > 2 && count < 50, `column ${column}: ${count} of 400`);
  }
});
