/** One lane: keeps sessions by shape, and runs them with the latest parameters. */
import { elements } from '../../graph/tensor.ts';
import { runMemory } from '../../graph/memory.ts';
import type { ComputeDevice } from '../../graph/compute-device.ts';
import { type DeviceTensor, Session } from '../../graph/session.ts';
import type { Program } from '../../graph/program.ts';
import type { Feeds } from '../vlm/feeds.ts';
import { KeptSessions } from './kept-sessions.ts';
import { addTo, GradientSums, type Summand } from './gradient-sums.ts';
import { free, type Resident, ResidentArrays } from './resident-arrays.ts';
import { type SampleShape, samplingProgram } from '../vlm/sampling-graph.ts';
import type { GraphModel } from '../vlm/parameters.ts';
import { inspectionProgram, scoringProgram, type ShardShape, trainingProgram } from '../vlm/training-graph.ts';

export type LaneSetup = {
  model: GraphModel;
  device: ComputeDevice;
  /** Sessions kept before the oldest is closed: each holds its own buffers, on a GPU also its own weights. */
  sessions: number;
  /** Threads of one operator: part of the arithmetic. */
  threads: number;
};

/** A graph run: which graph, in which shape, on what. */
export type LaneJob =
  | {
      kind: 'train';
      shape: ShardShape;
      feeds: Feeds;
      /** An earlier gradient to overwrite: allocating costs more than a pass over it. */
      gradient?: Float32Array;
      sum?: Summand;
    }
  | { kind: 'score' | 'inspect'; shape: ShardShape; feeds: Feeds }
  | { kind: 'sample'; shape: SampleShape; feeds: Feeds };

/** Named results; `gradient` is flat, in the order of the trained parameters. */
export type LaneResult = { outputs: Record<string, Float32Array | BigInt64Array>; gradient: Float32Array | null };

const PROGRAMS = {
  train: trainingProgram,
  score: scoringProgram,
  inspect: inspectionProgram,
  sample: samplingProgram,
} as { [kind in LaneJob['kind']]: (model: GraphModel, shape: never) => Program };

export class Lane {
  readonly #setup: LaneSetup;
  readonly #sessions: KeptSessions<Session>;
  readonly #parameters: Record<string, Float32Array | DeviceTensor> = {};
  /** Set where data stays on the device. */
  readonly #resident: ResidentArrays | null;
  readonly #sums = new GradientSums<Float32Array>(
    (sum, summand) => addTo(sum, (this.#spare = summand)),
    () => {},
  );
  readonly #residentSums = new GradientSums<Resident>((one, other) => this.#resident!.add(one, other), free);
  readonly #size: number;
  /** The array of a gradient that has been added, to be reused. */
  #spare: Float32Array | null = null;

  constructor(setup: LaneSetup) {
    this.#setup = setup;
    this.#sessions = new KeptSessions(setup.sessions);
    // onnxruntime for Node does not take CUDA buffers.
    this.#resident = setup.device.provider === 'webgpu' ? new ResidentArrays(setup.model.trained, setup.device) : null;
    this.#size = setup.model.trained.reduce((sum, { shape }) => sum + elements(shape), 0);
  }

  async setParameters(flat: Float32Array): Promise<void> {
    if (this.#resident !== null) {
      const parameters = await this.#resident.upload(flat);
      free(this.#parameters as Resident);
      Object.assign(this.#parameters, parameters);
      return;
    }
    let offset = 0;
    for (const { name, shape } of this.#setup.model.trained) {
      const size = elements(shape);
      // A copy: onnxruntime does not take shared memory.
      ((this.#parameters[name] ??= new Float32Array(size)) as Float32Array).set(flat.subarray(offset, offset + size));
      offset += size;
    }
  }

  async run(job: LaneJob): Promise<LaneResult> {
    const { kind, shape, feeds } = job;
    const session = await this.#session(kind, shape);
    const fed = { ...this.#parameters, ...feeds };
    if (job.kind !== 'train') return { outputs: named(await session.run(fed)), gradient: null };
    if (this.#resident !== null) {
      const { outputs, gradient } = await this.#residentSums.collect(job.sum, async () => {
        const { results, kept } = await session.runKept(fed);
        return { outputs: named(results), gradient: kept };
      });
      return { outputs, gradient: gradient === null ? null : await this.#resident.download(gradient) };
    }
    return this.#sums.collect(job.sum, async () => {
      const gradient = job.gradient ?? this.#spare ?? new Float32Array(this.#size);
      this.#spare = null;
      const results = await session.run(fed, this.#gradientViews(gradient));
      const statistics = Object.entries(results).filter(([name]) => !name.startsWith('grad:'));
      return { outputs: named(Object.fromEntries(statistics)), gradient };
    });
  }

  async close(): Promise<void> {
    await this.#sessions.close();
    await this.#resident?.close();
  }

  /** Each gradient is written directly into its part of the flat vector. */
  #gradientViews(gradient: Float32Array): Record<string, Float32Array> {
    let offset = 0;
    return Object.fromEntries(
      this.#setup.model.trained.map(({ name, shape }) => [
        `grad:${name}`,
        gradient.subarray(offset, (offset += elements(shape))),
      ]),
    );
  }

  #session(kind: LaneJob['kind'], shape: ShardShape | SampleShape): Promise<Session> {
    return this.#sessions.of(`${kind} ${JSON.stringify(shape)}`, () => {
      const { device, threads } = this.#setup;
      const model = { ...this.#setup.model, provider: device.provider };
      const program = PROGRAMS[kind](model, shape as never);
      const prepack = kind === 'sample';
      const { activations } = runMemory(program, 'maxNewTokens' in shape ? shape.maxNewTokens : 0);
      return {
        activations,
        reordered: prepack ? reorderedBytes(program) : 0,
        load: (arena) =>
          Session.load(program, {
            device,
            threads,
            prepack,
            arena,
            keep: kind === 'train' && this.#resident !== null ? 'grad:' : null,
          }),
      };
    });
  }
}

/**
 * Bytes of the matrices of which a prepacking session keeps a second copy, in the order in which products read them.
 */
export function reorderedBytes({ initializers }: Program): number {
  return initializers.reduce(
    (sum, { dtype, shape, data }) =>
      sum + (dtype === 'float32' && shape.length === 2 && !ArrayBuffer.isView(data) ? data.bytes : 0),
    0,
  );
}

function named(results: Awaited<ReturnType<Session['run']>>): LaneResult['outputs'] {
  return Object.fromEntries(
    Object.entries(results).map(([name, { data }]) => [name, data as Float32Array | BigInt64Array]),
  );
}
