/**
 * An evaluation that several GPU workers share (docs/scaling.md): each plays a share of the episodes, and one activity
 * joins them to a result, which does not depend on which worker played what.
 */
import { getJson, putJson } from '../core/artifacts/codecs.ts';
import type { ArtifactRef } from '../core/artifacts/store.ts';
import { plays } from '../configs/evaluation-plays.ts';
import { mostEpisodeSteps } from '../configs/mixture.ts';
import type { RunConfig } from '../configs/schema.ts';
import { checkEvaluatedGames } from '../core/envs/check-games.ts';
import type { Episode } from '../core/episodes/episode.ts';
import type { RolloutProgress } from '../core/policy/rollout.ts';
import type { EvaluatePolicyResult } from '../core/records/evaluation.ts';
import { type ActivityDependencies, activity, type Heartbeat } from './activity.ts';
import { type AgentCache, usePolicy } from './agent-cache.ts';
import { collect, type EvaluatePolicyInput, partOf, playPart, recordEvaluation } from './evaluate-policy.ts';
import { RolloutPace, roundOf } from './pace.ts';
import { releaseWork, ResumePoints, resultOwner } from './resume-points.ts';

/** Share `share` of `shares` of the episodes of `part`, an index into `plays`. `apart`: outside any run. */
export type PlayShareInput = Pick<EvaluatePolicyInput, 'config' | 'policy' | 'label'> & {
  part: number;
  share: number;
  shares: number;
  apart?: boolean;
};

/** `parts`: for each of `plays`, the episodes of its shares in order. */
export type CollectEvaluationInput = Omit<EvaluatePolicyInput, 'policy'> & { parts: ArtifactRef[][] };

export function createEvaluationShareActivities({ store }: ActivityDependencies, agents: AgentCache) {
  return {
    playEvaluationShare: activity(
      async (
        { config, policy, label, part, share, shares, apart }: PlayShareInput,
        beat: Heartbeat<ArtifactRef>,
      ): Promise<ArtifactRef> => {
        if (apart) await checkEvaluatedGames(config); // a run checks its games before it begins
        const agent = await agents.get(config);
        await usePolicy(store, agent, policy);
        const name = `evaluation ${label} ${part} ${share}`;
        const points = new ResumePoints(beat, store, name, config.durability);
        const pace = new RolloutPace(mostEpisodeSteps(config));
        const all = plays(config);
        const partText = all.length > 1 ? `, part ${part + 1} of ${all.length}` : '';
        const episodes = await playPart(config, agent, all[part], rangeOf(config, share, shares), {
          resume: await beat.resume((point) => getJson<RolloutProgress>(store, point)),
          onRound: async (reached) => {
            const doing = `evaluation (${label})${partText}, share ${share + 1} of ${shares}: ${roundOf(reached)}`;
            beat.tell({ doing, ...pace.of(reached) });
            if (beat.interrupted || points.due())
              await points.reach((owner) => putJson(store, 'evaluation-progress', reached, owner));
            beat.throwIfInterrupted();
          },
        });
        return await putJson(store, 'episodes', episodes, resultOwner(name));
      },
    ),
  };
}

export type EvaluationShareActivities = ReturnType<typeof createEvaluationShareActivities>;

export function createEvaluationCollectActivities(dependencies: ActivityDependencies) {
  const { store } = dependencies;
  return {
    collectEvaluation: activity(
      async ({ config, parts, ...place }: CollectEvaluationInput): Promise<EvaluatePolicyResult> => {
        const played = await Promise.all(
          parts.map(async (shares) => (await Promise.all(shares.map((ref) => getJson<Episode[]>(store, ref)))).flat()),
        );
        const result = collect(
          config,
          plays(config).map((play, index) => partOf(config, play, played[index])),
        );
        await recordEvaluation(dependencies, place, result);
        await releaseWork(store, ({ name }) => name.startsWith('evaluation '));
        return result;
      },
    ),
  };
}

export type EvaluationCollectActivities = ReturnType<typeof createEvaluationCollectActivities>;

/** Number of episodes of a share: all the same, or one more. */
function rangeOf({ evaluation }: RunConfig, share: number, shares: number): { from: number; to: number } {
  const edge = (index: number) => Math.floor((evaluation.episodes * index) / shares);
  return { from: edge(share), to: edge(share + 1) };
}
