/** Measures a policy's thoughts under a model: metrics that nothing trains on. */
import { getJson } from '../core/artifacts/codecs.ts';
import type { ArtifactRef } from '../core/artifacts/store.ts';
import type { RunConfig } from '../configs/schema.ts';
import { trainingGame } from '../core/envs/with-history.ts';
import type { Episode } from '../core/episodes/episode.ts';
import type { Metrics } from '../core/episodes/metrics.ts';
import { collapseMetrics } from '../core/learner/collapse-metrics.ts';
import { thoughtPerplexity } from '../core/learner/thought-perplexity.ts';
import { type ActivityDependencies, activity } from './activity.ts';
import { type AgentCache, usePolicy } from './agent-cache.ts';

/** `wave`: the episodes whose thoughts are measured; `policy`: the one that sampled them. */
export type MeasureThoughtsInput = { config: RunConfig; iteration: number; wave: ArtifactRef; policy: ArtifactRef };
export type MeasureThoughtsResult = { metrics: Metrics; seconds: number; modelSeconds: number };

export function createThoughtMeasureActivities({ store }: ActivityDependencies, agents: AgentCache) {
  return {
    measureThoughts: activity(
      async ({ config, iteration, wave, policy }: MeasureThoughtsInput): Promise<MeasureThoughtsResult> => {
        const started = performance.now();
        const agent = await agents.get(config);
        const before = agent.engine.seconds;
        const { game, options } = trainingGame(config);
        const steps = (await getJson<Episode[]>(store, wave)).flatMap((episode) =>
          episode.steps.map((step, t) => ({ step, state: episode.states[t] })),
        );
        const { thoughts: count } = config.collapse;
        let collapse: Metrics = {};
        if (count > 0) {
          await usePolicy(store, agent, policy);
          collapse = await collapseMetrics(agent, game, options, steps, { seed: config.seed, iteration, count });
        }
        await agent.setPolicy(agent.engine.initialParameters(config.seed), null);
        const perplexity = await thoughtPerplexity(agent, game, options, steps, config.seed);
        return {
          metrics: { 'thought/perplexity': perplexity, ...collapse },
          seconds: (performance.now() - started) / 1000,
          modelSeconds: agent.engine.seconds - before,
        };
      },
    ),
  };
}

export type ThoughtMeasureActivities = ReturnType<typeof createThoughtMeasureActivities>;
