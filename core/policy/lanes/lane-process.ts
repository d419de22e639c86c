/**
 * The process of one lane on a GPU, which contains a driver's crashes and leaks. With WebGPU, two lanes as threads of
 * one process crash it.
 */
import { Lane, type LaneSetup } from './lane.ts';
import { answerRequest, type LaneRequest } from './lane-requests.ts';

let lane: Lane | null = null;
/** One request at a time: the inputs of a run must not be freed meanwhile. */
let done: Promise<void> = Promise.resolve();

process.on('message', (message: { setup: LaneSetup } | LaneRequest) => {
  if ('setup' in message) {
    lane = new Lane(message.setup);
    return;
  }
  done = done.then(async () => {
    const { reply } = await answerRequest(lane!, message);
    process.send!(reply, undefined, {}, () => {
      if ('close' in message) process.exit();
    });
  });
});
// Its parent ends it; a signal to all processes of a terminal must not end it first.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});
process.on('disconnect', () => process.exit());
