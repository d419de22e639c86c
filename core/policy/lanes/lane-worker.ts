/** The thread of one lane: onnxruntime blocks its thread, so that the process's own stays free for heartbeats. */
import { parentPort, workerData } from 'node:worker_threads';
import { Lane, type LaneJob, type LaneResult, type LaneSetup } from './lane.ts';

export type LaneRequest = { id: number } & ({ parameters: Float32Array } | { job: LaneJob } | { close: true });
/** The result of a job, and its feed that is worth keeping. */
export type LaneAnswer = LaneResult & { pixels: Float32Array };
export type LaneReply = { id: number; result?: unknown; error?: string };

const lane = new Lane(workerData as LaneSetup);

parentPort!.on('message', async (request: LaneRequest) => {
  const reply = (message: Omit<LaneReply, 'id'>, transfer: ArrayBuffer[] = []) =>
    parentPort!.postMessage({ id: request.id, ...message }, transfer);
  try {
    if ('parameters' in request) {
      lane.setParameters(request.parameters);
      reply({});
    } else if ('job' in request) {
      const result = await lane.run(request.job);
      // What it was given goes back, to be written over.
      const { pixels } = request.job.feeds;
      const moved = [pixels, ...(result.gradient === null ? [] : [result.gradient])];
      reply(
        { result: { ...result, pixels } satisfies LaneAnswer },
        moved.map(({ buffer }) => buffer as ArrayBuffer),
      );
    } else {
      await lane.close();
      reply({});
      parentPort!.close();
    }
  } catch (error) {
    reply({ error: (error as Error).message });
  }
});
