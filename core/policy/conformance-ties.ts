/** Compares TIES merging with recorded cases (docs/conformance.md). */
import path from 'node:path';
import { z } from 'zod';
import { readSafetensorsHeader, readTensor, readTensorBytes } from '../graph/safetensors.ts';
import { elements } from '../graph/tensor.ts';
import { checkConfig, readJson } from './checkpoint/check-config.ts';
import { CheckpointError } from './checkpoint/errors.ts';
import { tiesMerge } from './ties-merge.ts';

const casesSchema = z.object({
  cases: z.array(
    z.object({
      name: z.string(),
      kind: z.string(),
      shape: z.array(z.int().min(1)),
      checkpoints: z.int().min(1),
      weights: z.array(z.number().positive()),
      density: z.number().gt(0).max(1),
    }),
  ),
});

/** Tolerance for float64 sums, relative to max(1, |result|). */
const TOLERANCE = 1e-12;

/** One case: its largest error relative to max(1, |result|). */
export type TiesConformance = { name: string; kind: string; worstError: number; tolerance: number; passed: boolean };

/** Throws `CheckpointError` or `SafetensorsError`, which say what the folder lacks. */
export function conformTies(folder: string): TiesConformance[] {
  const list = path.join(folder, 'cases.json');
  const { cases } = checkConfig(casesSchema, readJson(list, 'name a folder of recorded merges'), list);
  const file = path.join(folder, 'cases.safetensors');
  const locations = new Map(readSafetensorsHeader(file).tensors.map((tensor) => [tensor.name, tensor]));
  const tensor = (name: string) => {
    const location = locations.get(name);
    if (location === undefined) throw new CheckpointError(`${file}: has no tensor ${name}, which ${list} needs`);
    return location;
  };
  return cases.map(({ name, kind, shape, checkpoints: count, weights, density }) => {
    const size = elements(shape);
    const start = readTensor(tensor(`${name}.start`));
    const all = readTensor(tensor(`${name}.checkpoints`));
    const checkpoints = Array.from({ length: count }, (_, index) => all.subarray(index * size, (index + 1) * size));
    // Recorded in float64; reading as float32 would round.
    const bytes = readTensorBytes(tensor(`${name}.merged`));
    const expected = new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
    const merged = tiesMerge({ start, checkpoints, weights, density });
    const worstError = merged.reduce(
      (worst, value, index) =>
        Math.max(worst, Math.abs(value - expected[index]) / Math.max(1, Math.abs(expected[index]))),
      merged.length === expected.length ? 0 : Infinity,
    );
    return { name, kind, worstError, tolerance: TOLERANCE, passed: worstError <= TOLERANCE };
  });
}
