/** An exported policy is a starting point: what opens the written folders computes what the trained policy computed. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { decodeSafetensors, encodeSafetensors, readTensor } from '../../../core/graph/safetensors.ts';
import { CheckpointError } from '../../../core/policy/checkpoint/errors.ts';
import { exportPolicy } from '../../../core/policy/checkpoint/export-policy.ts';
import { type Checkpoint, openCheckpoint } from '../../../core/policy/checkpoint/open-checkpoint.ts';
import { OnnxPolicyEngine } from '../../../core/policy/onnx-policy-engine.ts';
import type { Parameters } from '../../../core/policy/policy-engine.ts';
import type { TrainScope } from '../../../core/policy/vlm-config.ts';
import { newModel, rowsFor } from '../new-model.ts';
import { checkpointFolder, RECORDED, recordedJson } from './checkpoint-folder.ts';

const everything = { kind: 'all' } as const;
const lora = {
  kind: 'lora',
  rank: 4,
  alpha: 8,
  dropout: 0.05,
  parts: ['language_model', 'vision_tower', 'multi_modal_projector'],
} as const;
const ofTheLanguageModel = { ...lora, parts: ['language_model'] } as const;

function engineOf(checkpoint: Checkpoint, scope: TrainScope): OnnxPolicyEngine {
  return OnnxPolicyEngine.open({
    checkpoint,
    scope,
    valueHead: [8, 4],
    lanes: 1,
    rowsPerShard: 2,
    rowsPerSample: 2,
  });
}

/** A policy after three steps against its gradient, by name and as one vector, with its log-probs and values. */
async function trainedPolicy(checkpoint: Checkpoint, scope: TrainScope) {
  const engine = engineOf(checkpoint, scope);
  const flat = engine.initialParameters(1);
  const request = rowsFor(checkpoint.config);
  for (let step = 0; step < 3; step++) {
    await engine.setParameters(flat);
    const { gradient } = await engine.gradients(request);
    for (let i = 0; i < flat.length; i++) flat[i] -= 0.05 * gradient[i];
  }
  await engine.setParameters(flat);
  const scores = await engine.score(request);
  await engine.close();
  let offset = 0;
  const trained: Parameters = new Map(
    engine.trained.map(({ name, shape }) => [
      name,
      { shape, data: flat.subarray(offset, (offset += shape.reduce((product, length) => product * length, 1))) },
    ]),
  );
  return { flat, trained, scores };
}

/** What a run that opens this checkpoint starts with. */
async function start(checkpoint: Checkpoint, scope: TrainScope) {
  const engine = engineOf(checkpoint, scope);
  const flat = engine.initialParameters(9);
  await engine.setParameters(flat);
  const scores = await engine.score(rowsFor(checkpoint.config));
  await engine.close();
  return { flat, scores };
}

function folderFor(t: { teardown(fn: () => void): void }): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'gtr-export-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  return folder;
}

const worst = (a: { logprobs: Float32Array[]; values: Float32Array }, b: typeof a) => {
  const numbers = ({ logprobs, values }: typeof a) => [...logprobs.flatMap((row) => [...row]), ...values];
  const [one, other] = [numbers(a), numbers(b)];
  return one.reduce((most, x, i) => Math.max(most, Math.abs(x - other[i])), 0);
};

for (const [what, base, scope] of [
  ['of the language layers of a half-precision model', async () => openCheckpoint(RECORDED), ofTheLanguageModel],
  ['of all parts', async () => openCheckpoint(await newModel()), lora],
] as const) {
  test(
    `an adapter ${what}: a run that starts from its folder starts with the same bytes, value head ` + `included`,
    async (t) => {
      const [checkpoint, out] = [await base(), folderFor(t)];
      const { flat, trained, scores } = await trainedPolicy(checkpoint, scope);
      t.deepEqual(await exportPolicy(out, checkpoint, trained, scope), [
        path.join(out, 'adapter'),
        path.join(out, 'merged'),
      ]);
      t.deepEqual(readdirSync(path.join(out, 'adapter')).sort(), [
        'adapter_config.json',
        'adapter_model.safetensors',
        'value_head.safetensors',
      ]);
      const again = openCheckpoint(checkpoint.folder, path.join(out, 'adapter'));
      t.is(again.files.filter((file) => file.startsWith(out)).length, 3);
      t.deepEqual(await start(again, scope), { flat, scores });
    },
  );
}

test('merged weights compute what the adapter computed, in a run that trains everything or new adapters', async (t) => {
  const [checkpoint, out] = [openCheckpoint(await newModel()), folderFor(t)];
  const { trained, scores } = await trainedPolicy(checkpoint, lora);
  await exportPolicy(out, checkpoint, trained, lora);
  const merged = openCheckpoint(path.join(out, 'merged'));
  t.deepEqual(merged.config, checkpoint.config);
  const untrained = worst(scores, (await start(checkpoint, everything)).scores);
  t.true(untrained > 0.02, `training changed something: ${untrained}`);
  for (const scope of [everything, lora]) t.true(worst(scores, (await start(merged, scope)).scores) < 2e-5);
});

test('a run that trains everything merges the adapter that it starts from', async (t) => {
  const [checkpoint, out] = [openCheckpoint(await newModel()), folderFor(t)];
  const { trained, scores } = await trainedPolicy(checkpoint, lora);
  await exportPolicy(out, checkpoint, trained, lora);
  t.true(
    worst(scores, (await start(openCheckpoint(checkpoint.folder, path.join(out, 'adapter')), everything)).scores) <
      2e-5,
  );
});

test(
  'everything trained: no adapter, and the merged folder holds the policy to the last bit, of a half-precision ' +
    'model too',
  async (t) => {
    const [checkpoint, out] = [
      openCheckpoint(
        checkpointFolder(t, { 'config.json': true, 'model.safetensors': true, 'preprocessor_config.json': true }),
      ),
      folderFor(t),
    ];
    const { flat, trained, scores } = await trainedPolicy(checkpoint, everything);
    t.deepEqual(await exportPolicy(out, checkpoint, trained, everything), [path.join(out, 'merged')]);
    const merged = openCheckpoint(path.join(out, 'merged'));
    t.deepEqual(await start(merged, everything), { flat, scores });
    const { dtype } = JSON.parse(readFileSync(path.join(out, 'merged', 'config.json'), 'utf8')) as { dtype: string };
    t.is(dtype, 'float32');
  },
);

test(
  'LLaVA 1.6 stays LLaVA 1.6: its kind, its other settings, and the ' + 'parameter that only transformers reads',
  async (t) => {
    const newline = new Float32Array(80).fill(0.5);
    const config = {
      ...recordedJson('config.json'),
      model_type: 'llava_next',
      architectures: ['LlavaNextForConditionalGeneration'],
      image_grid_pinpoints: [[42, 84]],
    };
    // transformers takes 1.0, but not 1, for a fraction.
    const text = JSON.stringify(config).replace('{', '{"initializer_factor":1.0,');
    const weights = [...decodeSafetensors(readFileSync(path.join(RECORDED, 'model.safetensors')), 'recorded')].map(
      ([name, tensor]) => ({ name, ...tensor }),
    );
    const checkpoint = openCheckpoint(
      checkpointFolder(t, {
        'config.json': text,
        'model.safetensors': encodeSafetensors([
          ...weights,
          { name: 'model.image_newline', shape: [80], data: newline },
        ]),
      }),
    );
    const out = folderFor(t);
    await exportPolicy(out, checkpoint, new Map(), everything);
    const merged = openCheckpoint(path.join(out, 'merged'));
    t.deepEqual(readTensor(merged.parameters.get('image_newline')!), newline);
    const content = readFileSync(path.join(out, 'merged', 'config.json'), 'utf8');
    t.regex(content, /"initializer_factor": 1\.0,/);
    const written = JSON.parse(content) as object;
    t.like(written, { model_type: 'llava_next', image_grid_pinpoints: [[42, 84]], dtype: 'float32' });
  },
);

test('an adapter that a run could not continue is refused in one sentence', async (t) => {
  const [checkpoint, out] = [openCheckpoint(await newModel()), folderFor(t)];
  const { trained } = await trainedPolicy(checkpoint, lora);
  await exportPolicy(out, checkpoint, trained, lora);
  const adapter = path.join(out, 'adapter');
  const again = openCheckpoint(checkpoint.folder, adapter);
  t.throws(() => engineOf(again, { ...lora, rank: 8 }), {
    instanceOf: CheckpointError,
    message: /adapter_config\.json describes an adapter of rank 4 and alpha 8; set model\.train to the same/,
  });
  t.throws(() => openCheckpoint(adapter), {
    instanceOf: CheckpointError,
    message: /holds a PEFT adapter without its model; name it as model\.adapter/,
  });
  t.throws(() => openCheckpoint(checkpoint.folder, out), {
    instanceOf: CheckpointError,
    message: /^There is no PEFT adapter \(adapter_config\.json, adapter_model\.safetensors\) in /,
  });
});
