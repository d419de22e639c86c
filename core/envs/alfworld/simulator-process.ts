/** A simulator in its own process, called synchronously, because environments are synchronous. */
import path from 'node:path';
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import type { PipeMessage, PipeSetup } from './simulator-pipe.ts';

/** Simulators of ALFWorld's Python package: AI2-THOR's scenes, and its text engine, for checking. */
export const SIMULATORS = ['thor', 'textworld'] as const;
export type Simulator = (typeof SIMULATORS)[number];

/**
 * What a simulator shows after a command. `conditions`: met and total; null where it does not count them. `picture`: a
 * PNG in base64, or null.
 */
export type SimulatorReply = {
  readonly feedback: string;
  readonly commands: readonly string[];
  readonly won: boolean;
  readonly conditions: readonly [met: number, total: number] | null;
  readonly picture: string | null;
};

export type SimulatorRequest =
  | { readonly op: 'start'; readonly folder: string }
  | { readonly op: 'step'; readonly command: string };

/** The process is gone or silent; another one can be started. */
export class SimulatorLostError extends Error {
  override name = 'SimulatorLostError';
}

/** The simulator gave a reason why it cannot do what was asked, and exited. */
export class SimulatorRefusalError extends Error {
  override name = 'SimulatorRefusalError';
}

/** Unity's first start and the loading of a scene can take minutes. */
const LONGEST_WAIT_MS = 300_000;
/** Pixels per side of a picture. */
const PICTURE_SIZE = 300;

/** The command that starts the bridge: `ALFWORLD_PYTHON`, by default `python3`. */
export function simulatorCommand(simulator: Simulator): string[] {
  return [
    process.env['ALFWORLD_PYTHON'] ?? 'python3',
    path.join(import.meta.dirname, 'bridge.py'),
    simulator,
    String(PICTURE_SIZE),
  ];
}

export class SimulatorProcess {
  readonly #port: MessagePort;
  readonly #arrivals = new Int32Array(new SharedArrayBuffer(4));
  readonly #worker: Worker;

  /** Starts a process and waits until it is ready. @throws SimulatorLostError */
  constructor(command: readonly string[]) {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#worker = new Worker(new URL('./simulator-pipe.ts', import.meta.url), {
      workerData: { command, port: port2, arrivals: this.#arrivals } satisfies PipeSetup,
      transferList: [port2],
    });
    this.#worker.unref();
    this.#port.unref();
    this.#read();
  }

  /** Asks and waits for the answer. @throws SimulatorLostError, SimulatorRefusalError */
  ask(request: SimulatorRequest): SimulatorReply {
    this.#port.postMessage(JSON.stringify(request));
    const reply = this.#read() as SimulatorReply & { error?: string };
    if (reply.error !== undefined) {
      this.end();
      throw new SimulatorRefusalError(reply.error);
    }
    return reply;
  }

  /** Kills the process. */
  end(): void {
    this.#port.close();
  }

  #read(): unknown {
    const deadline = Date.now() + LONGEST_WAIT_MS;
    for (;;) {
      const arrived = Atomics.load(this.#arrivals, 0);
      const message = receiveMessageOnPort(this.#port)?.message as PipeMessage | undefined;
      if (message !== undefined) return this.#open(message);
      if (Date.now() > deadline) throw this.#lost(`it was silent for ${LONGEST_WAIT_MS / 1000} s`);
      Atomics.wait(this.#arrivals, 0, arrived, deadline - Date.now());
    }
  }

  #open(message: PipeMessage): unknown {
    if ('ended' in message) throw this.#lost(message.ended);
    try {
      return JSON.parse(message.line);
    } catch {
      throw this.#lost(`it wrote a line that is not JSON: ${message.line.slice(0, 80)}`);
    }
  }

  #lost(how: string): SimulatorLostError {
    this.end();
    return new SimulatorLostError(`The simulator's process was lost: ${how}.`);
  }
}
