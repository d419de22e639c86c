/**
 * The process of one lane on a GPU: what a driver crashes or leaks, it crashes and leaks here. Two lanes as threads of
 * one process end it with WebGPU.
 */
import { Lane, type LaneSetup } from './lane.ts';
import { answerRequest, type LaneRequest } from './lane-requests.ts';

let lane: Lane | null = null;
/** One after the other: what a run reads must not be freed meanwhile. */
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
// Its parent ends it; a signal to all processes of a terminal must not do so first.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});
process.on('disconnect', () => process.exit());
