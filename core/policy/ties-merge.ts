/**
 * TIES merging (Yadav et al., arXiv 2306.01708) of checkpoints of one model, tensor by tensor, which gives GTR-Turbo's
 * teacher: trim each change to its largest elements, elect a sign per element, average the changes that agree.
 */

/** One start tensor and the same tensor of each checkpoint, any float type. `weights`: one per checkpoint, above 0. */
export type TiesInput = {
  start: ArrayLike<number>;
  checkpoints: readonly ArrayLike<number>[];
  /** Only their ratios matter. */
  weights: readonly number[];
  /** Share of the elements of each change that is kept, in (0, 1]. */
  density: number;
};

/** Elements merged at once, so that their sums stay in a core's cache. */
const BLOCK = 4096;

/** The merged tensor; every sum is in float64. [size] */
export function tiesMerge({ start, checkpoints, weights, density }: TiesInput): Float64Array {
  const size = start.length;
  const merged = Float64Array.from(start);
  // delta_i = checkpoint_i - start, of which the ceil(density * size) largest |delta_i| are kept
  const trims = checkpoints.map((checkpoint) => new Trim(checkpoint, start, Math.ceil(density * size)));
  const deltas = checkpoints.map(() => new Float64Array(BLOCK));
  const [elected, sums, totals] = [new Float64Array(BLOCK), new Float64Array(BLOCK), new Float64Array(BLOCK)];
  for (let from = 0; from < size; from += BLOCK) {
    const count = Math.min(BLOCK, size - from);
    for (const sum of [elected, sums, totals]) sum.fill(0);
    for (const [i, trim] of trims.entries()) {
      trim.read(from, count, deltas[i]);
      addWeighted(elected, deltas[i], weights[i], count);
    }
    for (const [i, delta] of deltas.entries()) addAgreeing(sums, totals, elected, delta, weights[i], count);
    // A sum of zero elects no sign; nothing is merged there.
    for (let j = 0; j < count; j++) if (elected[j] !== 0) merged[from + j] += sums[j] / totals[j];
  }
  return merged;
}

function addWeighted(sum: Float64Array, delta: Float64Array, weight: number, count: number): void {
  for (let j = 0; j < count; j++) sum[j] += weight * delta[j];
}

/** Adds what has the elected sign, and its weight. */
function addAgreeing(
  sums: Float64Array,
  totals: Float64Array,
  elected: Float64Array,
  delta: Float64Array,
  weight: number,
  count: number,
): void {
  for (let j = 0; j < count; j++)
    if (delta[j] !== 0 && delta[j] > 0 === elected[j] > 0) {
      sums[j] += weight * delta[j];
      totals[j] += weight;
    }
}

/** The weighted mean, for comparison with TIES: nothing is trimmed, and opposite changes cancel. [size] */
export function linearMerge({ start, checkpoints, weights }: Omit<TiesInput, 'density'>): Float64Array {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return Float64Array.from(
    start,
    (value, index) =>
      value + checkpoints.reduce((sum, checkpoint, i) => sum + weights[i] * (checkpoint[index] - value), 0) / total,
  );
}

/** The change of one checkpoint, read once from the first element to the last; 0 where it is trimmed away. */
class Trim {
  readonly #checkpoint: ArrayLike<number>;
  readonly #start: ArrayLike<number>;
  /** The smallest kept |delta|, and how many of exactly that size may be kept: the first ones. */
  readonly #threshold: number;
  #equalLeft: number;

  constructor(checkpoint: ArrayLike<number>, start: ArrayLike<number>, kept: number) {
    this.#checkpoint = checkpoint;
    this.#start = start;
    const magnitudes = new Float64Array(start.length);
    for (let j = 0; j < magnitudes.length; j++) magnitudes[j] = Math.abs(checkpoint[j] - start[j]);
    this.#threshold = kthLargest(magnitudes, kept);
    let larger = 0;
    for (let j = 0; j < magnitudes.length; j++) if (magnitudes[j] > this.#threshold) larger++;
    this.#equalLeft = kept - larger;
  }

  /** The next `count` elements, starting at `from`. */
  read(from: number, count: number, into: Float64Array): void {
    const [checkpoint, start, threshold] = [this.#checkpoint, this.#start, this.#threshold];
    for (let j = 0; j < count; j++) {
      const delta = checkpoint[from + j] - start[from + j];
      const magnitude = Math.abs(delta);
      const isKept = magnitude > threshold || (magnitude === threshold && this.#equalLeft-- > 0);
      into[j] = isKept ? delta : 0;
    }
  }
}

/** The k-th largest value (k from 1), by quickselect in expected linear time; reorders `values`. */
function kthLargest(values: Float64Array, k: number): number {
  const target = values.length - k;
  let [low, high] = [0, values.length - 1];
  while (low < high) {
    const pivot = medianOfThree(values[low], values[(low + high) >>> 1], values[high]);
    let [left, right] = [low, high];
    while (left <= right) {
      while (values[left] < pivot) left++;
      while (values[right] > pivot) right--;
      if (left > right) break;
      [values[left], values[right]] = [values[right], values[left]];
      left++;
      right--;
    }
    if (target <= right) high = right;
    else if (target >= left) low = left;
    else break;
  }
  return values[target];
}

function medianOfThree(a: number, b: number, c: number): number {
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
}

const MERGE_WEIGHTS = ['uniform', 'sma', 'ema'] as const;
export type MergeWeights = (typeof MERGE_WEIGHTS)[number];

/**
 * Weights of `count` checkpoints, oldest first. `uniform`: equal. `sma`: the first one stands for `standsFor` earlier
 * ones. `ema`: each new one counts `alpha`, the earlier ones 1 - alpha.
 */
export function mergeWeights(
  kind: MergeWeights,
  count: number,
  { standsFor = 1, alpha = 0.5 }: { standsFor?: number; alpha?: number } = {},
): number[] {
  return Array.from({ length: count }, (_, index) => {
    if (kind === 'uniform') return 1 / count;
    if (kind === 'sma') return (index === 0 ? standsFor : 1) / (standsFor + count - 1);
    return index === 0 ? (1 - alpha) ** (count - 1) : alpha * (1 - alpha) ** (count - 1 - index);
  });
}
