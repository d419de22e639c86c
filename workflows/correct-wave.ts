/** Judges the thoughts of one rollout wave while the next waves are sampled. */
import { proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { CorrectEpisodesInput, CorrectEpisodesResult, CorrectionActivities } from '../activities/correct-episodes-locally.ts';
import { type CarriedWave, judgePaidWave } from './paid-wave.ts';
import { activityOptions } from './queues.ts';

/** `runId`: workflow id of the run, which keeps the budget. `carried`: of a wave that goes on as a new execution. */
export type CorrectWaveInput = CorrectEpisodesInput & { runId: string; paused: boolean; carried?: CarriedWave };

/** The exact solver is free and instant, so the whole wave is one activity; other teachers are asked thought by thought. */
export async function correctWave(input: CorrectWaveInput): Promise<CorrectEpisodesResult> {
  const { config, wave, iteration } = input;
  if (config.algorithm !== 'ppo' && config.corrector.teacher !== 'solver') return await judgePaidWave(input);
  const { correctEpisodesLocally } = proxyActivities<CorrectionActivities>({
    ...activityOptions('corrector', workflowInfo(), config.durability.heartbeatSeconds),
    summary: `judge wave ${wave.wave}`,
  });
  return await correctEpisodesLocally({ config, iteration, wave });
}
