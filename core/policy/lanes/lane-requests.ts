/** Requests to a lane and its replies, whether it is a thread or a process. */
import type { Lane, LaneJob, LaneResult } from './lane.ts';

export type LaneRequest = { id: number } & ({ parameters: Float32Array } | { job: LaneJob } | { close: true });
/** The same for a process: parameters (their number) and a gradient are in shared arrays. */
export type ProcessRequest = { id: number } & ({ parametersWritten: number } | { job: LaneJob } | { close: true });
export type ProcessResult = LaneResult & { gradientWritten?: true };
export type LaneReply = { id: number; result?: unknown; error?: string };

/** Handles a request: the reply, and the result of a job. */
export async function answerRequest(
  lane: Lane,
  request: LaneRequest,
): Promise<{ reply: LaneReply; result: LaneResult | null }> {
  const { id } = request;
  try {
    if ('job' in request) {
      const result = await lane.run(request.job);
      return { reply: { id, result }, result };
    }
    if ('parameters' in request) await lane.setParameters(request.parameters);
    else await lane.close();
    return { reply: { id }, result: null };
  } catch (error) {
    return { reply: { id, error: (error as Error).message }, result: null };
  }
}
