/** The settings that determine the episodes of an iteration and their verdicts. */
import type { RunConfig } from './schema.ts';

/** Two configurations with the same text sample and judge the same way. */
export function samplingSettings(config: RunConfig): string {
  const { algorithm, seed, environment, environments, model, rollout, collapse, ppo } = config;
  const { budgetUsd, requestsPerMinute, tokensPerMinute, handOverSeconds, ...corrector } = config.corrector;
  const { lanes, sessions, memoryGiB, device, ...engine } = config.engine;
  return JSON.stringify({
    ...{ algorithm, seed, environment, environments, model, rollout, corrector, engine },
    thoughts: collapse.thoughts,
    thoughtCoef: ppo.thoughtCoef,
  });
}
