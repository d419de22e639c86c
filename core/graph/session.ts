/** A thin layer over onnxruntime: one thread, no spinning, outputs written into the caller's buffers. */

import * as ort from 'onnxruntime-node';
import { encodeModel, storedBytes } from './onnx-model.ts';
import { CPU, type ComputeDevice, executionProvider } from './compute-device.ts';
import type { Program } from './program.ts';
import { elements, GraphError, type Shape } from './tensor.ts';

export type SessionOptions = {
  /** Where graphs run. */
  device?: ComputeDevice;
  /** Threads of one operator. More than one pays only for large models. */
  threads?: number;
  /**
   * Whether to keep a second copy of stored weights in the order that matrix products read: faster for few rows, for
   * twice the memory.
   */
  prepack?: boolean;
  /** Whether memory for activations is kept between runs: faster, but each session then holds what its runs need. */
  arena?: boolean;
  /** Outputs whose names have this prefix stay on the device: `runKept` returns them under the rest of their names. */
  keep?: string | null;
  /** Prefix of the file that takes onnxruntime's profile of all runs, complete when the session is closed. */
  profile?: string | null;
};

export type ArrayData = Float32Array | BigInt64Array | Uint8Array;
/** A tensor that crosses into or out of a session, row-major. */
export type Tensor = { readonly data: ArrayData; readonly shape: Shape };

/** A tensor that stays on its device, to be fed to sessions of the same device; `close` frees it. */
export class DeviceTensor {
  readonly tensor: ort.Tensor;

  constructor(tensor: ort.Tensor) {
    this.tensor = tensor;
  }

  close(): void {
    this.tensor.dispose();
  }
}

type FeedData = ArrayData | DeviceTensor;

/** A loaded program. `run` blocks the calling thread while it computes. */
export class Session {
  readonly #session: ort.InferenceSession;
  readonly #program: Program;
  readonly #keep: string | null;
  readonly #profiled: boolean;

  private constructor(session: ort.InferenceSession, program: Program, keep: string | null, profiled: boolean) {
    this.#session = session;
    this.#program = program;
    this.#keep = keep;
    this.#profiled = profiled;
  }

  static async load(
    program: Program,
    { device = CPU, threads = 1, prepack = true, arena = false, keep = null, profile = null }: SessionOptions = {},
  ): Promise<Session> {
    const { bytes, folder, given } = encodeModel(program, device.provider);
    Object.assign(process.env, device.environment);
    const { executionProviders, extra } = executionProvider(device);
    const session = await ort.InferenceSession.create(bytes, {
      executionProviders,
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      enableMemPattern: false,
      enableCpuMemArena: arena,
      // The builder's own order of nodes runs 5-10% faster than onnxruntime's rewriting of it, which would also keep a
      // float32 copy of every half-width weight.
      graphOptimizationLevel: 'disabled',
      logSeverityLevel: 3,
      ...(profile === null ? {} : { enableProfiling: true, profileFilePrefix: profile }),
      ...(keep === null
        ? {}
        : {
            preferredOutputLocation: Object.fromEntries(
              program.outputs.map(({ name }) => [name, name.startsWith(keep) ? 'gpu-buffer' : 'cpu']),
            ),
          }),
      externalData: [...given].map(([name, stored]) => ({ path: name, data: storedBytes(stored) })),
      extra: {
        session: {
          disable_prepacking: prepack ? '0' : '1',
          intra_op: { allow_spinning: '0' },
          inter_op: { allow_spinning: '0' },
          ...(folder ? { model_external_initializers_file_folder_path: folder } : {}),
        },
        ...extra,
      },
    });
    return new Session(session, program, keep, profile !== null);
  }

  /**
   * Runs once. Every input is fed by name; results come under the names of the outputs. An output named in `into` is
   * written to that buffer, which may be the very buffer of an input (accumulators). Throws GraphError for a missing or
   * ill-shaped input.
   */
  async run(
    feeds: Readonly<Record<string, FeedData>>,
    into: Readonly<Record<string, ArrayData>> = {},
  ): Promise<Record<string, Tensor>> {
    return (await this.#run(feeds, into)).results;
  }

  /** Runs once; outputs that stay on the device are separate from the other results. */
  runKept(
    feeds: Readonly<Record<string, FeedData>>,
  ): Promise<{ results: Record<string, Tensor>; kept: Record<string, DeviceTensor> }> {
    return this.#run(feeds, {});
  }

  async #run(
    feeds: Readonly<Record<string, FeedData>>,
    into: Readonly<Record<string, ArrayData>>,
  ): Promise<{ results: Record<string, Tensor>; kept: Record<string, DeviceTensor> }> {
    const inputs: Record<string, ort.Tensor> = {};
    for (const { name, dtype, shape } of this.#program.inputs) {
      const data = feeds[name];
      if (!data) throw new GraphError(`input ${name} is missing`);
      if (data instanceof DeviceTensor) {
        inputs[name] = data.tensor;
        continue;
      }
      if (data.length !== elements(shape))
        throw new GraphError(`input ${name} has ${data.length} elements, not the ${elements(shape)} of [${shape}]`);
      inputs[name] = new ort.Tensor(dtype as 'float32', data as Float32Array, shape);
    }
    const fetches: Record<string, ort.Tensor | null> = {};
    for (const { name, value } of this.#program.outputs) {
      fetches[name] = into[name]
        ? new ort.Tensor(value.dtype as 'float32', into[name] as Float32Array, value.shape)
        : null;
    }
    const results = await this.#session.run(inputs, fetches);
    const keep = this.#keep;
    const stays = (name: string) => keep !== null && name.startsWith(keep);
    const names = this.#program.outputs.map(({ name }) => name);
    return {
      results: Object.fromEntries(
        names
          .filter((name) => !stays(name))
          .map((name) => [name, { data: results[name].data as ArrayData, shape: results[name].dims }]),
      ),
      kept: Object.fromEntries(
        names.filter(stays).map((name) => [name.slice(keep!.length), new DeviceTensor(results[name] as ort.Tensor)]),
      ),
    };
  }

  async close(): Promise<void> {
    if (this.#profiled) this.#session.endProfiling();
    await this.#session.release();
  }
}
