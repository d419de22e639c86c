/** The thread of one lane: onnxruntime blocks its thread, so that the process's own stays free for heartbeats. */
import { parentPort, workerData } from 'node:worker_threads';
import { Lane, type LaneSetup } from './lane.ts';
import { answerRequest, type LaneRequest } from './lane-requests.ts';

const lane = new Lane(workerData as LaneSetup);

parentPort!.on('message', async (request: LaneRequest) => {
  const { reply, result } = await answerRequest(lane, request);
  // The given arrays go back for reuse.
  const pixels = 'job' in request && result !== null ? [request.job.feeds.pixels] : [];
  const moved = [...pixels, ...(result?.gradient ? [result.gradient] : [])];
  parentPort!.postMessage(
    result === null ? reply : { ...reply, result: { ...result, pixels: pixels[0] } },
    moved.map(({ buffer }) => buffer as ArrayBuffer),
  );
  if ('close' in request) parentPort!.close();
});
