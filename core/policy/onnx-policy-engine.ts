/**
 * The policy engine on onnxruntime: requests cut into shards of fixed rows, computed by lanes, joined in a fixed order.
 */
import { CPU, type ComputeDevice } from '../graph/compute-device.ts';
import { firstNotFinite } from '../graph/not-finite.ts';
import { elements } from '../graph/tensor.ts';
import type { Checkpoint } from './checkpoint/open-checkpoint.ts';
import { addTo } from './lanes/gradient-sums.ts';
import { LanePool } from './lanes/lane-pool.ts';
import { pictureShape } from './picture-shape.ts';
import type {
  GradientRequest,
  Gradients,
  Pictures,
  PolicyEngine,
  RowStatistics,
  SampledRow,
  SampleRequest,
  ShardGroup,
  TrainingRow,
} from './policy-engine.ts';
import { NotFiniteError } from './not-finite-error.ts';
import { checkPositions } from './positions.ts';
import { sharedPrompts } from './shared-prompts.ts';
import { type Feeds, samplingFeeds, scoringFeeds, trainingFeeds } from './vlm/feeds.ts';
import { startParameters, trainedParameters } from './trained-parameters.ts';
import type { GraphModel, TrainedParameter } from './vlm/parameters.ts';
import type { SampleShape } from './vlm/sampling-graph.ts';
import type { ShardShape } from './vlm/training-graph.ts';
import { loraScale, type MergedScope, type Precision, type TrainScope } from './vlm-config.ts';

export type EngineOptions = {
  checkpoint: Checkpoint;
  scope: TrainScope | MergedScope;
  /** Hidden sizes of a new value head; a checkpoint's own wins. */
  valueHead: readonly number[];
  /** Where graphs run; by default the CPU. */
  device?: ComputeDevice;
  lanes: number;
  /** Threads of one operator in a lane: part of the arithmetic. */
  threads?: number;
  rowsPerShard: number;
  rowsPerSample: number;
  /** Sessions (shapes) that a lane keeps ready. */
  sessions?: number;
  /**
   * Lengths are rounded up to a multiple of this, so that there are few shapes; null: between 1/32 and 1/16 of the
   * length.
   */
  lengthStep?: number | null;
  precision?: Precision;
  /**
   * Whether each layer's activations are computed again in the backward pass: far less memory, about a third more time.
   */
  gradientCheckpointing?: boolean;
};

/** Used where no step is fixed. */
const LEAST_LENGTH_STEP = 4;

type PromptRow = { image: number; promptIds: readonly number[]; responseIds: readonly number[] };

export class OnnxPolicyEngine implements PolicyEngine {
  readonly trained: readonly TrainedParameter[];
  readonly trainedSize: number;
  readonly #options: EngineOptions;
  readonly #pool: LanePool;
  #sums = 0;
  readonly #laidOut = new WeakMap<GradientRequest, Feeds[]>();
  readonly #newPixels = (length: number) => this.#pool.newPixels(length);

  private constructor(options: EngineOptions, model: GraphModel) {
    this.#options = options;
    this.trained = model.trained;
    this.trainedSize = model.trained.reduce((sum, { shape }) => sum + elements(shape), 0);
    this.#pool = new LanePool(
      {
        model,
        device: options.device ?? CPU,
        sessions: options.sessions ?? 24,
        threads: options.threads ?? 1,
      },
      options.lanes,
    );
  }

  /** Throws `CheckpointError` when the checkpoint's own adapter differs in shape from the one to train. */
  static open(options: EngineOptions): OnnxPolicyEngine {
    return new OnnxPolicyEngine(options, graphModel(options));
  }

  get failed(): boolean {
    return this.#pool.failed;
  }

  get seconds(): number {
    return this.#pool.clock.seconds;
  }

  initialParameters(seed: number): Float32Array {
    return startParameters(this.#options.checkpoint, this.trained, seed);
  }

  setParameters(flat: Float32Array): Promise<void> {
    return this.#pool.setParameters(flat);
  }

  timed<T>(work: () => T): Promise<T> {
    return this.#pool.clock.timed(work);
  }

  async sample(
    request: SampleRequest,
    onRow: (sampled: SampledRow, row: number) => void = () => {},
  ): Promise<SampledRow[]> {
    const { rows, maxNewTokens, temperature, repetitionPenalty } = request;
    const { config } = this.#options.checkpoint;
    checkPositions(config.text, rows, maxNewTokens);
    const prompts = this.#promptShape(rows, request.pictures);
    const { rowsPerSample } = this.#options;
    const { order, rowsPerPrompt } = sharedPrompts(request, rowsPerSample);
    const sampled: SampledRow[] = [];
    await Promise.all(
      chunks(order, rowsPerSample).map(async (indices) => {
        const shape: SampleShape = {
          rows: rowBucket(indices.length, rowsPerSample),
          rowsPerPrompt,
          ...prompts,
          maxNewTokens,
          greedy: temperature === 0,
          penalized: repetitionPenalty !== 1,
        };
        const { outputs } = await this.#pool.run({
          kind: 'sample',
          shape,
          feeds: samplingFeeds(
            config,
            shape,
            indices.map((index) => rows[index]),
            request,
            this.#newPixels,
          ),
        });
        for (const [row, index] of indices.entries()) {
          sampled[index] = sampledRow(outputs as SampleOutputs, row, shape.rows, config.text.eosTokenIds);
          onRow(sampled[index], index);
        }
      }),
    );
    return sampled;
  }

  async score({
    rows,
    pictures,
    temperature,
  }: {
    rows: readonly PromptRow[];
    pictures: Pictures;
    temperature: number;
  }): Promise<{ logprobs: Float32Array[]; values: Float32Array }> {
    const { config } = this.#options.checkpoint;
    checkPositions(config.text, rows);
    const logprobs: Float32Array[] = [];
    const values = new Float32Array(rows.length);
    await Promise.all(
      this.#shards(rows, pictures).map(async ({ shape, indices, rows: shard }) => {
        const { outputs } = await this.#pool.run({
          kind: 'score',
          shape,
          feeds: scoringFeeds(config, shape, shard, pictures, temperature, this.#newPixels),
        });
        for (const [row, index] of indices.entries()) {
          logprobs[index] = (outputs.logprobs as Float32Array).slice(
            row * shape.responseTokens,
            row * shape.responseTokens + shard[row].responseIds.length,
          );
          values[index] = (outputs.values as Float32Array)[row];
          checkFinite(logprobs[index], values[index]);
        }
      }),
    );
    return { logprobs, values };
  }

  layOut(request: GradientRequest): void {
    // The other shards are prepared while lanes compute the first ones.
    const first = this.#shards(request.rows, request.pictures).slice(0, this.#options.lanes);
    this.#laidOut.set(
      request,
      first.map(({ shape, rows }) => this.#trainingFeeds(request, shape, rows)),
    );
  }

  #trainingFeeds(request: GradientRequest, shape: ShardShape, rows: readonly TrainingRow[]): Feeds {
    return trainingFeeds(this.#options.checkpoint.config, shape, rows, request, this.#newPixels);
  }

  async gradients(request: GradientRequest, group: ShardGroup = { index: 0, of: 1 }): Promise<Gradients> {
    const { scope } = this.#options;
    if (scope.kind === 'lora' && scope.dropout > 0 && request.rows.some(({ dropoutSeed }) => dropoutSeed === undefined))
      throw new RangeError('rows of a policy with LoRA dropout need a dropoutSeed each');
    checkPositions(this.#options.checkpoint.config.text, request.rows);
    const statistics: RowStatistics[] = [];
    const laidOut = this.#laidOut.get(request) ?? [];
    this.#laidOut.delete(request);
    const own = this.#shards(request.rows, request.pictures).filter(
      (_, shard) => groupOf(shard, group.of) === group.index,
    );
    // A single lane's process takes them in this order and sums them itself, which transfers less.
    const summedThere = (this.#options.device ?? CPU).provider !== 'cpu' && this.#options.lanes === 1;
    const id = this.#sums++;
    const running = own.map(async ({ shape, indices, rows }, shard) => {
      const { outputs, gradient } = await this.#pool.run({
        kind: 'train',
        shape,
        feeds: laidOut[shard] ?? this.#trainingFeeds(request, shape, rows),
        ...(summedThere ? { sum: { id, last: shard === own.length - 1 } } : {}),
      });
      for (const [row, index] of indices.entries())
        statistics[index] = rowStatistics(outputs as Record<string, Float32Array>, row, rows[row]);
      return gradient;
    });
    const gradient = summedThere
      ? ((await Promise.all(running)).at(-1) ?? new Float32Array(this.trainedSize))
      : await this.#sumInOrder(running as Promise<Float32Array>[]);
    return { gradient, rows: statistics };
  }

  recycle(gradient: Float32Array): void {
    this.#pool.recycle(gradient);
  }

  close(): Promise<void> {
    return this.#pool.close();
  }

  /**
   * Sums in the order of the list, whichever finishes first: the bytes must not depend on timing. Each summand is
   * released once it is added.
   */
  async #sumInOrder(running: Promise<Float32Array>[]): Promise<Float32Array> {
    // Failures of later promises must not count as unhandled.
    for (const promise of running) promise.catch(() => {});
    const [first, ...others] = running;
    const sum = first === undefined ? new Float32Array(this.trainedSize) : await first;
    while (others.length > 0) {
      const summand = await others.shift()!;
      await this.timed(() => addTo(sum, summand));
      this.#pool.recycle(summand);
    }
    return sum;
  }

  /**
   * Prompts of one length need no mask; mixed lengths are padded to a common one, and with a fixed step all are padded.
   */
  #promptShape(
    rows: readonly { image: number; promptIds: readonly number[] }[],
    pictures: Pictures,
  ): Pick<ShardShape, 'promptTokens' | 'padded' | 'picture'> {
    const step = this.#options.lengthStep ?? null;
    const longest = rows.reduce((most, { promptIds }) => Math.max(most, promptIds.length), 0);
    const padded = step !== null || rows.some(({ promptIds }) => promptIds.length !== longest);
    return {
      promptTokens: padded ? roundUp(longest, step) : longest,
      padded,
      picture: pictureShape(
        this.#options.checkpoint.config,
        rows.map(({ image }) => pictures[image].grid),
        step !== null,
      ),
    };
  }

  /** Rows sorted by length, longest first, cut into shards. */
  #shards<R extends PromptRow | TrainingRow>(
    rows: readonly R[],
    pictures: Pictures,
  ): { shape: ShardShape; indices: number[]; rows: R[] }[] {
    const prompts = this.#promptShape(rows, pictures);
    const order = rows
      .map((_, index) => index)
      .sort((a, b) => rows[b].responseIds.length - rows[a].responseIds.length || a - b);
    return chunks(order, this.#options.rowsPerShard).map((indices) => ({
      indices: [...indices],
      rows: indices.map((index) => rows[index]),
      shape: {
        rows: rowBucket(indices.length, this.#options.rowsPerShard),
        ...prompts,
        responseTokens: Math.max(1, roundUp(rows[indices[0]].responseIds.length, this.#options.lengthStep ?? null)),
      },
    }));
  }
}

/** Everything that the graphs of a policy share. Throws `CheckpointError` as `open` does. */
export function graphModel({
  checkpoint,
  scope,
  valueHead,
  precision = 'float32',
  gradientCheckpointing = false,
  device = CPU,
}: Pick<
  EngineOptions,
  'checkpoint' | 'scope' | 'valueHead' | 'precision' | 'gradientCheckpointing' | 'device'
>): GraphModel {
  const trained = trainedParameters(checkpoint, scope, valueHead);
  return {
    checkpoint,
    trained,
    loraScale: loraScale(scope),
    loraDropout: scope.kind === 'lora' ? scope.dropout : 0,
    precision,
    gradientCheckpointing,
    provider: device.provider,
  };
}

/** Dealt there and back: 0, 1, 2, 2, 1, 0, 0, ... of three. */
function groupOf(shard: number, groups: number): number {
  const place = shard % (2 * groups);
  return Math.min(place, 2 * groups - 1 - place);
}

function roundUp(length: number, fixed: number | null): number {
  const step = fixed ?? Math.max(LEAST_LENGTH_STEP, 2 ** Math.floor(Math.log2(Math.max(1, length))) / 16);
  return Math.ceil(length / step) * step;
}

/** The smallest power of two that holds `count` rows, at most `most`. */
function rowBucket(count: number, most: number): number {
  return Math.min(most, 2 ** Math.ceil(Math.log2(count)));
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}

type SampleOutputs = {
  first_id: BigInt64Array;
  first_logprob: Float32Array;
  later_ids: BigInt64Array;
  later_logprobs: Float32Array;
  values: Float32Array;
};

function sampledRow(outputs: SampleOutputs, row: number, rows: number, endIds: readonly number[]): SampledRow {
  const steps = outputs.later_logprobs.length / rows;
  const ids = [Number(outputs.first_id[row])];
  const logprobs = [outputs.first_logprob[row]];
  for (let step = 0; step < steps && !endIds.includes(ids.at(-1)!); step++) {
    ids.push(Number(outputs.later_ids[step * rows + row]));
    logprobs.push(outputs.later_logprobs[step * rows + row]);
  }
  const sampled = { ids, logprobs: Float32Array.from(logprobs), value: outputs.values[row] };
  checkFinite(sampled.logprobs, sampled.value);
  return sampled;
}

function checkFinite(logprobs: Float32Array, value: number): void {
  const token = firstNotFinite(logprobs);
  if (token >= 0 || !Number.isFinite(value))
    throw new NotFiniteError(
      `The policy's ${token >= 0 ? `log-probability of response token ${token}` : 'value of a prompt'} is not finite ` +
        `(${token >= 0 ? logprobs[token] : value}); its parameters have grown out of range: continue from an earlier ` +
        `iteration with a lower optimizer.lr`,
    );
}

function rowStatistics(
  outputs: Record<string, Float32Array>,
  row: number,
  { ppo, sftWeights }: TrainingRow,
): RowStatistics {
  const ofPpo = (name: string) => (ppo === undefined ? NaN : outputs[name][row]);
  return {
    logprob: ofPpo('logprob'),
    value: outputs.value[row],
    ratio: ofPpo('ratio'),
    actionLoss: ofPpo('action_loss'),
    valueLoss: ofPpo('value_loss'),
    sftLoss: sftWeights === undefined ? NaN : outputs.sft_loss[row],
    entropy: outputs.entropy[row],
  };
}
