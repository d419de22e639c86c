/**
 * Worker thread that owns a simulator's process, so that another thread can wait for its answers without an event loop.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { type MessagePort, workerData } from 'node:worker_threads';

/** `arrivals` counts what was posted to `port`, for a thread that waits on it. */
export type PipeSetup = { command: readonly string[]; port: MessagePort; arrivals: Int32Array };

/** A line that the process wrote, or how it ended, with its last lines on stderr. */
export type PipeMessage = { line: string } | { ended: string };

/** Characters of stderr that are kept for the error's sentence. */
const STDERR_TAIL = 600;

const {
  command: [file, ...args],
  port,
  arrivals,
} = workerData as PipeSetup;
const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'] });
let stderr = '';
let hasEnded = false;

child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-STDERR_TAIL)));
createInterface({ input: child.stdout }).on('line', (line) => post({ line }));
child.on('error', (error) => end(error.message));
child.on('close', (code, signal) =>
  end(
    'it ended ' +
      `${signal === null ? `with code ${code}` : `by ${signal}`}${stderr.trim() === '' ? '' : `, saying: ${stderr.trim().split('\n').at(-1)}`}`,
  ),
);
// A write to a process that has just died fails here; its end reports that it died.
child.stdin.on('error', () => {});
port.on('message', (line: string) => child.stdin.write(`${line}\n`));
port.on('close', () => child.kill('SIGKILL'));

function end(how: string): void {
  if (hasEnded) return;
  hasEnded = true;
  post({ ended: how });
}

function post(message: PipeMessage): void {
  port.postMessage(message);
  Atomics.add(arrivals, 0, 1);
  Atomics.notify(arrivals, 0);
}
