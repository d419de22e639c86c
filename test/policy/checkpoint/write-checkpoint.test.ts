/** Writing preserves what was read: names and bytes as transformers and PEFT wrote them. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { sha256 } from '../../../core/artifacts/keyed-store.ts';
import {
  decodeSafetensors,
  fromFloat32,
  readSafetensorsHeader,
  readTensor,
  readTensorBytes,
  type TensorLocation,
} from '../../../core/graph/safetensors.ts';
import type { LlavaConfig } from '../../../core/policy/families/llava/llava-config.ts';
import { names } from '../../../core/policy/families/llava/parameter-names.ts';
import { CheckpointError } from '../../../core/policy/checkpoint/errors.ts';
import { mergedParameters } from '../../../core/policy/checkpoint/merge-adapter.ts';
import { openCheckpoint } from '../../../core/policy/checkpoint/open-checkpoint.ts';
import { writeAdapter, writeCheckpoint, writeValueHead } from '../../../core/policy/checkpoint/write-checkpoint.ts';
import { checkpointFolder, RECORDED } from './checkpoint-folder.ts';

const recorded = openCheckpoint(RECORDED);
const loaded = (tensors: ReadonlyMap<string, TensorLocation>) =>
  new Map([...tensors].map(([name, tensor]) => [name, { shape: tensor.shape, data: readTensor(tensor) }]));
/** One line a tensor, in any order of the file. */
const contents = (file: string) =>
  readSafetensorsHeader(file)
    .tensors.map(
      (tensor) => `${tensor.name} ${tensor.dtype} ${tensor.shape.join('x')} ${sha256(readTensorBytes(tensor))}`,
    )
    .sort();

test('a written checkpoint holds the tensors under the names that transformers wrote, byte for byte', async (t) => {
  const folder = checkpointFolder(t, {});
  await writeCheckpoint(folder, recorded.config, recorded.parameters, { source: RECORDED });
  t.deepEqual(contents(path.join(folder, 'model.safetensors')), contents(path.join(RECORDED, 'model.safetensors')));
  t.deepEqual(openCheckpoint(folder).config, recorded.config);
  t.deepEqual(readdirSync(folder).sort(), [
    'config.json',
    'generation_config.json',
    'model.safetensors',
    'preprocessor_config.json',
  ]);
  const config = (of: string) =>
    JSON.parse(readFileSync(path.join(of, 'config.json'), 'utf8')) as Record<string, unknown>;
  t.is(config(folder).dtype, config(RECORDED).dtype);
  t.deepEqual(readSafetensorsHeader(path.join(folder, 'model.safetensors')).metadata, { format: 'pt' });
});

test('every setting of a configuration survives', async (t) => {
  const { text, vision } = recorded.config;
  for (const config of [
    {
      ...recorded.config,
      text: {
        ...text,
        tiedEmbeddings: true,
        bosTokenId: null,
        eosTokenIds: [2, 5],
        ropeTheta: 7,
        rmsNormEps: 1e-3,
        padTokenId: 3,
      },
    },
    {
      ...(recorded.config as LlavaConfig),
      imageTokenId: 9,
      text: { ...text, modelType: 'mistral' as const },
      vision: { ...(vision as LlavaConfig['vision']), layerNormEps: 1e-3, activation: 'gelu' as const },
      projectorActivation: 'gelu_pytorch_tanh' as const,
      featureSelect: 'full' as const,
      featureLayers: [-1],
    },
  ]) {
    const folder = checkpointFolder(t, {});
    await writeCheckpoint(folder, config, recorded.parameters);
    t.deepEqual(openCheckpoint(folder).config, config);
  }
});

test('unused norms are written if the model has none', async (t) => {
  const folder = checkpointFolder(t, {});
  await writeCheckpoint(
    folder,
    recorded.config,
    new Map([...recorded.parameters].filter(([name]) => !name.includes('post_layernorm'))),
  );
  const { parameters } = openCheckpoint(folder);
  t.deepEqual([...readTensor(parameters.get('vision_tower.post_layernorm.weight')!)], new Array(40).fill(1));
  t.deepEqual([...readTensor(parameters.get('vision_tower.post_layernorm.bias')!)], new Array(40).fill(0));
});

test('a parameter that is missing or does not fit is named, and no weights are written', async (t) => {
  const folder = checkpointFolder(t, {});
  const parameters = new Map(recorded.parameters);
  parameters.delete('lm_head.weight');
  await t.throwsAsync(writeCheckpoint(folder, recorded.config, parameters), {
    instanceOf: CheckpointError,
    message: /lm_head\.weight is missing, the configuration asks for \[320, 80\]/,
  });
  t.deepEqual(readdirSync(folder), []);
});

test('a written adapter is the one that PEFT wrote', async (t) => {
  const folder = checkpointFolder(t, { 'config.json': true, 'model.safetensors': true });
  const matrices = new Map([...loaded(recorded.adapter!.parameters), ...loaded(recorded.valueHead!)]);
  await writeAdapter(folder, { names, matrices, rank: 4, alpha: 8, dropout: 0.05, baseModel: 'base' });
  await writeValueHead(folder, matrices);
  t.deepEqual(
    contents(path.join(folder, 'adapter_model.safetensors')),
    contents(path.join(RECORDED, 'adapter_model.safetensors')),
  );
  t.deepEqual(
    contents(path.join(folder, 'value_head.safetensors')),
    contents(path.join(RECORDED, 'value_head.safetensors')),
  );
  const { adapter, valueHead } = openCheckpoint(folder);
  t.like(adapter, { rank: 4, alpha: 8 });
  t.is(valueHead?.size, 6);
  const { target_modules: modules } = JSON.parse(readFileSync(path.join(folder, 'adapter_config.json'), 'utf8')) as {
    target_modules: string[];
  };
  t.is(modules.length, 14);
  t.true(modules.includes('language_model.layers.1.mlp.down_proj'));
  await t.throwsAsync(
    writeAdapter(folder, { names, matrices: new Map(), rank: 4, alpha: 8, dropout: 0, baseModel: null }),
    {
      instanceOf: CheckpointError,
      message: /has no adapter; write the whole checkpoint/,
    },
  );
});

test(
  'merging adds alpha / rank * B A to adapted layers, replaces whole ' + 'parameters, and leaves the rest as stored',
  (t) => {
    const name = 'language_model.layers.0.self_attn.k_proj'; // [16, 80], rank 4
    const adapter = loaded(recorded.adapter!.parameters);
    const norm = new Float32Array(80).fill(3);
    const merged = mergedParameters(
      recorded.parameters,
      new Map([...adapter, ['language_model.norm.weight', { shape: [80], data: norm }]]),
      8 / 4,
    );
    const { data: a } = adapter.get(`${name}.lora_A.weight`)!;
    const { data: b } = adapter.get(`${name}.lora_B.weight`)!;
    const before = readTensor(recorded.parameters.get(`${name}.weight`)!);
    const parameter = merged.get(`${name}.weight`)!;
    t.true('data' in parameter);
    if (!('data' in parameter)) return;
    const after = parameter.data();
    let moved = 0;
    for (let row = 0; row < 16; row++) {
      for (let column = 0; column < 80; column++) {
        const update = 2 * [0, 1, 2, 3].reduce((sum, k) => sum + b[row * 4 + k] * a[k * 80 + column], 0);
        moved = Math.max(moved, Math.abs(update));
        t.is(after[row * 80 + column], Math.fround(before[row * 80 + column] + update));
      }
    }
    t.true(moved > 0.01);
    t.is(parameter.dtype, 'BF16');
    t.is(merged.get('lm_head.weight'), recorded.parameters.get('lm_head.weight'));
    const whole = merged.get('language_model.norm.weight')!;
    t.deepEqual('data' in whole && whole.data(), norm);
  },
);

test('half precision is rounded as torch rounds it', (t) => {
  const golden = path.resolve(import.meta.dirname, '../../golden/element-types.safetensors');
  const stored = new Map(readSafetensorsHeader(golden).tensors.map((tensor) => [tensor.name, tensor]));
  const { data } = decodeSafetensors(readFileSync(golden), golden).get('f32')!;
  for (const dtype of ['BF16', 'F16', 'F32'] as const)
    t.deepEqual(
      Buffer.from(fromFloat32(data, dtype)),
      Buffer.from(readTensorBytes(stored.get(dtype.toLowerCase())!)),
      dtype,
    );
  // Ties go to the even neighbour; a NaN stays one.
  t.deepEqual(
    [...new Uint16Array(fromFloat32(new Float32Array([1 + 2 ** -8, 1 + 3 * 2 ** -8, NaN]), 'BF16').buffer)],
    [0x3f80, 0x3f82, 0x7fc0],
  );
});
