/**
 * A row's answer, scores and gradient do not depend on the company it is in: prompts of mixed lengths, rows that end at
 * their first token, later, never, and empty responses.
 */
import path from 'node:path';
import test from 'ava';
import { type Checkpoint, openCheckpoint } from '../../core/policy/checkpoint/open-checkpoint.ts';
import { OnnxPolicyEngine } from '../../core/policy/onnx-policy-engine.ts';
import type { SampleRequest, TrainingRow } from '../../core/policy/policy-engine.ts';
import { sharedPrompts } from '../../core/policy/shared-prompts.ts';
import { familyOf } from '../../core/policy/families/registry.ts';
import type { TrainScope } from '../../core/policy/vlm-config.ts';
import { RandomStream } from '../../core/random/counter.ts';

const LIMIT = 9;
const goldens = path.resolve(import.meta.dirname, '../golden/llava');

async function engine(checkpoint: Checkpoint, scope: TrainScope, rows: number): Promise<OnnxPolicyEngine> {
  const opened = OnnxPolicyEngine.open({
    checkpoint,
    scope,
    valueHead: [8, 4],
    lanes: 1,
    rowsPerShard: rows,
    rowsPerSample: rows,
  });
  await opened.setParameters(opened.initialParameters(1));
  return opened;
}

/** Prompts with 4 to 13 words around their image, of which some share one. */
function request({ config }: Checkpoint, seed: number): SampleRequest {
  const random = new RandomStream({ seed, purpose: 'test' });
  const words = (count: number) => Array.from({ length: count }, () => 6 + random.below(50));
  const rows = [
    [1, 2],
    [6, 6],
    [2, 4],
    [4, 2],
    [1, 9],
    [1, 2],
  ].map(([before, after], row) => ({
    image: row % 4,
    promptIds: [
      1,
      ...words(before),
      ...new Array<number>(familyOf(config).imageTokens(config, [1, 1])).fill(config.imageTokenId),
      ...words(after),
    ],
    noise: Float32Array.from({ length: LIMIT }, () => random.uniform()),
  }));
  const pictures = Array.from({ length: 4 }, () => ({
    pixels: Float32Array.from({ length: familyOf(config).pictureValues(config, [1, 1]) }, () => random.normal()),
    grid: [1, 1] as const,
  }));
  return { rows, pictures, maxNewTokens: LIMIT, temperature: 0.8, repetitionPenalty: 1.2, penalizePrompt: false };
}

const near = (actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 1e-4) =>
  actual.length === expected.length &&
  Array.from(actual).every(
    (x, i) => Object.is(x, expected[i]) || Math.abs(x - expected[i]) <= tolerance * Math.max(1, Math.abs(expected[i])),
  );

// Plain causal attention, and a sliding window shorter than prompt and response. The seeds are ones with which rows of
// every kind come up.
for (const [name, seed] of [
  ['llama-gqa-bf16', 12],
  ['mistral-window', 1],
] as const) {
  test(`${name}: rows together and each alone`, async (t) => {
    const recorded = openCheckpoint(path.join(goldens, name));
    const scope = {
      kind: 'lora',
      rank: recorded.adapter!.rank,
      alpha: recorded.adapter!.alpha,
      dropout: 0,
      parts: ['language_model'],
    } as const;
    const asked = request(recorded, seed);

    // End-of-sequence tokens are chosen so that the first row ends immediately and the second in the middle.
    const free = await engine(recorded, scope, 8);
    const unended = await free.sample(asked);
    await free.close();
    const eosTokenIds = [
      unended[0].ids[0],
      unended[1].ids.find((id, at) => at >= 3 && !unended[1].ids.slice(0, at).includes(id))!,
    ];
    const checkpoint = { ...recorded, config: { ...recorded.config, text: { ...recorded.config.text, eosTokenIds } } };

    const [together, alone] = [await engine(checkpoint, scope, 8), await engine(checkpoint, scope, 1)];
    const sampled = await together.sample(asked);
    const lengths = sampled.map(({ ids }) => ids.length);
    t.is(lengths[0], 1);
    t.true(lengths[1] > 3 && lengths[1] < LIMIT);
    t.true(
      sampled.some(({ ids }) => ids.length === LIMIT && !eosTokenIds.includes(ids.at(-1)!)),
      `some row is cut at the limit: ${lengths.join()}`,
    );
    for (const [index, row] of asked.rows.entries()) {
      const [single] = await alone.sample({ ...asked, rows: [row] });
      t.deepEqual(sampled[index].ids, single.ids);
      t.true(
        near(sampled[index].logprobs, single.logprobs) && near([sampled[index].value], [single.value]),
        `row ${index}`,
      );
    }

    // Four prompts asked twice, one of them by a copy of its picture: each is read once, for two rows side by side.
    const other = request(recorded, seed + 1).rows;
    const twice = {
      ...asked,
      pictures: [...asked.pictures, { ...asked.pictures[0], pixels: asked.pictures[0].pixels.slice() }],
      rows: [0, 1, 2, 3, 3, 2, 1, 0].map((row, index) => ({
        ...asked.rows[row],
        image: index === 7 ? 4 : asked.rows[row].image,
        noise: (index < 4 ? asked : { rows: other }).rows[row].noise,
      })),
    };
    t.is(sharedPrompts(twice, 8).rowsPerPrompt, 2);
    for (const [index, { ids, logprobs, value }] of (await together.sample(twice)).entries()) {
      const [single] = await alone.sample({ ...twice, rows: [twice.rows[index]] });
      t.deepEqual(ids, single.ids);
      t.true(near(logprobs, single.logprobs) && near([value], [single.value]), `row ${index} of a shared prompt`);
    }

    // What was sampled, and an empty response, as an update sees it: PPO, supervised, or both.
    const rows = [...asked.rows, asked.rows[1]].map(({ image, promptIds }, index): TrainingRow => {
      const responseIds = sampled[index]?.ids ?? [];
      const ppo = {
        tokenWeights: new Float32Array(responseIds.length).fill(0.5),
        oldLogprob: -2,
        oldValue: 0.2,
        advantage: index - 2.5,
        return: 0.5,
        weight: 1 / 7,
      };
      return {
        image,
        promptIds,
        responseIds,
        ...(index % 3 === 1 ? {} : { ppo }),
        ...(index % 3 === 0 ? {} : { sftWeights: new Float32Array(responseIds.length).fill(0.1) }),
      };
    });
    const update = { rows, pictures: asked.pictures, temperature: asked.temperature, clip: 0.2, valueCoef: 0.5 };
    const [joint, scores] = [await together.gradients(update), await together.score(update)];
    const sum = new Float64Array(together.trainedSize);
    for (const [index, row] of rows.entries()) {
      const [single, score] = [
        await alone.gradients({ ...update, rows: [row] }),
        await alone.score({ ...update, rows: [row] }),
      ];
      for (const [i, x] of single.gradient.entries()) sum[i] += x;
      t.true(near(Object.values(joint.rows[index]), Object.values(single.rows[0])), `statistics of row ${index}`);
      t.true(
        near(scores.logprobs[index], score.logprobs[0]) && near([scores.values[index]], [score.values[0]]),
        `scores of row ${index}`,
      );
      if (index < sampled.length)
        t.true(near(scores.logprobs[index], sampled[index].logprobs), `sampled log-probs of row ${index}`);
    }
    const largest = sum.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    t.true(largest > 0 && joint.gradient.every((x, i) => Math.abs(x - sum[i]) < 1e-5 * largest));
    await Promise.all([together.close(), alone.close()]);
  });
}
