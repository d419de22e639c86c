/** Samples of operators as arrays that a session takes. */
import type { Sample } from '../../core/graph/program.ts';
import type { ArrayData } from '../../core/graph/session.ts';

export function toArray(data: Sample['inputs'][number]['data']): ArrayData {
  return typeof data[0] === 'bigint'
    ? BigInt64Array.from(data as bigint[])
    : typeof data[0] === 'boolean'
      ? Uint8Array.from(data as boolean[], Number)
      : Float32Array.from(data as number[]);
}

export function dtypeOf(data: ArrayData): 'float32' | 'int64' | 'bool' {
  return data instanceof Float32Array ? 'float32' : data instanceof BigInt64Array ? 'int64' : 'bool';
}
