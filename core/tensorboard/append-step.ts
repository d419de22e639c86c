/**
 * Appends to an event file while TensorBoard reads it: in place, because a reader keeps the file open, and safe against
 * crashes.
 */
import { open, readFile } from 'node:fs/promises';
import { writeDurably } from '../artifacts/file-store.ts';
import { eventFile, type LoggedStep, readSteps, stepRecord } from './event-file.ts';

/**
 * Appends a step. The file holds steps in ascending order; everything after the last lower step is dropped: half a
 * record from a crash, this step from an earlier try, steps from before a reset. `earlier` returns the steps below this
 * one that must exist; if one is missing, the file is rewritten from them.
 */
export async function appendStep(
  file: string,
  step: LoggedStep,
  earlier: { numbers: readonly number[]; read(): Promise<LoggedStep[]> },
): Promise<void> {
  const content = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  });
  const { start, steps } = readSteps(content);
  const kept = steps.filter(({ step: number }) => number < step.step);
  const isWhole = start > 0 && kept.map(({ step: number }) => number).join() === earlier.numbers.join();
  if (!isWhole) {
    const before = await earlier.read();
    return await writeDurably(file, eventFile((before[0] ?? step).time, [...before, step]));
  }
  await replaceTail(file, content, kept.at(-1)?.end ?? start, stepRecord(step));
}

/** Replaces what follows the first `end` bytes by `tail`, unless it is the same. */
async function replaceTail(file: string, content: Buffer, end: number, tail: Buffer): Promise<void> {
  if (content.subarray(end).equals(tail)) return;
  const handle = await open(file, 'r+');
  try {
    await handle.truncate(end);
    await handle.write(tail, 0, tail.length, end);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
