/** Gradients as artifacts, which GPU workers that share an optimizer step exchange. */
import type { RunConfig } from '../../configs/schema.ts';
import type { ArtifactRef, ArtifactStore, Owner } from '../artifacts/store.ts';
import { decodeSafetensors, safetensorsHeader, safetensorsPieces } from '../graph/safetensors.ts';
import { elements } from '../graph/tensor.ts';
import type { PolicyEngine } from '../policy/policy-engine.ts';

/** The largest number of a scaled tensor lies in [2^14, 2^15): float16 ends at 65,504. */
const LARGEST_EXPONENT = 14;

/**
 * Stores a flat gradient, and changes it to what `getGradient` will return, so that its owner need not read it back.
 *
 * `exchange` float32: as it is. float16: each trained tensor times the power of two 2^k that brings its largest number
 * into [2^14, 2^15), rounded to the nearest float16 (ties to even). k depends on the tensor alone, so the bytes do not
 * depend on the worker. A tensor that is not finite stays so.
 */
export function putGradient(
  store: ArtifactStore,
  { trained }: Pick<PolicyEngine, 'trained'>,
  gradient: Float32Array,
  exchange: RunConfig['parallel']['exchange'],
  owner: Owner,
): Promise<ArtifactRef> {
  if (exchange !== 'float16') {
    // Runs that an older version began have no `exchange`.
    const tensor = { name: 'gradient', shape: [gradient.length], data: gradient };
    return store.putHeld(owner, 'gradient', safetensorsPieces([tensor]));
  }
  const halves = new Float16Array(gradient.length);
  const exponents: number[] = [];
  let from = 0;
  for (const { shape } of trained) {
    const to = from + elements(shape);
    exponents.push(scale(gradient.subarray(from, to), halves.subarray(from, to)));
    from = to;
  }
  const header = safetensorsHeader(
    trained.map(({ name, shape }) => ({ name, shape, dtype: 'F16' })),
    { exponents: JSON.stringify(exponents) },
  );
  return store.putHeld(owner, 'gradient', [header, new Uint8Array(halves.buffer)]);
}

/** A stored gradient as one flat vector. */
export async function getGradient(store: ArtifactStore, ref: ArtifactRef): Promise<Float32Array> {
  const tensors = decodeSafetensors(await store.get(ref), `gradient ${ref.sha256}`);
  if (tensors.metadata.exponents === undefined) return tensors.get('gradient')!.data;
  const exponents = JSON.parse(tensors.metadata.exponents) as number[];
  const parts = [...tensors.values()];
  const flat = new Float32Array(parts.reduce((sum, { data }) => sum + data.length, 0));
  let at = 0;
  for (const [index, { data }] of parts.entries()) {
    const factor = 2 ** -exponents[index];
    for (let i = 0; i < data.length; i++) flat[at++] = data[i] * factor;
  }
  return flat;
}

/** Rounds `values` through `halves`, which it fills. Returns the exponent k. */
function scale(values: Float32Array, halves: Float16Array): number {
  let largest = 0;
  for (let i = 0; i < values.length; i++) {
    const size = Math.abs(values[i]);
    if (!(size <= largest)) largest = size; // also if it is NaN
  }
  const exponent = Number.isFinite(largest) && largest > 0 ? LARGEST_EXPONENT - exponentOf(largest) : 0;
  const factor = 2 ** exponent;
  for (let i = 0; i < values.length; i++) {
    halves[i] = values[i] * factor;
    values[i] = halves[i] / factor;
  }
  return exponent;
}

/** floor(log2(x)) of a normal float32; -127 for a smaller one. */
function exponentOf(x: number): number {
  return (new Uint32Array(Float32Array.of(x).buffer)[0] >>> 23) - 127;
}
