/** Thoughts that a teacher writes about the agent's observations. */
import type { RunConfig } from '../../configs/schema.ts';
import type { Game, JsonState } from '../envs/env.ts';
import type { Thought } from '../episodes/episode.ts';
import type { Agent } from '../policy/agent.ts';
import { observationIn } from '../policy/observation.ts';
import { samplingNoise } from '../policy/rollout.ts';

/** Observations answered at once. Part of the arithmetic. */
const AT_ONCE = 64;

/**
 * A well-formed thought of the agent's current policy about each state; null if there was none in `turbo.sft.tries`. A
 * function of (policy, states, seed, iteration, `from`: states before these). `onAnswered` is called in between.
 */
export async function referenceThoughts<O>(
  agent: Agent,
  game: Game<O>,
  options: O,
  states: readonly JsonState[],
  { config, iteration, from }: { config: RunConfig; iteration: number; from: number },
  onAnswered: () => void = () => {},
): Promise<(Thought | null)[]> {
  const { rollout, turbo, ppo, seed } = config;
  const settings = { ...rollout, temperature: turbo.sft.temperature, thoughtCoef: ppo.thoughtCoef };
  const thoughts: (Thought | null)[] = states.map(() => null);
  for (let attempt = 0; attempt < turbo.sft.tries; attempt++) {
    const open = [...thoughts.keys()].filter((index) => thoughts[index] === null);
    for (let first = 0; first < open.length; first += AT_ONCE) {
      const asked = open.slice(first, first + AT_ONCE);
      const observations = asked.map((index) => {
        const environment = game.fromState(states[index], options);
        const key = { seed, purpose: 'reference thought', iteration, episode: from + index, step: attempt };
        return {
          ...observationIn(environment, agent.imageSize),
          noise: samplingNoise(key, rollout.maxNewTokens),
        };
      });
      for (const [row, { thought }] of (await agent.respond(observations, settings)).entries())
        thoughts[asked[row]] = thought;
      onAnswered();
    }
  }
  return thoughts;
}
