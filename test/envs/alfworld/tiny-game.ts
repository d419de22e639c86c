/** A two-room game in a dozen lines, to vary what a test is about. */
import { TextGame } from '../../../core/envs/alfworld/text-game.ts';

type Parts = {
  types?: string;
  predicates?: string;
  constants?: string;
  actions?: string;
  objects?: string;
  init?: string;
  goal?: string;
  productions?: Record<string, { condition?: string; rhs: string }[]>;
  texts?: Record<string, { template: string; feedback: string }>;
};

/** An action that is possible when `precondition` holds. */
export const action = (name: string, parameters: string, precondition: string, effect: string): string =>
  `(:action ${name} :parameters (${parameters}) :precondition ${precondition} :effect ${effect})`;

export function tinyGame(parts: Parts): TextGame {
  const texts = parts.texts ?? { flip: { template: 'flip {x}', feedback: 'You flip {x.name}.' } };
  const lists = {
    list_empty: [{ rhs: 'nothing' }],
    list_separator: [{ rhs: ', ' }],
    list_last_separator: [{ rhs: ', and ' }],
  };
  return new TextGame({
    pddl_domain: `(define (domain tiny) (:requirements :adl) (:types ${parts.types ?? 'thing - object coin box - thing'}) ${parts.constants ?? ''}
      (:predicates ${parts.predicates ?? '(heads ?x) (tails ?x) (in ?x ?y)'})
      ${parts.actions ?? action('flip', '?x - coin', '(heads ?x)', '(and (not (heads ?x)) (tails ?x))')})`,
    grammar: [
      `grammar :: """${JSON.stringify({ intro: [{ rhs: 'Hello.' }], ...lists, ...parts.productions })}""";`,
      ...Object.entries(texts).map(
        ([name, { template, feedback }]) => `action ${name} { template :: "${template}"; feedback :: "${feedback}"; }`,
      ),
    ].join('\n'),
    pddl_problem: `(define (problem p) (:domain tiny) (:objects ${parts.objects ?? 'coin_bar_1 coin_bar_2 - coin box_bar_1 - box'})
      (:init ${parts.init ?? '(heads coin_bar_1) (tails coin_bar_2) (in coin_bar_1 box_bar_1)'}) (:goal ${parts.goal ?? '(tails coin_bar_1)'}))`,
  });
}
