/** How long prompts get, found by playing. */
import { type Game, startEpisode } from '../envs/env.ts';
import { RandomStream } from '../random/counter.ts';
import type { AgentParts } from './agent-parts.ts';
import { familyOf } from './families/registry.ts';

/** Episodes played; prompts differ little between episodes, but may grow within one. */
const EPISODES = 2;

/** Tokens of the longest prompt, image included, and parts of the largest picture. */
export type LongestPrompt = { tokens: number; pictureParts: number };

/** In episodes of random legal actions. */
export async function longestPrompt<O>(
  { config, prompts, preprocess }: Pick<AgentParts, 'config' | 'prompts' | 'preprocess'>,
  imageSize: number,
  game: Game<O>,
  options: O,
  maxEpisodeSteps: number,
  seed: number,
): Promise<LongestPrompt> {
  const longest = { tokens: 0, pictureParts: 0 };
  for (let episode = 0; episode < EPISODES; episode++) {
    const random = new RandomStream({ seed, purpose: 'longest prompt', episode });
    const environment = await startEpisode(game, { seed, episode }, options);
    for (let step = 0; step < maxEpisodeSteps; step++) {
      const picture = preprocess(environment.observe(imageSize));
      longest.tokens = Math.max(longest.tokens, prompts.promptIds(environment.promptValues(), picture).length);
      longest.pictureParts = Math.max(longest.pictureParts, familyOf(config).pictureParts(config, picture.grid));
      const { stop } = await environment.step(random.pick(environment.legalActions()));
      if (stop !== null) break;
    }
    environment.close?.();
  }
  return longest;
}
