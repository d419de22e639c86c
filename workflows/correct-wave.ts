/** Judges the thoughts of one rollout wave while the rest of it and the next waves are sampled. */
import { proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { CorrectEpisodesInput, CorrectEpisodesResult, CorrectionActivities } from '../activities/correct-episodes-locally.ts';
import { hasPaidTeacher } from '../configs/schema.ts';
import { type CarriedWave, judgePaidWave } from './paid-wave.ts';
import { activityOptions } from './queues.ts';

/**
 * `runId`: workflow id of the run, which keeps the budget. `wave`: as far as it was sampled when judging began. `needed`: kept steps for which a paid teacher
 * is asked. `carried`: of a wave that goes on as a new execution.
 */
export type CorrectWaveInput = CorrectEpisodesInput & { runId: string; needed: number; paused: boolean; carried?: CarriedWave };

/** `further`: what it takes to judge the wave further, where not all of it was needed. */
export type CorrectWaveResult = CorrectEpisodesResult & { further?: CarriedWave };

/** The exact solver is free and instant, so the whole wave is one activity; other teachers are asked thought by thought. */
export async function correctWave(input: CorrectWaveInput): Promise<CorrectWaveResult> {
  const { config, wave, iteration } = input;
  if (hasPaidTeacher(config)) return await judgePaidWave(input);
  const { correctEpisodesLocally } = proxyActivities<CorrectionActivities>({
    ...activityOptions('corrector', workflowInfo(), config.durability.heartbeatSeconds),
    summary: `judge wave ${wave.wave}`,
  });
  return await correctEpisodesLocally({ config, iteration, wave });
}
