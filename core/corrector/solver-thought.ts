/** Words a thought about a target formula, and reads the proposed formula back from one. */
import type { JsonState } from '../envs/env.ts';
import type { Thought } from '../episodes/episode.ts';
import { fillTemplate } from '../policy/prompt-template.ts';
import { nextAction, planText } from '../envs/formulas/formula.ts';
import { handOf } from '../envs/formulas/hand.ts';

/** How a template words thoughts: one template per thought key. */
export type ThoughtTemplate = Readonly<Record<string, string>>;

/**
 * The thought that leads from this state to `target`. Placeholders: {cards} the ranks seen, {formula} the formula so
 * far, {numbers} what the cards count, {sorted} the same in order, {plan} the arithmetic of the target with the numbers
 * left after each step, {search} the search for it (core/envs/formulas/pair-search.ts), {target}, {next} the action to
 * append.
 */
export function wordThought(
  template: ThoughtTemplate,
  state: JsonState,
  target: string,
  search: () => string = () => planText(target),
): Thought {
  const hand = handOf(state);
  const values = {
    formula: hand.formula.join(''),
    numbers: hand.numbers.join(' '),
    sorted: [...hand.numbers].sort((a, b) => a - b).join(' '),
    plan: planText(target),
    search: searches(template) ? search() : '',
    target,
    next: nextAction(target, hand.formula.length),
  };
  return fillThought(template, { ...values, cards: hand.ranks });
}

/** Whether thoughts in this wording hold the search for their target. */
export function searches(template: ThoughtTemplate): boolean {
  return Object.values(template).some((text) => text.includes('{search}'));
}

/** A thought in the template's wording; a list is the whole value of its key: `"{cards}"`. */
export function fillThought(
  template: ThoughtTemplate,
  words: Readonly<Record<string, string | readonly string[]>>,
): Thought {
  const texts = Object.fromEntries(
    Object.entries(words).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
  const list = (text: string) =>
    /^\{\w+\}$/.test(text) && Array.isArray(words[text.slice(1, -1)]) ? words[text.slice(1, -1)] : null;
  return Object.fromEntries(
    Object.entries(template).map(([key, text]) => [key, list(text) ?? fillTemplate(text, texts)]),
  );
}

/** A thought's texts for a template's placeholders, by name; keys whose wording does not fit are absent. */
export function readWords(template: ThoughtTemplate, thought: Thought): Record<string, string | readonly string[]> {
  const words: Record<string, string | readonly string[]> = {};
  for (const [key, text] of Object.entries(template)) {
    const value = thought[key];
    const { pattern, names } = patternOf(text);
    const found =
      Array.isArray(value) && names.length === 1
        ? [text, value]
        : typeof value === 'string'
          ? pattern.exec(value)
          : null;
    for (const [index, name] of names.entries())
      if (found !== null) words[name] ??= found[index + 1] as string | readonly string[];
  }
  return words;
}

const patterns = new Map<string, { pattern: RegExp; names: string[] }>();

/** Each placeholder takes as little text as it can. */
function patternOf(text: string): { pattern: RegExp; names: string[] } {
  let known = patterns.get(text);
  if (known === undefined) {
    const names = [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    known = {
      names,
      pattern: new RegExp(
        `^${text
          .split(/\{\w+\}/)
          .map(escapeRegExp)
          .join('([^]*?)')}$`,
      ),
    };
    patterns.set(text, known);
  }
  return known;
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
