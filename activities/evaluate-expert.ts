/** Plays the evaluation deals with the exact solver instead of the agent: the best possible result. */
import { evaluationDeals } from '../configs/evaluation-plays.ts';
import type { RunConfig } from '../configs/schema.ts';
import { playExpert } from '../core/corrector/play-expert.ts';
import { thoughtReader } from '../core/corrector/thought-reading.ts';
import { checkEvaluatedGames } from '../core/envs/check-games.ts';
import { gameByName } from '../core/envs/registry.ts';
import { evaluationPart } from '../core/learner/evaluation-part.ts';
import { loadPromptTemplate } from '../core/policy/prompt-template.ts';
import { type ActivityDependencies, activity } from './activity.ts';
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
        const { environment, evaluation } = config;
        const game = gameByName(environment.name);
        const template = loadPromptTemplate(config.model.prompt, environment.name);
        const [all, heldOut] = evaluationDeals(config).map((options) => {
          const parsed = game.parseOptions(options);
          const episodes = playExpert(game, parsed, template, {
            ...evaluation,
            maxEpisodeSteps: environment.maxEpisodeSteps,
          });
          return evaluationPart(game, episodes, thoughtReader(game, parsed, template.thought));
        });
        const result = { ...all, heldOut: heldOut ?? null, greedy: null };
        await putEvaluationRecord(store, runId, label, result);
        await writeEvaluation(runFolder(home, runId), label, result);
        return result;
      },
    ),
  };
}

export type ExpertActivities = ReturnType<typeof createExpertActivities>;
