/** Judges the thoughts of one rollout wave while the next wave is sampled. */
import { proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { CorrectEpisodesInput, CorrectEpisodesResult, CorrectionActivities } from '../activities/correct-episodes-locally.ts';
import { activityOptions } from './queues.ts';

/** The exact solver is free and instant, so the whole wave is one activity. */
export async function correctWave(input: CorrectEpisodesInput): Promise<CorrectEpisodesResult> {
  const { correctEpisodesLocally } = proxyActivities<CorrectionActivities>({
    ...activityOptions('corrector', workflowInfo(), input.config.durability.heartbeatSeconds),
    summary: `judge wave ${input.wave.wave}`,
  });
  return await correctEpisodesLocally(input);
}
