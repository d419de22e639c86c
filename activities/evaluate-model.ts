/** Plays the evaluation deals with an external model, on the corrector's account. */
import { setTimeout as sleep } from 'node:timers/promises';
import { cancellationSignal } from '@temporalio/activity';
import { ownConfigs } from '../configs/mixture.ts';
import type { RunConfig } from '../configs/schema.ts';
import type { ModelReply } from '../core/corrector/ask-model.ts';
import { ModelPlayer } from '../core/corrector/model-player.ts';
import { TeacherError } from '../core/corrector/teacher.ts';
import type { CorrectorCounts } from '../core/episodes/corrector-counts.ts';
import { checkEvaluatedGames } from '../core/envs/check-games.ts';
import { loadPromptTemplate } from '../core/policy/prompt-template.ts';
import type { EvaluatePolicyResult } from '../core/records/evaluation.ts';
import { putEvaluationRecord, runFolder, writeEvaluation } from '../core/records/run-records.ts';
import { type ActivityDependencies, activity } from './activity.ts';
import { backoffSeconds, teacherFailure } from './correct-thought.ts';
import { CoolingDown, type CorrectorAccount } from './corrector-account.ts';
import { playDeals } from './evaluate-policy.ts';

export type EvaluateModelInput = { config: RunConfig; model: string; runId: string; label: string };
export type EvaluateModelResult = EvaluatePolicyResult & { cost: CorrectorCounts };

/** Tries of one request before the activity is retried; answers that were paid for are in the ledger by then. */
const TRIES = 8;

export function createModelEvaluationActivities({ store, home }: ActivityDependencies, account: CorrectorAccount) {
  return {
    evaluateModel: activity(
      async ({ config, model, runId, label }: EvaluateModelInput): Promise<EvaluateModelResult> => {
        await checkEvaluatedGames(config);
        const { corrector } = config;
        const signal = cancellationSignal();
        const player = new ModelPlayer(
          { ...corrector.openai, model },
          ownConfigs(config).map((own) => loadPromptTemplate(own.model.prompt, own.environment.name)),
          {
            ledger: account.ledger,
            payer: runId,
            budgetUsd: corrector.budgetUsd,
            history: config.prompt.history,
            within: (tokens, ask) =>
              patiently(() => account.within(tokens, signal, (answered) => told(ask, answered)), signal),
          },
        );
        try {
          const result = { ...(await playDeals(config, player)), cost: player.counts };
          await putEvaluationRecord(store, runId, label, result);
          await writeEvaluation(runFolder(home, runId), label, result);
          return result;
        } catch (error) {
          throw teacherFailure(error);
        }
      },
    ),
  };
}

export type ModelEvaluationActivities = ReturnType<typeof createModelEvaluationActivities>;

type Told = Parameters<Parameters<CorrectorAccount['within']>[2]>[0];

async function told(ask: () => Promise<ModelReply>, answered: Told): Promise<ModelReply> {
  const reply = await ask();
  if (reply.answer !== 'contentFilter') answered({ usage: reply.answer.usage, rateLimit: reply.rateLimit });
  return reply;
}

/** Waits through transient errors. */
async function patiently(ask: () => Promise<ModelReply>, signal: AbortSignal): Promise<ModelReply> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask();
    } catch (error) {
      const passes = error instanceof CoolingDown || (error instanceof TeacherError && error.passes);
      if (!passes || attempt === TRIES) throw error;
      const seconds = error instanceof CoolingDown ? error.seconds : error.retryAfterSeconds;
      await sleep((seconds ?? backoffSeconds(attempt)) * 1000, undefined, { signal });
    }
  }
}
