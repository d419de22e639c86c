/** Judges the thoughts of one rollout wave while the next waves are sampled. */
import { proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { CorrectEpisodesInput, CorrectEpisodesResult, CorrectionActivities } from '../activities/correct-episodes-locally.ts';
import { activityOptions } from './queues.ts';

/** `runId`: workflow id of the run, which keeps the budget. */
export type CorrectWaveInput = CorrectEpisodesInput & { runId: string; paused: boolean };

/** The exact solver is free and instant, so the whole wave is one activity. */
export async function correctWave({ config, wave, iteration }: CorrectWaveInput): Promise<CorrectEpisodesResult> {
  const { correctEpisodesLocally } = proxyActivities<CorrectionActivities>({
    ...activityOptions('corrector', workflowInfo(), config.durability.heartbeatSeconds),
    summary: `judge wave ${wave.wave}`,
  });
  return await correctEpisodesLocally({ config, iteration, wave });
}
