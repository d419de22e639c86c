/** All experts, one row each. */
import { ConfigError } from '../../configs/schema.ts';
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

/** The expert of an environment, if it has one. */
export function findExpert(environment: string): Expert | undefined {
  return EXPERTS[environment];
}

/** The expert of an environment. Throws `ConfigError` naming the known ones. */
export function expertOf(environment: string): Expert {
  const expert = findExpert(environment);
  if (expert === undefined)
    throw new ConfigError(
      `environment.name: the solver has no expert for ${environment}; it knows ${Object.keys(EXPERTS).join(', ')}.`,
    );
  return expert;
}
