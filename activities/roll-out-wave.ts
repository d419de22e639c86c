/** Samples one wave of episodes with the policy. */
import { getJson, putJson } from '../artifacts/codecs.ts';
import type { ArtifactRef } from '../artifacts/store.ts';
import type { RunConfig } from '../configs/schema.ts';
import { gameByName } from '../envs/registry.ts';
import { thoughtPerplexity } from '../learner/thought-perplexity.ts';
import type { Episode } from '../learner/trajectory.ts';
import { playEpisodes, type RolloutProgress, type RolloutSettings } from '../policy/rollout.ts';
import { type ActivityDependencies, activity, ResumeClock, withHeartbeat } from './activity.ts';
import type { AgentCache } from './agent-cache.ts';
import { countWork } from './count-work.ts';
import { getPolicy } from './policy-state.ts';

export type RolloutWaveInput = { config: RunConfig; iteration: number; wave: number; policy: ArtifactRef };
/** `perplexity`: of thoughts of an iteration's first wave under the starting checkpoint; null in the others. */
export type RolloutWaveResult = { wave: number; episodes: ArtifactRef; envSteps: number; responseTokens: number; seconds: number; modelSeconds: number; perplexity: number | null };

/** Episodes of one iteration are numbered from iteration * this. */
export const EPISODES_PER_ITERATION = 1 << 16;

/** How episodes of a run are sampled for training. */
export function rolloutSettings(config: RunConfig): RolloutSettings {
  const { episodesPerWave, maxNewTokens, temperature, repetitionPenalty, penalizePrompt } = config.rollout;
  return {
    episodes: episodesPerWave,
    maxEpisodeSteps: config.environment.maxEpisodeSteps,
    maxNewTokens,
    temperature,
    repetitionPenalty,
    penalizePrompt,
    thoughtCoef: config.ppo.thoughtCoef,
    leaveAfterFailure: config.algorithm !== 'ppo' && config.corrector.cut,
  };
}

export function createRolloutActivities({ store }: ActivityDependencies, agents: AgentCache) {
  return {
    rolloutWave: activity(async ({ config, iteration, wave, policy }: RolloutWaveInput): Promise<RolloutWaveResult> =>
      withHeartbeat<ArtifactRef, RolloutWaveResult>(async (beat) => {
        const started = performance.now();
        const agent = await agents.get(config);
        const before = agent.engine.seconds;
        await agent.setPolicy(await getPolicy(store, agent.engine, policy), policy.sha256);
        const game = gameByName(config.environment.name);
        const options = game.parseOptions(config.environment.options);
        const clock = new ResumeClock(config.durability.resumePointSeconds);
        const episodes = await playEpisodes(
          agent,
          game,
          options,
          { seed: config.seed, iteration, firstEpisode: iteration * EPISODES_PER_ITERATION + wave * config.rollout.episodesPerWave },
          rolloutSettings(config),
          {
            resume: await beat.resume((point) => getJson<RolloutProgress>(store, point)),
            onRound: async (progress) => {
              if (beat.interrupted || clock.due()) beat.reached(await putJson(store, 'rollout-progress', progress));
              beat.leaveIfInterrupted();
            },
          },
        );
        const steps = episodes.flatMap((episode: Episode) => episode.steps.map((step, t) => ({ step, state: episode.states[t] })));
        const responseTokens = steps.reduce((sum, { step }) => sum + step.responseIds.length, 0);
        countWork('gtr_env_steps', steps.length);
        countWork('gtr_response_tokens', responseTokens);
        if (wave === 0) await agent.setPolicy(agent.engine.initialParameters(config.seed), null);
        const perplexity = wave === 0 ? await thoughtPerplexity(agent, game, options, steps, config.seed) : null;
        return {
          wave,
          episodes: await putJson(store, 'episodes', episodes),
          envSteps: steps.length,
          responseTokens,
          seconds: (performance.now() - started) / 1000,
          modelSeconds: agent.engine.seconds - before,
          perplexity,
        };
      }),
    ),
  };
}

export type RolloutActivities = ReturnType<typeof createRolloutActivities>;
