/**
 * The process of one lane on a GPU, which contains a driver's crashes and leaks. With WebGPU, two lanes as threads of
 * one process crash it.
 */
import { Lane, type LaneResult, type LaneSetup } from './lane.ts';
import {
  answerRequest,
  type LaneReply,
  type LaneRequest,
  type ProcessRequest,
  type ProcessResult,
} from './lane-requests.ts';
import { SharedArray } from './shared-array.ts';

let lane: Lane | null = null;
/** The file descriptors after the channel, as in the parent's `stdio`. */
const [parameters, gradient] = [new SharedArray(4), new SharedArray(5)];
/** The newest parameters; the array is reused. */
let last = new Float32Array(0);
/** One request at a time: the inputs of a run must not be freed meanwhile. */
let done: Promise<void> = Promise.resolve();

process.on('message', (message: { setup: LaneSetup } | ProcessRequest) => {
  if ('setup' in message) {
    lane = new Lane(message.setup);
    return;
  }
  done = done.then(async () => {
    const request = 'parametersWritten' in message ? readParameters(message) : message;
    const { reply, result } = await answerRequest(lane!, request);
    process.send!(result?.gradient ? writeGradient(reply.id, result) : reply, undefined, {}, () => {
      if ('close' in message) process.exit();
    });
  });
});
// Its parent ends it; a signal to all processes of a terminal must not end it first.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});
process.on('disconnect', () => process.exit());

function readParameters({ id, parametersWritten }: { id: number; parametersWritten: number }): LaneRequest {
  if (last.length !== parametersWritten) last = new Float32Array(parametersWritten);
  return { id, parameters: parameters.read(last) };
}

function writeGradient(id: number, result: LaneResult): LaneReply {
  gradient.write(result.gradient!);
  return { id, result: { ...result, gradient: null, gradientWritten: true } satisfies ProcessResult };
}
