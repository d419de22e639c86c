/** Reading an action out of an answer, for games whose actions are short tokens. */

/**
 * The one legal action that the text names, null when it names none or several. `tokens` finds candidates, the longest
 * first. Text after the action's closing quote is ignored.
 */
export function readSingleAction(text: string, tokens: RegExp, legalActions: readonly string[]): string | null {
  const value = /"([^"]*)"/.exec(text)?.[1] ?? text;
  const found = value.match(tokens)?.filter((token) => legalActions.includes(token)) ?? [];
  return found.length === 1 ? found[0] : null;
}

/** The most characters of a free-text action. */
const LONGEST_TEXT = 1000;

/**
 * The legal action between the answer's quotes, in any case; with `freeText` any text that is not empty, in lower case.
 */
export function readNamedAction(text: string, legalActions: readonly string[], freeText = false): string | null {
  const value = (/^\s*"((?:[^"\\]|\\.)*)"/.exec(text)?.[1] ?? text).replace(/\\(.)/g, '$1').trim();
  const named = legalActions.filter((action) => action.toLowerCase() === value.toLowerCase());
  if (named.length === 1) return named[0];
  return freeText && value !== '' && value.length <= LONGEST_TEXT ? value : null;
}
