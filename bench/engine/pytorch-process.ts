/**
 * bench/engine-pytorch.py as a process that does one run at a time, so that its runs alternate with the engine's.
 */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openCheckpoint } from '../../core/policy/checkpoint/open-checkpoint.ts';
import { AnsweringProcess } from './answering-process.ts';
import { COMPARISON_ENVIRONMENT } from './comparison-environment.ts';
import { CASES, type ModelName } from './cases.ts';
import { passProducts } from './engine-run.ts';
import type { Seconds } from './stopwatch.ts';

export class PytorchProcess {
  readonly #process: AnsweringProcess;

  /** `models`: checkpoint folders, of which only config.json is read. */
  constructor(python: string, models: Record<ModelName, string>, threads = 1) {
    const cases = Object.fromEntries(
      Object.entries(CASES).map(([name, asked]) => [
        name,
        asked.kind === 'pass products'
          ? { ...asked, products: passProducts(asked, openCheckpoint(models[asked.model])) }
          : asked,
      ]),
    );
    const specification = path.join(mkdtempSync(path.join(tmpdir(), 'gtr-bench-')), 'specification.json');
    writeFileSync(specification, JSON.stringify({ models, threads, cases }));
    const script = path.join(import.meta.dirname, '..', 'engine-pytorch.py');
    this.#process = new AnsweringProcess(python, script, [specification], {
      ...COMPARISON_ENVIRONMENT,
      OMP_NUM_THREADS: String(threads),
      MKL_NUM_THREADS: String(threads),
    });
  }

  /** The version of torch; throws its last output if Python or a package is missing. */
  async version(): Promise<string> {
    return ((await this.#process.answer()) as { torch: string }).torch;
  }

  /** `peak`: bytes of the process's largest resident set so far. */
  async run(name: string, variant: string): Promise<Seconds & { peak: number }> {
    return (await this.#process.ask(`${name}\t${variant}`)) as Seconds & { peak: number };
  }

  close(): Promise<void> {
    return this.#process.close();
  }
}
