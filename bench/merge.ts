/**
 * The cost of merging LoRA policies: products B A and TIES on one matrix of a 7B decoder (Qwen2.5-VL: 3584 x 18944,
 * rank 128), or a part of its columns, extrapolated to all of its 6.5 billion adapted elements.
 *
 * npm run bench -- merge [--columns 4736]
 */
import { parseArgs } from 'node:util';
import { matrixProduct } from '../core/policy/checkpoint/merge-adapter.ts';
import { tiesMerge } from '../core/policy/ties-merge.ts';
import { RandomStream } from '../core/random/counter.ts';

const { values: options } = parseArgs({ options: { columns: { type: 'string', default: '4736' } } });
const [outputs, inputs, rank] = [3584, Number(options.columns), 128];
/** Of all linear layers of 28 decoder layers: 2 of 3584 x 3584, 2 of 512 x 3584, 3 of 18944 x 3584. */
const ADAPTED = 28 * (2 * 3584 * 3584 + 2 * 512 * 3584 + 3 * 18944 * 3584);
const LORA = 28 * rank * (2 * (3584 + 3584) + 2 * (512 + 3584) + 3 * (18944 + 3584));

const random = new RandomStream({ seed: 1, purpose: 'merge' });
const matrix = (...shape: [number, number]) => ({
  shape,
  data: Float32Array.from({ length: shape[0] * shape[1] }, () => random.uniform() - 0.5),
});
const [a, b] = [matrix(rank, inputs), matrix(outputs, rank)];
const earlier = Float64Array.from({ length: outputs * inputs }, () => random.uniform() - 0.5);
const start = new Float64Array(outputs * inputs);

const [product, multiplying] = timed(() => matrixProduct(b, a, 2));
const [, merging] = timed(() => tiesMerge({ start, checkpoints: [earlier, product], weights: [3, 1], density: 0.8 }));
const elements = outputs * inputs;
const minutes = (seconds: number) => ((seconds / elements) * ADAPTED) / 60;
const gigabytes = (count: number) => `${((4 * count) / 1e9).toFixed(1)} GB`;
console.log(
  `${outputs} x ${inputs}, rank ${rank}: product ${multiplying.toFixed(2)} s of CPU ` +
    `(${((elements * rank) / multiplying / 1e9).toFixed(2)} GMAC/s), TIES of two ${merging.toFixed(2)} s ` +
    `(${((1e9 * merging) / elements).toFixed(0)} ns an element)`,
);
console.log(
  `7B, ${(ADAPTED / 1e9).toFixed(2)} billion adapted elements, one new policy: product ` +
    `${minutes(multiplying).toFixed(0)} min, TIES ${minutes(merging).toFixed(0)} min; a teacher of whole matrices ` +
    `${gigabytes(ADAPTED)}, of A and B ${gigabytes(LORA)}`,
);

/** The result of `work`, and its CPU seconds. */
function timed<T>(work: () => T): [T, number] {
  const { user: before } = process.cpuUsage();
  const made = work();
  return [made, (process.cpuUsage().user - before) / 1e6];
}
