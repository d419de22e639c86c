/** Points24 and EZPoints: append numbers, operators and brackets until the formula makes the goal. */
import { findAllFormulas, isSolution, isWholeAndSmall } from '../corrector/exact-solver.ts';
import { RandomStream } from '../random/counter.ts';
import { drawCardTable } from './drawing/card-table.ts';
import type { Environment, Game, JsonState, RgbImage, StepResult } from './env.ts';
import { z } from 'zod';
import { parseConfig } from '../configs/schema.ts';

/** What distinguishes the formula games. */
export type FormulaRules = {
  name: string;
  goal: number;
  operators: readonly string[];
  brackets: boolean;
  /** More entries than this truncate the episode. */
  longestFormula: number;
  deal(random: RandomStream): string[];
  /** Solvable hands kept out of training when the deals are `seen`; by number multiset. */
  isHeldOut(numbers: readonly number[]): boolean;
};

/** Which hands are dealt: all; only solvable ones; those solvable in whole numbers up to 60 (`integer`), split into `seen` and `heldOut`. */
export const DEALS = ['all', 'solvable', 'integer', 'seen', 'heldOut'] as const;

const optionsSchema = z.strictObject({
  deals: z.enum(DEALS).default('all'),
  /** Short for `deals: "solvable"`. */
  solvableOnly: z.boolean().default(false),
});
export type FormulaOptions = z.infer<typeof optionsSchema>;

/** Ranks count their number, faces 10. */
export function cardNumber(card: string): number {
  const rank = card.slice(1);
  return rank === 'A' ? 1 : 'TJQK'.includes(rank) ? 10 : Number(rank);
}

const REWARD_GOAL = 10;
const REWARD_WRONG = -1;

export function formulaGame(rules: FormulaRules): Game<FormulaOptions> {
  const actions = [...Array.from({ length: 10 }, (_, index) => String(index + 1)), ...rules.operators, ...(rules.brackets ? ['(', ')'] : []), '='];
  return {
    name: rules.name,
    parseOptions: (options) => parseConfig(optionsSchema, options, `environment.options (${rules.name})`),
    start({ seed, episode }, options) {
      const random = new RandomStream({ seed, purpose: `deal ${rules.name}`, episode });
      for (;;) {
        const cards = rules.deal(random);
        if (isDealt(rules, cards.map(cardNumber), options)) return new FormulaEnvironment(rules, actions, { cards, formula: [] });
      }
    },
    fromState: (state) => new FormulaEnvironment(rules, actions, state as FormulaState),
    readAction: (text, legalActions) => readFormulaAction(text, legalActions),
  };
}

function isDealt(rules: FormulaRules, numbers: readonly number[], { deals, solvableOnly }: FormulaOptions): boolean {
  const wanted = solvableOnly && deals === 'all' ? 'solvable' : deals;
  if (wanted === 'all') return true;
  const [easiest] = findAllFormulas(numbers, rules.goal, rules.operators);
  if (easiest === undefined) return false;
  if (wanted === 'solvable') return true;
  if (!isWholeAndSmall(easiest)) return false;
  return wanted === 'integer' || rules.isHeldOut(numbers) === (wanted === 'heldOut');
}

/**
 * The action named in an answer: `10` is looked for before `1`, and the text must hold exactly one action. What stands behind the action's
 * closing quote does not count.
 */
function readFormulaAction(text: string, legalActions: readonly string[]): string | null {
  const value = /"([^"]*)"/.exec(text)?.[1] ?? text;
  const found = value.match(/10|[1-9]|[^\d\s]/g)?.filter((token) => legalActions.includes(token)) ?? [];
  return found.length === 1 ? found[0] : null;
}

type FormulaState = JsonState & { readonly cards: readonly string[]; readonly formula: readonly string[] };

class FormulaEnvironment implements Environment {
  readonly name: string;
  readonly #rules: FormulaRules;
  readonly #actions: readonly string[];
  readonly #cards: readonly string[];
  #formula: readonly string[];
  #over = false;

  constructor(rules: FormulaRules, actions: readonly string[], { cards, formula }: FormulaState) {
    this.name = rules.name;
    this.#rules = rules;
    this.#actions = actions;
    this.#cards = cards;
    this.#formula = formula;
  }

  state(): JsonState {
    return { cards: this.#cards, formula: this.#formula };
  }

  observe(size: number): RgbImage {
    return drawCardTable(this.#cards, this.#formula.join(''), size);
  }

  promptValues(): Readonly<Record<string, string>> {
    return { formula: this.#formula.join('') };
  }

  legalActions(): readonly string[] {
    return this.#actions;
  }

  step(action: string): StepResult {
    if (this.#over) throw new Error(`${this.name}: the episode is over`);
    if (!this.#actions.includes(action)) throw new RangeError(`${this.name}: "${action}" is no action`);
    const result = this.#apply(action);
    this.#over = result.stop !== null;
    return result;
  }

  #apply(action: string): StepResult {
    if (this.#formula.length > this.#rules.longestFormula) return { reward: REWARD_WRONG, stop: 'truncated' };
    if (action === '=') {
      const solved = isSolution(this.#formula.join(''), this.#cards.map(cardNumber), this.#rules.goal, this.#rules.operators);
      return { reward: solved ? REWARD_GOAL : REWARD_WRONG, stop: 'terminated' };
    }
    const onTable = !/^\d/.test(action) || this.#numbersLeft().includes(action);
    // A number that is not on the table leaves a blank behind.
    this.#formula = [...this.#formula, onTable ? action : ' '];
    return { reward: onTable ? 0 : REWARD_WRONG, stop: null };
  }

  #numbersLeft(): string[] {
    const left = this.#cards.map((card) => String(cardNumber(card)));
    for (const entry of this.#formula) if (left.includes(entry)) left.splice(left.indexOf(entry), 1);
    return left;
  }
}
