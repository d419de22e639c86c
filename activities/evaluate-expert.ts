/** Plays the evaluation deals with the exact solver instead of the agent: the best possible result. */
import { evaluationDeals } from '../configs/evaluation-plays.ts';
import type { RunConfig } from '../configs/schema.ts';
import { playExpert } from '../core/corrector/play-expert.ts';
import { checkEvaluatedGames } from '../core/envs/check-games.ts';
import { byEnvironment } from '../core/envs/mixture.ts';
import { gameOf } from '../core/envs/with-history.ts';
import { loadPromptTemplate } from '../core/policy/prompt-template.ts';
import { type ActivityDependencies, activity } from './activity.ts';
import { configuredPart } from './evaluate-policy.ts';
import type { EvaluatePolicyResult } from '../core/records/evaluation.ts';
import { putEvaluationRecord, runFolder, writeEvaluation } from '../core/records/run-records.ts';

export function createExpertActivities({ store, home }: ActivityDependencies) {
  return {
    evaluateExpert: activity(
      async ({
        config,
        runId,
        label,
      }: {
        config: RunConfig;
        runId: string;
        label: string;
      }): Promise<EvaluatePolicyResult> => {
        await checkEvaluatedGames(config);
        const { seed, episodes } = config.evaluation;
        const game = gameOf({ ...config, prompt: undefined });
        const templateOf = byEnvironment(config, ({ environment, model }) =>
          loadPromptTemplate(model.prompt, environment.name),
        );
        const [all, heldOut] = evaluationDeals(config).map((deals) =>
          configuredPart(
            config,
            deals,
            playExpert(game, game.parseOptions(deals), templateOf, {
              seed,
              episodes,
              maxEpisodeSteps: config.environment.maxEpisodeSteps,
            }),
          ),
        );
        const result = { ...all, heldOut: heldOut ?? null, greedy: null };
        await putEvaluationRecord(store, runId, label, result);
        await writeEvaluation(runFolder(home, runId), label, result);
        return result;
      },
    ),
  };
}

export type ExpertActivities = ReturnType<typeof createExpertActivities>;
