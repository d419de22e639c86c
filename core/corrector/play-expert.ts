/** Plays the expert in the agent's place, to measure the solver on evaluation deals. */
import type { Game, JsonState } from '../envs/env.ts';
import type { Episode } from '../episodes/episode.ts';
import type { PromptTemplate } from '../policy/prompt-template.ts';
import { renderResponse } from '../policy/response.ts';
import type { Plan } from './expert.ts';
import { expertOf } from './experts.ts';

/**
 * Plays `episodes` episodes from episode 0 on, in the templates' wordings; when nothing leads to success, it follows
 * the naive plan.
 */
export function playExpert<O>(
  game: Game<O>,
  options: O,
  templateOf: (state: JsonState) => PromptTemplate,
  { seed, episodes, maxEpisodeSteps }: { seed: number; episodes: number; maxEpisodeSteps: number },
): Episode[] {
  return Array.from({ length: episodes }, (_, episode) => {
    const environment = game.start({ seed, episode }, options);
    const member = environment.member ?? { game, maxEpisodeSteps };
    const expert = expertOf(member.game.name);
    const template = templateOf(environment.state());
    const played: Episode = { episode, states: [environment.state()], steps: [], stop: null, bootstrapValue: 0 };
    let target: string | null = null;
    while (played.stop === null && played.steps.length < member.maxEpisodeSteps) {
      const plan: Plan = expert.bestPlan(environment, target) ?? expert.naivePlan(environment);
      target = plan.target;
      const thought = plan.word(template.thought);
      const { reward, stop } = environment.step(plan.action);
      played.steps.push({
        sampledBy: 'solver',
        responseIds: [],
        text: renderResponse(thought, plan.action, template.keys),
        thoughtTokens: 0,
        thought,
        action: plan.action,
        legal: true,
        logprob: 0,
        value: 0,
        reward,
      });
      played.states.push(environment.state());
      played.stop = stop;
    }
    return played;
  });
}
