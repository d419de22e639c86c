/** The thread of one lane: onnxruntime blocks its thread, so that the process's own stays free for heartbeats. */
import { parentPort, workerData } from 'node:worker_threads';
import { Lane, type LaneJob, type LaneSetup } from './lane.ts';

export type LaneRequest = { id: number } & ({ parameters: Float32Array } | { job: LaneJob } | { close: true });
export type LaneReply = { id: number; result?: unknown; error?: string };

const lane = new Lane(workerData as LaneSetup);

parentPort!.on('message', async (request: LaneRequest) => {
  const reply = (message: Omit<LaneReply, 'id'>, transfer: ArrayBuffer[] = []) => parentPort!.postMessage({ id: request.id, ...message }, transfer);
  try {
    if ('parameters' in request) {
      lane.setParameters(request.parameters);
      reply({});
    } else if ('job' in request) {
      const result = await lane.run(request.job);
      reply({ result }, result.gradient === null ? [] : [result.gradient.buffer as ArrayBuffer]);
    } else {
      await lane.close();
      reply({});
      parentPort!.close();
    }
  } catch (error) {
    reply({ error: (error as Error).message });
  }
});
