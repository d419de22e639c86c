/** Perplexity, under one policy, of thoughts that another sampled. */
import type { Game, JsonState } from '../envs/env.ts';
import type { Agent } from '../policy/agent.ts';
import { observationIn } from '../policy/observation.ts';
import { RandomStream } from '../random/counter.ts';
import type { Step } from '../episodes/episode.ts';

/** Thoughts that are scored, at most. */
const THOUGHTS = 64;

/**
 * exp of the mean negative log-likelihood of a thought token at temperature 1, under the agent's current policy, over a
 * seeded choice of steps; null when no response has a thought.
 */
export async function thoughtPerplexity<O>(
  agent: Agent,
  game: Game<O>,
  options: O,
  steps: readonly { state: JsonState; step: Step }[],
  seed: number,
): Promise<number | null> {
  const thinking = steps.filter(({ step }) => step.thoughtTokens > 0);
  const chosen = new RandomStream({ seed, purpose: 'perplexity' }).shuffled(thinking).slice(0, THOUGHTS);
  if (chosen.length === 0) return null;
  const prompts = chosen.map(({ state }) =>
    agent.prompt(observationIn(game.fromState(state, options), agent.imageSize)),
  );
  const pictures = prompts.map(({ picture }) => picture);
  const rows = prompts.map(({ promptIds }, image) => ({
    image,
    promptIds,
    responseIds: chosen[image].step.responseIds.slice(0, chosen[image].step.thoughtTokens),
  }));
  const { logprobs } = await agent.engine.score({
    rows,
    pictures,
    temperature: 1,
  });
  const tokens = logprobs.flatMap((row) => [...row]);
  return Math.exp(-tokens.reduce((sum, token) => sum + token, 0) / tokens.length);
}
