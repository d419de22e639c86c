/** What a thought says, read back from the template's wording, and whether it is true. */
import { isDeepStrictEqual } from 'node:util';
import { type MixedOptions, trainingDeals } from '../../configs/mixture.ts';
import type { RunConfig } from '../../configs/schema.ts';
import type { Game, JsonState } from '../envs/env.ts';
import { byEnvironment, ownState } from '../envs/mixture.ts';
import { gameOf } from '../envs/with-history.ts';
import type { Thought } from '../episodes/episode.ts';
import { loadPromptTemplate } from '../policy/prompt-template.ts';
import { findExpert } from './experts.ts';
import { readWords, type ThoughtTemplate } from './solver-thought.ts';

/** Null: the wording does not tell. */
export type ThoughtReading = {
  /** What the agent saw: equal for states that look the same to it. */
  view: string;
  /** Whether everything it says about the picture is right (the cards, the numbers). */
  seenRightly: boolean | null;
  /** Whether it aims at something that leads to success: a formula that makes the goal, the best action. */
  aimsRightly: boolean | null;
  /** The action that it names. */
  namedAction: string | null;
};

export type ReadThought = (state: JsonState, thought: Thought) => ThoughtReading;

/** The wordings of a configuration and its options, for training or another set of deals. */
export function configuredReader(config: RunConfig, deals: object = trainingDeals(config)): ReadThought {
  const { members } = config.environments === undefined ? { members: [{ options: deals }] } : (deals as MixedOptions);
  const readerOf = byEnvironment(config, (own, index) => {
    const game = gameOf(own);
    const { thought } = loadPromptTemplate(own.model.prompt, own.environment.name);
    return thoughtReader(game, game.parseOptions(members[index].options), thought);
  });
  return (state, thought) => readerOf(state)(ownState(state), thought);
}

/** Reads thoughts in a template's wording about states of a game; nothing where there is no expert. */
export function thoughtReader<O>(game: Game<O>, options: O, template: ThoughtTemplate): ReadThought {
  const expert = findExpert(game.name);
  if (expert === undefined)
    return (state) => ({ view: JSON.stringify(state), seenRightly: null, aimsRightly: null, namedAction: null });
  const says = (name: string) => Object.values(template).some((text) => text.includes(`{${name}}`));
  const percepts = expert.percepts.filter(says);
  const words = Object.fromEntries(expert.percepts.map((name) => [name, `{${name}}`]));
  return (state, thought) => {
    const environment = game.fromState(state, options);
    const said = readWords(template, thought);
    const truth = expert.naivePlan(environment).word(words);
    const next = said.next;
    return {
      view: JSON.stringify([environment.promptValues(), truth]),
      seenRightly: percepts.length === 0 ? null : percepts.every((name) => isDeepStrictEqual(said[name], truth[name])),
      aimsRightly: says('next') || says('target') ? expert.proposedPlan(environment, thought, template) !== null : null,
      namedAction: typeof next === 'string' ? next : null,
    };
  };
}
