/** All experts: of the built-in games, one row each, and of users' modules. */
import { ConfigError } from '../../configs/schema.ts';
import type { Environment } from '../envs/env.ts';
import { plugIn } from '../envs/registry.ts';
import { type ActionKnowledge, actionExpert } from './action-expert.ts';
import { blackjackExpert } from './blackjack-expert.ts';
import type { Expert } from './expert.ts';
import { formulaExpert } from './formula-expert.ts';
import { FORMULA_GAMES } from '../envs/formulas/hand.ts';
import { householdExpert } from './household-expert.ts';
import { numberlineExpert } from './numberline-expert.ts';

const EXPERTS: Readonly<Record<string, Expert>> = {
  ...Object.fromEntries(Object.entries(FORMULA_GAMES).map(([name, rules]) => [name, formulaExpert(rules)])),
  numberline: numberlineExpert,
  blackjack: blackjackExpert,
  alfworld: householdExpert,
};

/** The expert of an environment, if it has one. Throws `ConfigError` for an unknown environment or a wrong expert. */
export function findExpert(environment: string): Expert | undefined {
  const expert = EXPERTS[environment] ?? expertOfModule(environment);
  return expert === undefined ? undefined : shownTheGame(expert);
}

/** Experts may know their game's class: they are shown the game's own environment, not one that adds to it. */
function shownTheGame(expert: Expert): Expert {
  const own = (environment: Environment) => environment.played ?? environment;
  return {
    percepts: expert.percepts,
    bestPlan: (environment, ...rest) => expert.bestPlan(own(environment), ...rest),
    proposedPlan: (environment, ...rest) => expert.proposedPlan(own(environment), ...rest),
    naivePlan: (environment) => expert.naivePlan(own(environment)),
  };
}

/** The expert of an environment. Throws `ConfigError` if there is none. */
export function expertOf(environment: string): Expert {
  const expert = findExpert(environment);
  if (expert === undefined)
    throw new ConfigError(
      `environment.name: ${environment} has no expert, which is needed here (a solver that judges, demonstrates or ` +
        'plays); add one to its module, or use a teacher and demonstrations of your own (docs/environments.md).',
    );
  return expert;
}

const FULL = ['bestPlan', 'proposedPlan', 'naivePlan'];
const SHORT = ['goodActions', 'words'];

/** A module's expert: the whole interface, or an action expert. */
function expertOfModule(environment: string): Expert | undefined {
  const { expert, file } = plugIn(environment) ?? {};
  if (expert === undefined) return undefined;
  const has = (names: readonly string[]) =>
    typeof expert === 'object' &&
    expert !== null &&
    names.every((name) => typeof (expert as Record<string, unknown>)[name] === 'function');
  if (has(FULL)) return expert as Expert;
  if (has(SHORT)) return actionExpert(expert as ActionKnowledge);
  throw new ConfigError(
    `environment.name: the expert of ${file} needs the functions ${SHORT.join(', ')} (or ${FULL.join(', ')}).`,
  );
}
