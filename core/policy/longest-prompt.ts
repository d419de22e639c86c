/** How long prompts get, found by playing. */
import type { Game } from '../envs/env.ts';
import { RandomStream } from '../random/counter.ts';
import type { PromptEncoder } from './agent-parts.ts';

/** Episodes played; prompts differ little between episodes, but may grow within one. */
const EPISODES = 2;

/** Tokens of the longest prompt, image included, in episodes of random legal actions. */
export function longestPrompt<O>(
  prompts: Pick<PromptEncoder, 'promptIds'>,
  game: Game<O>,
  options: O,
  maxEpisodeSteps: number,
  seed: number,
): number {
  let longest = 0;
  for (let episode = 0; episode < EPISODES; episode++) {
    const random = new RandomStream({ seed, purpose: 'longest prompt', episode });
    const environment = game.start({ seed, episode }, options);
    for (let step = 0; step < maxEpisodeSteps; step++) {
      longest = Math.max(longest, prompts.promptIds(environment.promptValues()).length);
      if (environment.step(random.pick(environment.legalActions())).stop !== null) break;
    }
    environment.close?.();
  }
  return longest;
}
