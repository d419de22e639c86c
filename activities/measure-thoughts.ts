/** What a policy's thoughts look like to a model: figures for people, which nothing trains on. */
import { getJson } from '../core/artifacts/codecs.ts';
import type { ArtifactRef } from '../core/artifacts/store.ts';
import type { RunConfig } from '../configs/schema.ts';
import { gameByName } from '../core/envs/registry.ts';
import type { Episode } from '../core/episodes/episode.ts';
import type { Metrics } from '../core/episodes/metrics.ts';
import { thoughtPerplexity } from '../core/learner/thought-perplexity.ts';
import { type ActivityDependencies, activity } from './activity.ts';
import type { AgentCache } from './agent-cache.ts';

/** `wave`: the episodes whose thoughts are measured. */
export type MeasureThoughtsInput = { config: RunConfig; wave: ArtifactRef };
export type MeasureThoughtsResult = { metrics: Metrics; seconds: number; modelSeconds: number };

export function createThoughtMeasureActivities({ store }: ActivityDependencies, agents: AgentCache) {
  return {
    measureThoughts: activity(async ({ config, wave }: MeasureThoughtsInput): Promise<MeasureThoughtsResult> => {
      const started = performance.now();
      const agent = await agents.get(config);
      const before = agent.engine.seconds;
      const game = gameByName(config.environment.name);
      const options = game.parseOptions(config.environment.options);
      const steps = (await getJson<Episode[]>(store, wave)).flatMap((episode) =>
        episode.steps.map((step, t) => ({ step, state: episode.states[t] })),
      );
      await agent.setPolicy(agent.engine.initialParameters(config.seed), null);
      const perplexity = await thoughtPerplexity(agent, game, options, steps, config.seed);
      return {
        metrics: { 'thought/perplexity': perplexity },
        seconds: (performance.now() - started) / 1000,
        modelSeconds: agent.engine.seconds - before,
      };
    }),
  };
}

export type ThoughtMeasureActivities = ReturnType<typeof createThoughtMeasureActivities>;
