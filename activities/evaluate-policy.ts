/** Plays fixed evaluation deals without cut or learning. */
import { getJson, putJson } from '../artifacts/codecs.ts';
import type { ArtifactRef } from '../artifacts/store.ts';
import type { RunConfig } from '../configs/schema.ts';
import type { Game } from '../envs/env.ts';
import { gameByName } from '../envs/registry.ts';
import { wilsonInterval } from '../learner/intervals.ts';
import type { Episode } from '../learner/trajectory.ts';
import { playEpisodes, type RolloutProgress } from '../policy/rollout.ts';
import { type ActivityDependencies, activity, ResumeClock, withHeartbeat } from './activity.ts';
import type { AgentCache } from './agent-cache.ts';
import { getPolicy } from './policy-state.ts';
import { rolloutSettings } from './roll-out-wave.ts';
import { putEvaluationRecord, runFolder, writeEvaluation } from './run-records.ts';

export type EvaluatePolicyInput = { config: RunConfig; policy: ArtifactRef; runId: string; label: string };

/** A success rate with its 95 % Wilson interval. */
export type SuccessRate = { success: number; low: number; high: number; episodes: number };
/** Success over a set of deals; `groups`: the same by what the game breaks it down by; `progress`: mean share of the goal reached, where the game measures it. */
export type EvaluationPart = SuccessRate & { reward: number; legalRate: number; wellFormedRate: number; progress: number | null; groups: Record<string, SuccessRate> };
export type EvaluatePolicyResult = EvaluationPart & { heldOut: EvaluationPart | null };

type Progress = { deals: RolloutProgress; finished: EvaluationPart[] };

export function createEvaluationActivities({ store, home }: ActivityDependencies, agents: AgentCache) {
  return {
    evaluatePolicy: activity(async ({ config, policy, runId, label }: EvaluatePolicyInput): Promise<EvaluatePolicyResult> =>
      withHeartbeat<ArtifactRef, EvaluatePolicyResult>(async (beat) => {
        const { evaluation, environment } = config;
        const agent = await agents.get(config);
        await agent.setPolicy(await getPolicy(store, agent.engine, policy), policy.sha256);
        const game = gameByName(environment.name);
        const clock = new ResumeClock(config.durability.resumePointSeconds);
        const resume = beat.resumePoint && (await getJson<Progress>(store, beat.resumePoint));
        const settings = { ...rolloutSettings(config), episodes: evaluation.episodes, leaveAfterFailure: false, ...(evaluation.greedy ? { temperature: 0 } : {}) };
        const parts: EvaluationPart[] = resume?.finished ?? [];
        const dealSets = [evaluation.options, ...(evaluation.heldOut === null ? [] : [evaluation.heldOut])];
        for (const [index, options] of dealSets.entries()) {
          if (index < parts.length) continue;
          const episodes = await playEpisodes(agent, game, game.parseOptions({ ...environment.options, ...options }), { seed: evaluation.seed, iteration: 0, firstEpisode: 0 }, settings, {
            resume: resume && index === resume.finished.length ? resume.deals : undefined,
            onRound: async (deals) => {
              if (beat.interrupted || clock.due()) beat.reached(await putJson(store, 'evaluation-progress', { deals, finished: parts } satisfies Progress));
              beat.leaveIfInterrupted();
            },
          });
          parts.push(summary(game, episodes));
        }
        const result = { ...parts[0], heldOut: parts[1] ?? null };
        await putEvaluationRecord(store, runId, label, result);
        await writeEvaluation(runFolder(home, runId), label, result);
        return result;
      }),
    ),
  };
}

export type EvaluationActivities = ReturnType<typeof createEvaluationActivities>;

function summary(game: Game<unknown>, episodes: readonly Episode[]): EvaluationPart {
  const rewards = episodes.map(({ steps }) => steps.reduce((sum, { reward }) => sum + reward, 0));
  const outcomes = episodes.map(({ states }, index) => game.outcome(states.at(-1)!, rewards[index]));
  const rate = (members: typeof outcomes): SuccessRate => {
    const successes = members.filter(({ success }) => success).length;
    return { success: successes / members.length, ...wilsonInterval(successes, members.length), episodes: members.length };
  };
  const groups = Object.groupBy(outcomes.filter(({ group }) => group !== null), ({ group }) => group!);
  const progress = outcomes.flatMap(({ progress }) => progress ?? []);
  const steps = episodes.flatMap((episode) => episode.steps);
  const share = (count: number) => count / steps.length;
  return {
    ...rate(outcomes),
    groups: Object.fromEntries(Object.entries(groups).map(([group, members]) => [group, rate(members!)])),
    progress: progress.length === 0 ? null : progress.reduce((sum, share) => sum + share, 0) / progress.length,
    reward: rewards.reduce((sum, reward) => sum + reward, 0) / episodes.length,
    legalRate: share(steps.filter(({ legal }) => legal).length),
    wellFormedRate: share(steps.filter(({ thought }) => thought !== null).length),
  };
}
