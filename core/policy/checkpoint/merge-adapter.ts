/** Puts trained parameters into a checkpoint: whole ones replace the old, LoRA matrices are added to their layers. */
import { readTensor, type TensorLocation } from '../../graph/safetensors.ts';
import type { Parameters } from '../policy-engine.ts';
import type { WrittenDType } from './config-json.ts';
import type { WrittenParameter } from './write-checkpoint.ts';

/**
 * W + scale B A for every adapted layer, where scale = alpha / rank; each is computed when it is written, in the
 * checkpoint's stored type. Fully trained matrices stay float32: rounding would undo small steps.
 */
export function mergedParameters(
  parameters: ReadonlyMap<string, TensorLocation>,
  trained: Parameters,
  scale: number,
): Map<string, WrittenParameter> {
  return new Map(
    [...parameters].map(([name, location]): [string, WrittenParameter] => {
      const dtype = location.dtype as WrittenDType;
      const whole = trained.get(name);
      if (whole !== undefined) return [name, { dtype: 'F32', shape: location.shape, data: () => whole.data }];
      const linear = name.slice(0, -'.weight'.length);
      const [a, b] = [trained.get(`${linear}.lora_A.weight`), trained.get(`${linear}.lora_B.weight`)];
      if (a === undefined || b === undefined) return [name, location];
      return [
        name,
        {
          dtype,
          shape: location.shape,
          data: () => mergedMatrix(readTensor(location), location.shape, a.data, b.data, scale),
        },
      ];
    }),
  );
}

type Matrix = { shape: readonly number[]; data: Float32Array };

/** scale b [outputs, rank] a [rank, inputs]; sums are float64. [outputs * inputs] */
export function matrixProduct(b: Matrix, a: Matrix, scale: number): Float64Array {
  const [rank, inputs] = a.shape;
  const [outputs] = b.shape;
  const product = new Float64Array(outputs * inputs);
  for (let output = 0; output < outputs; output++) {
    const row = product.subarray(output * inputs, (output + 1) * inputs);
    const factors = Array.from({ length: rank }, (_, k) => scale * b.data[output * rank + k]);
    if (factors.every((factor) => factor === 0)) continue;
    // Four rows of A at a time, because reading and writing `row` takes longer than the product.
    let k = 0;
    for (; k + 4 <= rank; k += 4) {
      const [a0, a1, a2, a3] = [0, 1, 2, 3].map((one) => a.data.subarray((k + one) * inputs, (k + one + 1) * inputs));
      const [f0, f1, f2, f3] = factors.slice(k, k + 4);
      for (let j = 0; j < inputs; j++) row[j] += f0 * a0[j] + f1 * a1[j] + f2 * a2[j] + f3 * a3[j];
    }
    for (; k < rank; k++) for (let j = 0; j < inputs; j++) row[j] += factors[k] * a.data[k * inputs + j];
  }
  return product;
}

/** weight [outputs, inputs] + scale b [outputs, rank] a [rank, inputs], rounded once. */
function mergedMatrix(
  weight: Float32Array,
  [outputs, inputs]: readonly number[],
  a: Float32Array,
  b: Float32Array,
  scale: number,
): Float32Array {
  const rank = a.length / inputs;
  const row = new Float64Array(inputs);
  const merged = new Float32Array(weight.length);
  for (let output = 0; output < outputs; output++) {
    row.set(weight.subarray(output * inputs, (output + 1) * inputs));
    for (let k = 0; k < rank; k++) {
      const factor = scale * b[output * rank + k];
      if (factor !== 0) for (let input = 0; input < inputs; input++) row[input] += factor * a[k * inputs + input];
    }
    merged.set(row, output * inputs);
  }
  return merged;
}
