/** TIES merges of whole policies: equal ones merge to themselves; of adapters, the products are merged. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { decodeSafetensors, readTensor } from '../../../core/graph/safetensors.ts';
import { writeMerged } from '../../../core/policy/checkpoint/export-policy.ts';
import { mergeInThread } from '../../../core/policy/checkpoint/merge-in-thread.ts';
import {
  factorDistance,
  mergePolicies,
  mergeProducts,
  writeMergedPolicies,
} from '../../../core/policy/checkpoint/merge-policies.ts';
import { openCheckpoint } from '../../../core/policy/checkpoint/open-checkpoint.ts';
import type { Parameters } from '../../../core/policy/policy-engine.ts';
import { tiesMerge } from '../../../core/policy/ties-merge.ts';
import { asParameters, startParameters, trainedParameters } from '../../../core/policy/trained-parameters.ts';
import type { TrainScope } from '../../../core/policy/vlm-config.ts';
import { RandomStream } from '../../../core/random/counter.ts';
import { newModel } from '../new-model.ts';

const everything = { kind: 'all' } as const;
const lora = { kind: 'lora', rank: 4, alpha: 8, dropout: 0, parts: ['language_model'] } as const;

/** A start and policies that moved away from it, seeded. */
async function policiesOf(scope: TrainScope, seeds: readonly number[]) {
  const checkpoint = openCheckpoint(await newModel());
  const trained = trainedParameters(checkpoint, scope, [8, 4]);
  const flat = startParameters(checkpoint, trained, 1);
  const policies = seeds.map((seed): Parameters => {
    const random = new RandomStream({ seed, purpose: 'new parameters' });
    return asParameters(
      trained,
      flat.map((value) => value + 0.1 * (random.uniform() - 0.5)),
    );
  });
  return { checkpoint, start: asParameters(trained, flat), policies };
}

function folderFor(t: { teardown(fn: () => void): void }): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'gtr-merge-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  return folder;
}

const weightsIn = (folder: string) => decodeSafetensors(readFileSync(path.join(folder, 'model.safetensors')), folder);

for (const [what, scope] of [
  ['everything trained', everything],
  ['adapters', lora],
] as const)
  test(`three equal policies merge to themselves: ${what}`, async (t) => {
    const { checkpoint, start, policies } = await policiesOf(scope, [3, 3, 3]);
    const merge = { start, policies, weights: [1 / 3, 1 / 3, 1 / 3], density: 1 };
    const [merged, exported] = [folderFor(t), folderFor(t)];
    await writeMergedPolicies(merged, checkpoint, merge, scope);
    await writeMerged(exported, checkpoint, policies[0], scope);
    const expected = weightsIn(exported);
    for (const [name, { data }] of weightsIn(merged))
      t.true(
        data.every((value, index) => Math.abs(value - expected.get(name)!.data[index]) < 1e-6),
        name,
      );
    for (const [name, { data }] of mergePolicies(merge))
      t.true(
        data.every((value, index) => Math.abs(value - policies[0].get(name)!.data[index]) < 1e-6),
        name,
      );
  });

test(
  'the products B A of adapters are merged; the separate merge of A and B is ' +
    'different, and its distance is reported',
  async (t) => {
    const { checkpoint, start, policies } = await policiesOf(lora, [3, 4, 5]);
    const merge = { start, policies, weights: [1, 2, 1], density: 0.5 };
    const folder = folderFor(t);
    await writeMergedPolicies(folder, checkpoint, merge, lora);
    const opened = openCheckpoint(folder);
    const name = [...start.keys()].find((one) => one.endsWith('q_proj.lora_A.weight'))!.replace('.lora_A', '');
    const [outputs, inputs] = checkpoint.parameters.get(name)!.shape;
    const product = (policy: Parameters) => {
      const [a, b] = ['A', 'B'].map((part) => policy.get(name.replace('.weight', `.lora_${part}.weight`))!.data);
      return Array.from({ length: outputs * inputs }, (_, at) => {
        const [row, column] = [Math.floor(at / inputs), at % inputs];
        // alpha / rank = 2
        return [0, 1, 2, 3].reduce((sum, k) => sum + 2 * b[row * 4 + k] * a[k * inputs + column], 0);
      });
    };
    const expected = tiesMerge({ ...merge, start: product(start), checkpoints: policies.map(product) });
    const base = readTensor(checkpoint.parameters.get(name)!);
    const written = readTensor(opened.parameters.get(name)!);
    t.true(written.every((value, index) => Math.abs(value - base[index] - expected[index]) < 1e-6));

    t.true(factorDistance(merge)! > 0.05);
    t.true(factorDistance({ ...merge, policies: policies.slice(0, 1), weights: [1], density: 1 })! < 1e-6);
    t.is(factorDistance({ ...(await policiesOf(everything, [3])), weights: [1], density: 1 }), null);
  },
);

test('products as whole matrices: what the written checkpoint has; such a merge can be merged again', async (t) => {
  const { checkpoint, start, policies } = await policiesOf(lora, [3, 4]);
  const merge = { start, policies, weights: [1, 2], density: 0.5 };
  const adapted = { weights: checkpoint.parameters, scale: 2 };
  const whole = mergeProducts(merge, adapted);
  const folder = folderFor(t);
  await writeMergedPolicies(folder, checkpoint, merge, lora);
  const written = openCheckpoint(folder).parameters;
  const names = [...whole.keys()].filter((name) => !name.startsWith('value_head.'));
  t.is(names.length, 14); // two layers of seven matrices
  for (const name of names) t.deepEqual(whole.get(name)!.data, readTensor(written.get(name)!), name);

  // Of itself alone it is itself again, rounding apart.
  const again = mergeProducts({ start, policies: [whole], weights: [1], density: 1 }, adapted);
  for (const [name, { data }] of again)
    t.true(
      data.every((value, index) => Math.abs(value - whole.get(name)!.data[index]) < 1e-6),
      name,
    );

  const inThread = await mergeInThread({ merge, products: adapted, distanceOver: 1 });
  t.deepEqual([...inThread.merged], [...whole]);
  t.true(inThread.factorDistance! > 0.05);
});
