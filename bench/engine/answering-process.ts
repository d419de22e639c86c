/** A process that answers each line on its input by one line of JSON, so that its runs stand between the engine's. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';

export class AnsweringProcess {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  readonly #script: string;
  #errors = '';

  constructor(python: string, script: string, args: readonly string[], environment: NodeJS.ProcessEnv) {
    this.#script = path.basename(script);
    this.#child = spawn(python, [script, ...args], { env: environment });
    this.#child.stderr.on('data', (data) => (this.#errors = (this.#errors + String(data)).slice(-4000)));
    this.#lines = createInterface(this.#child.stdout)[Symbol.asyncIterator]();
  }

  ask(line: string): Promise<unknown> {
    this.#child.stdin.write(`${line}\n`);
    return this.answer();
  }

  /** The next line; throws with the process's last words where it has ended. */
  async answer(): Promise<unknown> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error(`${this.#script} ended: ${this.#errors.trim().split('\n').slice(-3).join(' ')}`);
    return JSON.parse(value);
  }

  async close(): Promise<void> {
    this.#child.stdin.end();
    if (this.#child.exitCode === null) await once(this.#child, 'exit');
  }
}
