/** Checkpoint folders for tests: made of the recorded one, with files put in its place or taken away. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { decodeSafetensors } from '../../../core/graph/safetensors.ts';

/** llava-reference's llama-gqa-bf16 (make.py there). */
export const RECORDED = path.resolve(import.meta.dirname, '../../golden/llava/llama-gqa-bf16');

/** A temporary folder with these files: bytes, text, an object as JSON, or `true` for the recorded checkpoint's. */
export function checkpointFolder(
  t: { teardown(fn: () => void): void },
  files: Readonly<Record<string, Uint8Array | string | object | true>>,
): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'gtr-checkpoint-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(folder, name);
    if (content === true) copyFileSync(path.join(RECORDED, name), file);
    else
      writeFileSync(
        file,
        content instanceof Uint8Array || typeof content === 'string' ? content : JSON.stringify(content),
      );
  }
  return folder;
}

/** A JSON file of the recorded checkpoint. */
export function recordedJson(name: string): Record<string, unknown> {
  return JSON.parse(readFileSync(path.join(RECORDED, name), 'utf8')) as Record<string, unknown>;
}

export type Tensor = { name: string; shape: readonly number[]; data: Float32Array };

/** The tensors of a file of the recorded checkpoint. */
export function recordedTensors(file: string): Tensor[] {
  return [...decodeSafetensors(readFileSync(path.join(RECORDED, file)), file)].map(([name, tensor]) => ({
    name,
    ...tensor,
  }));
}

/** A tensor of zeros. */
export function zeros(name: string, shape: number[]): Tensor {
  return { name, shape, data: new Float32Array(shape.reduce((product, length) => product * length, 1)) };
}
