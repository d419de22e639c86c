/** Value heads that do not fit, and numbers that no checkpoint, adapter or value head may contain. */
import test from 'ava';
import {
  encodeSafetensors,
  fromFloat32,
  safetensorsHeader,
  type StoredDType,
} from '../../../core/graph/safetensors.ts';
import { CheckpointError } from '../../../core/policy/checkpoint/errors.ts';
import { openCheckpoint } from '../../../core/policy/checkpoint/open-checkpoint.ts';
import { checkpointFolder, recordedJson, recordedTensors, type Tensor, zeros } from './checkpoint-folder.ts';

const weights = recordedTensors('model.safetensors');

for (const [what, change] of [
  ['a layer missing', (head: Tensor[]) => head.filter(({ name }) => !name.startsWith('2.'))],
  [
    'another hidden size',
    (head: Tensor[]) => head.map((tensor) => (tensor.name === '0.weight' ? zeros('0.weight', [32, 64]) : tensor)),
  ],
  [
    'several outputs',
    (head: Tensor[]) =>
      head.map((tensor) =>
        tensor.name.startsWith('4.') ? zeros(tensor.name, tensor.name === '4.bias' ? [2] : [2, 16]) : tensor,
      ),
  ],
  ['something else', () => [zeros('v_head.weight', [1, 80])]],
] as const) {
  test(`refused in one sentence: a value head with ${what}`, (t) => {
    const folder = checkpointFolder(t, {
      'config.json': true,
      'model.safetensors': true,
      'value_head.safetensors': encodeSafetensors(change(recordedTensors('value_head.safetensors'))),
    });
    t.throws(() => openCheckpoint(folder), {
      instanceOf: CheckpointError,
      message: /value_head\.safetensors: layer \d+ is not a weight \[outputs, \d+\] with its bias; .* delete it$/,
    });
  });
}

for (const [number, type] of [
  [NaN, 'F32'],
  [Infinity, 'F16'],
  [-Infinity, 'BF16'],
] as const)
  test(`refused by name: a parameter of ${type} with ${number}`, (t) => {
    const header = weights.map(({ name, shape }) => ({ name, shape, dtype: type }));
    const spoiled = weights.map(({ name, data }) =>
      fromFloat32(name.endsWith('lm_head.weight') ? data.with(-1, number) : data, type),
    );
    const folder = checkpointFolder(t, {
      'config.json': true,
      'model.safetensors': Buffer.concat([safetensorsHeader(header), ...spoiled]),
    });
    t.throws(() => openCheckpoint(folder), {
      instanceOf: CheckpointError,
      message: /model\.safetensors: language_model\.lm_head\.weight holds a number that is not finite/,
    });
  });

for (const [file, message] of [
  ['adapter_model.safetensors', /adapter_model\.safetensors: .*lora_A\.weight holds a number that is not finite/],
  ['value_head.safetensors', /value_head\.safetensors: 0\.weight holds a number that is not finite/],
] as const)
  test(`refused by name: a number that is not finite in ${file}`, (t) => {
    const spoiled = recordedTensors(file).map((tensor) => ({ ...tensor, data: tensor.data.with(0, NaN) }));
    const folder = checkpointFolder(t, {
      'config.json': true,
      'model.safetensors': true,
      ...(file.startsWith('adapter') ? { 'adapter_config.json': true } : {}),
      [file]: encodeSafetensors(spoiled),
    });
    t.throws(() => openCheckpoint(folder), { instanceOf: CheckpointError, message });
  });

/** A file whose tensor that ends with `name` is stored in another element type. */
function storedOtherwise(tensors: readonly Tensor[], name: string, dtype: 'F64' | 'I32'): Uint8Array {
  const isOther = (tensor: Tensor) => tensor.name.endsWith(name);
  const header = tensors.map((tensor) => ({
    name: tensor.name,
    shape: tensor.shape,
    dtype: isOther(tensor) ? dtype : ('F32' as StoredDType),
  }));
  const bytes = tensors.map((tensor) =>
    isOther(tensor)
      ? new Uint8Array((dtype === 'F64' ? new Float64Array(tensor.data) : new Int32Array(tensor.data)).buffer)
      : fromFloat32(tensor.data, 'F32'),
  );
  return Buffer.concat([safetensorsHeader(header), ...bytes]);
}

for (const [file, name] of [
  ['model.safetensors', 'lm_head.weight'],
  ['adapter_model.safetensors', 'layers.1.self_attn.q_proj.lora_B.weight'],
  ['value_head.safetensors', '0.weight'],
] as const)
  for (const [dtype, message] of [
    ['F64', /is stored as F64; convert it to F32, F16 or BF16$/],
    ['I32', /holds whole numbers \(I32\); quantised checkpoints are not supported/],
  ] as const)
    test(`refused by name when it is opened: a tensor of ${dtype} in ${file}`, (t) => {
      const folder = checkpointFolder(t, {
        'config.json': true,
        'model.safetensors': true,
        ...(file.startsWith('adapter') ? { 'adapter_config.json': true } : {}),
        [file]: storedOtherwise(recordedTensors(file), name, dtype),
      });
      const error = t.throws(() => openCheckpoint(folder), { instanceOf: CheckpointError, message });
      t.true(error.message.startsWith(`${folder}/${file}: `));
      t.true(error.message.includes(name));
    });

test(
  'weights that config.json calls quantised are refused as such, whatever is ' + 'odd about them; whole ones are not',
  (t) => {
    const config = { ...recordedJson('config.json'), quantization_config: { quant_method: 'awq', bits: 4 } };
    const matrix = weights.find(({ name }) => name.endsWith('layers.0.self_attn.q_proj.weight'))!;
    // Packed weights have other names, shapes and types.
    const packed = weights.map((tensor) =>
      tensor === matrix ? { ...tensor, name: tensor.name.replace(/weight$/, 'qweight') } : tensor,
    );
    const folder = checkpointFolder(t, { 'config.json': config, 'model.safetensors': encodeSafetensors(packed) });
    t.throws(() => openCheckpoint(folder), {
      instanceOf: CheckpointError,
      message:
        `${folder} holds quantised weights (awq), which cannot be trained; use the checkpoint in F32, F16 or ` +
        'BF16 that they were made from',
    });
    const whole = checkpointFolder(t, { 'config.json': config, 'model.safetensors': true });
    t.notThrows(() => openCheckpoint(whole));
  },
);
