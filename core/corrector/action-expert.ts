/** Experts of games without plans beyond the next action: they know good actions and the words for them. */
import { isDeepStrictEqual } from 'node:util';
import type { Environment } from '../envs/env.ts';
import type { Expert, Plan } from './expert.ts';
import { fillThought, readWords, type ThoughtTemplate } from './solver-thought.ts';

/** Only reads environments. */
export type ActionKnowledge = {
  /** Placeholders of thought templates that stand for what the picture shows; default: none. */
  readonly percepts?: readonly string[];
  /** The best legal actions, the one to take first; none: nothing leads to success any more. */
  goodActions(environment: Environment): readonly string[];
  /** A legal action of a naive player, for weak demonstrations; default: the first legal one. */
  naiveAction?(environment: Environment): string;
  /** Values of a thought template's placeholders for this action; {next} is the action itself. */
  words(environment: Environment, action: string): Readonly<Record<string, string | readonly string[]>>;
};

export function actionExpert(knowledge: ActionKnowledge): Expert {
  const planOf = (environment: Environment, action: string): Plan => {
    const words = { next: action, ...knowledge.words(environment, action) };
    return { target: null, action, word: (template) => fillThought(template, words) };
  };
  return {
    percepts: knowledge.percepts ?? [],
    bestPlan(environment) {
      const [best] = knowledge.goodActions(environment);
      return best === undefined ? null : planOf(environment, best);
    },
    proposedPlan(environment, thought, template) {
      const good = knowledge.goodActions(environment);
      if (says(template, 'next')) {
        const { next } = readWords(template, thought);
        return typeof next === 'string' && good.includes(next) ? planOf(environment, next) : null;
      }
      return (
        good
          .map((action) => planOf(environment, action))
          .find((plan) => isDeepStrictEqual(plan.word(template), thought)) ?? null
      );
    },
    naivePlan: (environment) =>
      planOf(environment, knowledge.naiveAction?.(environment) ?? environment.legalActions()[0]),
  };
}

function says(template: ThoughtTemplate, name: string): boolean {
  return Object.values(template).some((text) => text.includes(`{${name}}`));
}
