/**
 * bench/engine-pytorch.py as a process that is asked for one run at a time, so that its runs stand between the
 * engine's.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { openCheckpoint } from '../../core/policy/checkpoint/open-checkpoint.ts';
import { COMPARISON_ENVIRONMENT } from './comparison-environment.ts';
import { CASES, type ModelName } from './cases.ts';
import { passProducts } from './engine-run.ts';
import type { Seconds } from './stopwatch.ts';

export class PytorchProcess {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  readonly #interface: Interface;
  #errors = '';

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
    this.#child = spawn(python, [path.join(import.meta.dirname, '..', 'engine-pytorch.py'), specification], {
      env: { ...COMPARISON_ENVIRONMENT, OMP_NUM_THREADS: String(threads), MKL_NUM_THREADS: String(threads) },
    });
    this.#child.stderr.on('data', (data) => (this.#errors = (this.#errors + String(data)).slice(-4000)));
    this.#interface = createInterface(this.#child.stdout);
    this.#lines = this.#interface[Symbol.asyncIterator]();
  }

  /** The version of torch; throws with its last words where Python or a package is missing. */
  async version(): Promise<string> {
    return ((await this.#answer()) as { torch: string }).torch;
  }

  /** `peak`: bytes of the process's largest resident set so far. */
  async run(name: string, variant: string): Promise<Seconds & { peak: number }> {
    this.#child.stdin.write(`${name}\t${variant}\n`);
    return (await this.#answer()) as Seconds & { peak: number };
  }

  async close(): Promise<void> {
    this.#child.stdin.end();
    if (this.#child.exitCode === null) await once(this.#child, 'exit');
  }

  async #answer(): Promise<unknown> {
    const { value, done } = await this.#lines.next();
    if (done === true)
      throw new Error(`bench/engine-pytorch.py ended: ${this.#errors.trim().split('\n').slice(-3).join(' ')}`);
    return JSON.parse(value);
  }
}
