/**
 * Training everything: each parameter's gradient against the difference of the loss along that gradient, and a model
 * that learns.
 */
import path from 'node:path';
import test from 'ava';
import { openCheckpoint } from '../../core/policy/checkpoint/open-checkpoint.ts';
import { OnnxPolicyEngine } from '../../core/policy/onnx-policy-engine.ts';
import type { GradientRequest } from '../../core/policy/policy-engine.ts';
import { newModel, rowsFor } from './new-model.ts';

const recorded = path.resolve(import.meta.dirname, '../golden/llava/llama-gqa-bf16');

async function open(
  folder: string,
): Promise<{ engine: OnnxPolicyEngine; parameters: Float32Array; request: GradientRequest }> {
  const checkpoint = openCheckpoint(folder);
  const engine = OnnxPolicyEngine.open({
    checkpoint,
    scope: { kind: 'all' },
    valueHead: [8, 4],
    lanes: 1,
    rowsPerShard: 2,
    rowsPerSample: 2,
  });
  const parameters = engine.initialParameters(1);
  await engine.setParameters(parameters);
  const request = rowsFor(checkpoint.config);
  // Old log-probs and values are today's: ratio 1, far from every kink of the clipping.
  const { rows } = await engine.gradients(request);
  const anchored = request.rows.map((row, i) => ({
    ...row,
    ppo: { ...row.ppo!, oldLogprob: rows[i].logprob, oldValue: rows[i].value },
  }));
  return { engine, parameters, request: { ...request, rows: anchored } };
}

async function lossAt(engine: OnnxPolicyEngine, parameters: Float32Array, request: GradientRequest): Promise<number> {
  await engine.setParameters(parameters);
  const { rows } = await engine.gradients(request);
  return rows.reduce(
    (sum, { actionLoss, valueLoss, sftLoss }, i) =>
      sum + request.rows[i].ppo!.weight * (actionLoss + request.valueCoef * valueLoss) + sftLoss,
    0,
  );
}

for (const [name, folder] of [
  ['recorded checkpoint', async () => recorded],
  ['new model', newModel],
] as const) {
  test(`${name}: every parameter's gradient agrees with the slope of the loss along it`, async (t) => {
    const { engine, parameters, request } = await open(await folder());
    const { gradient } = await engine.gradients(request);
    let offset = 0;
    for (const { name, shape } of engine.trained) {
      const size = shape.reduce((product, length) => product * length, 1);
      const [start, end] = [offset, (offset += size)];
      const own = gradient.subarray(start, end);
      const norm = Math.hypot(...own);
      // A key's bias shifts all scores of a query alike where no rotation follows, so the vision tower's has none.
      if (/vision_tower.*k_proj\.bias$/.test(name)) {
        t.true(norm < 1e-4, name);
        continue;
      }
      t.true(norm > 1e-6, `${name} has a gradient`);
      // Along the gradient's own direction the slope is its norm; a step that changes the loss by about 0.01.
      const h = Math.min(0.01 / norm, 0.01);
      const moved = (step: number) =>
        parameters.map((x, i) => (i >= start && i < end ? x + (step * gradient[i]) / norm : x));
      const slope = ((await lossAt(engine, moved(h), request)) - (await lossAt(engine, moved(-h), request))) / (2 * h);
      t.true(Math.abs(slope - norm) <= 0.02 * norm + 1e-5 / h, `${name}: slope ${slope}, gradient ${norm}`);
    }
    await engine.close();
  });
}

test('steps against the gradient teach a new model its demonstrations', async (t) => {
  const { engine, parameters, request } = await open(await newModel());
  const supervised = { ...request, rows: request.rows.map((row) => ({ ...row, ppo: undefined })) };
  const loss = async () => (await engine.gradients(supervised)).rows.reduce((sum, { sftLoss }) => sum + sftLoss, 0);
  const before = await loss();
  for (let step = 0; step < 60; step++) {
    const { gradient } = await engine.gradients(supervised);
    for (let i = 0; i < parameters.length; i++) parameters[i] -= 0.05 * gradient[i];
    await engine.setParameters(parameters);
  }
  // Eight tokens of weight 0.2 at about log 34 each: 5.6 nats to begin with.
  t.true(before > 4 && (await loss()) < before / 4, `${before} -> ${await loss()}`);
  await engine.close();
});
