/** Trained parameters and sums of gradients that stay on a device between runs. */
import { GraphBuilder } from '../../graph/builder.ts';
import type { ComputeDevice } from '../../graph/compute-device.ts';
import { add } from '../../graph/ops/elementwise.ts';
import { type DeviceTensor, Session } from '../../graph/session.ts';
import { elements } from '../../graph/tensor.ts';
import type { TrainedParameter } from '../vlm/parameters.ts';

/** Arrays by the name of their parameter, in its shape. */
export type Resident = Readonly<Record<string, DeviceTensor>>;

export class ResidentArrays {
  readonly #trained: readonly TrainedParameter[];
  readonly #device: ComputeDevice;
  #up: Promise<Session> | null = null;
  #down: Promise<Session> | null = null;
  #adding: Promise<Session> | null = null;

  constructor(trained: readonly TrainedParameter[], device: ComputeDevice) {
    this.#trained = trained;
    this.#device = device;
  }

  /** Copies a flat vector there, in the order of the trained parameters. */
  async upload(flat: Float32Array): Promise<Resident> {
    const session = await (this.#up ??= this.#copying(true));
    const { kept } = await session.runKept(this.#views(flat));
    return kept;
  }

  /** Copies arrays back into one flat vector and frees them there; zeros for names without an array. */
  async download(arrays: Resident): Promise<Float32Array> {
    const flat = new Float32Array(this.#trained.reduce((sum, { shape }) => sum + elements(shape), 0));
    const missing = this.#trained.filter(({ name }) => arrays[name] === undefined);
    const zeros = Object.fromEntries(missing.map(({ name, shape }) => [name, new Float32Array(elements(shape))]));
    const session = await (this.#down ??= this.#copying(false));
    await session.run({ ...zeros, ...arrays }, this.#outputs(this.#views(flat)));
    free(arrays);
    return flat;
  }

  /** The sum of two of the same names; frees both. */
  async add(one: Resident, other: Resident): Promise<Resident> {
    const session = await (this.#adding ??= this.#sums(Object.keys(one)));
    const { kept } = await session.runKept({ ...one, ...renamed(other, (name) => `other ${name}`) });
    free(one);
    free(other);
    return kept;
  }

  async close(): Promise<void> {
    for (const session of [this.#up, this.#down, this.#adding]) await (await session)?.close();
  }

  #copying(stays: boolean): Promise<Session> {
    const g = new GraphBuilder();
    for (const { name, shape } of this.#trained) g.output(OUT + name, g.input(name, 'float32', shape));
    return Session.load(g.finish(), { device: this.#device, keep: stays ? OUT : null });
  }

  #sums(names: readonly string[]): Promise<Session> {
    const g = new GraphBuilder();
    for (const { name, shape } of this.#trained.filter((parameter) => names.includes(parameter.name)))
      g.output(OUT + name, add(g, g.input(name, 'float32', shape), g.input(`other ${name}`, 'float32', shape)));
    return Session.load(g.finish(), { device: this.#device, keep: OUT });
  }

  #views(flat: Float32Array): Record<string, Float32Array> {
    let offset = 0;
    return Object.fromEntries(
      this.#trained.map(({ name, shape }) => [name, flat.subarray(offset, (offset += elements(shape)))]),
    );
  }

  #outputs(views: Record<string, Float32Array>): Record<string, Float32Array> {
    return renamed(views, (name) => OUT + name);
  }
}

const OUT = 'kept:';

export function free(arrays: Resident): void {
  for (const array of Object.values(arrays)) array.close();
}

function renamed<T>(record: Readonly<Record<string, T>>, rename: (name: string) => string): Record<string, T> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [rename(name), value]));
}
