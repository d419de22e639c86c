/** Points24 and EZPoints: append numbers, operators and brackets until the formula makes the goal. */
import { z } from 'zod';
import { findAllFormulas, isSolution, isWholeAndSmall } from './formulas/exact-solver.ts';
import { pairTarget } from './formulas/pair-search.ts';
import { parseConfig } from '../../configs/schema.ts';
import { RandomStream } from '../random/counter.ts';
import { cardNumber } from './card.ts';
import { drawCardTable } from './drawing/card-table.ts';
import { cardFacesOption } from './drawing/card-faces.ts';
import { CUT_AFTER_FAILURE, type CutRule, type Game, type JsonState, outcomeByReward, type StepResult } from './env.ts';
import { GuardedEnvironment } from './guarded-environment.ts';
import type { RgbImage } from '../pictures/rgb-image.ts';
import { evaluatePython } from './python-arithmetic.ts';
import { readSingleAction } from './read-action.ts';

/** What distinguishes the formula games. */
export type FormulaRules = {
  name: string;
  goal: number;
  operators: readonly string[];
  brackets: boolean;
  /** More entries than this truncate the episode. */
  longestFormula: number;
  deal(random: RandomStream): string[];
  /** Name of the kind of hand that success is broken down by. */
  difficulty(numbers: readonly number[]): string;
  /**
   * The split of a hand that whole numbers up to 60 solve, by its number multiset; null: beyond the first `seenHands`
   * seen ones.
   */
  split(numbers: readonly number[], seenHands: number): 'seen' | 'heldOut' | null;
  /** Whether the formula must stay a prefix of the target formula. */
  keepsToTarget: boolean;
};

/**
 * Which hands are dealt: all; only solvable ones; those solvable in whole numbers up to 60 (`integer`), split into
 * `seen` and `heldOut`; all, solvable or not, that are not held out.
 */
export const DEALS = ['all', 'solvable', 'integer', 'seen', 'heldOut', 'notHeldOut'] as const;

const optionsSchema = z.strictObject({
  deals: z.enum(DEALS).default('all'),
  /**
   * How many number multisets the `seen` deals hold: few are soon memorised. Default: all that are not held out.
   */
  seenHands: z.int().min(1).default(Infinity),
  /** Short for `deals: "solvable"`. */
  solvableOnly: z.boolean().default(false),
  /**
   * Only those of these deals that two pairs solve, like (8+4)*(9-7): thoughts with a search find them
   * (core/envs/formulas/pair-search.ts).
   */
  twoPairs: z.boolean().default(false),
  /**
   * What the equals sign computes. `exact`: fractions, + - * / and brackets. `python-float64`: as in the original,
   * Python's evaluation of the joined text: 1 and 2 make 12, `//` and `**` are operators, signs are allowed, 8/(3-8/3)
   * is 23.99999999999999.
   */
  arithmetic: z.enum(['exact', 'python-float64']).default('exact'),
  cardFaces: cardFacesOption,
});
export type FormulaOptions = z.infer<typeof optionsSchema>;

const REWARD_GOAL = 10;
const REWARD_WRONG = -1;

export function formulaGame(rules: FormulaRules): Game<FormulaOptions> {
  const actions = [
    ...Array.from({ length: 10 }, (_, index) => String(index + 1)),
    ...rules.operators,
    ...(rules.brackets ? ['(', ')'] : []),
    '=',
  ];
  return {
    name: rules.name,
    parseOptions: (options) => parseConfig(optionsSchema, options, `environment.options (${rules.name})`),
    start({ seed, episode }, options) {
      const random = new RandomStream({ seed, purpose: `deal ${rules.name}`, episode });
      for (;;) {
        const cards = rules.deal(random);
        if (isDealt(rules, cards.map(cardNumber), options))
          return new FormulaEnvironment(rules, options, actions, { cards, formula: [] });
      }
    },
    fromState: (state, options) => new FormulaEnvironment(rules, options, actions, state as FormulaState),
    cut: rules.keepsToTarget ? CUT_OFF_THE_WAY : CUT_AFTER_FAILURE,
    outcome: ({ start }, reward) =>
      outcomeByReward(reward, rules.difficulty((start.cards as readonly string[]).map(cardNumber))),
    readAction: (text, legalActions) => readSingleAction(text, /10|[1-9]|[^\d\s]/g, legalActions),
  };
}

function isDealt(
  rules: FormulaRules,
  numbers: readonly number[],
  { deals, seenHands, solvableOnly, twoPairs }: FormulaOptions,
): boolean {
  if (twoPairs && pairTarget(numbers, rules) === null) return false;
  const wanted = solvableOnly && deals === 'all' ? 'solvable' : deals;
  if (wanted === 'all') return true;
  const [easiest] = findAllFormulas(numbers, rules.goal, rules.operators);
  const whole = easiest !== undefined && isWholeAndSmall(easiest);
  if (wanted === 'notHeldOut') return !whole || rules.split(numbers, seenHands) !== 'heldOut';
  if (wanted === 'solvable') return easiest !== undefined;
  if (!whole) return false;
  return wanted === 'integer' || rules.split(numbers, seenHands) === wanted;
}

/** The cut where the formula must also stay a prefix of the target. */
const CUT_OFF_THE_WAY: CutRule = { ...CUT_AFTER_FAILURE, formula: (state) => (state as FormulaState).formula.join('') };

type FormulaState = JsonState & { readonly cards: readonly string[]; readonly formula: readonly string[] };

class FormulaEnvironment extends GuardedEnvironment {
  readonly name: string;
  readonly #rules: FormulaRules;
  readonly #options: FormulaOptions;
  readonly #actions: readonly string[];
  readonly #cards: readonly string[];
  #formula: readonly string[];

  constructor(
    rules: FormulaRules,
    options: FormulaOptions,
    actions: readonly string[],
    { cards, formula }: FormulaState,
  ) {
    super();
    this.name = rules.name;
    this.#rules = rules;
    this.#options = options;
    this.#actions = actions;
    this.#cards = cards;
    this.#formula = formula;
  }

  state(): JsonState {
    return { cards: this.#cards, formula: this.#formula };
  }

  observe(size: number): RgbImage {
    return drawCardTable(this.#cards, this.#formula.join(''), size, this.#options.cardFaces);
  }

  promptValues(): Readonly<Record<string, string>> {
    return { formula: this.#formula.join('') };
  }

  legalActions(): readonly string[] {
    return this.#actions;
  }

  protected act(action: string): StepResult {
    if (this.#formula.length > this.#rules.longestFormula) return { reward: REWARD_WRONG, stop: 'truncated' };
    if (action === '=') return { reward: this.#isSolved() ? REWARD_GOAL : REWARD_WRONG, stop: 'terminated' };
    const onTable = !/^\d/.test(action) || this.#numbersLeft().includes(action);
    // A number that is not on the table leaves a blank behind.
    this.#formula = [...this.#formula, onTable ? action : ' '];
    return { reward: onTable ? 0 : REWARD_WRONG, stop: null };
  }

  #isSolved(): boolean {
    const { goal, operators } = this.#rules;
    const formula = this.#formula.join('');
    if (this.#options.arithmetic === 'exact') return isSolution(formula, this.#cards.map(cardNumber), goal, operators);
    const value = evaluatePython(formula);
    return value !== null && Number(value) === goal && this.#numbersLeft().length === 0;
  }

  #numbersLeft(): string[] {
    const left = this.#cards.map((card) => String(cardNumber(card)));
    for (const entry of this.#formula) if (left.includes(entry)) left.splice(left.indexOf(entry), 1);
    return left;
  }
}
