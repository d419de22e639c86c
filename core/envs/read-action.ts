/** Reading an action out of an answer, for games whose actions are short tokens. */

/**
 * The one legal action that the text names, null when it names none or several. `tokens` finds candidates, the longest
 * first. What stands behind the action's closing quote does not count.
 */
export function readSingleAction(text: string, tokens: RegExp, legalActions: readonly string[]): string | null {
  const value = /"([^"]*)"/.exec(text)?.[1] ?? text;
  const found = value.match(tokens)?.filter((token) => legalActions.includes(token)) ?? [];
  return found.length === 1 ? found[0] : null;
}

/** Characters of a free text that an action may have. */
const LONGEST_TEXT = 1000;

/**
 * The legal action that stands between the answer's quotes, whatever its case; with `freeText` any text that is not
 * empty, in small letters as answers are read.
 */
export function readNamedAction(text: string, legalActions: readonly string[], freeText = false): string | null {
  const value = (/^\s*"((?:[^"\\]|\\.)*)"/.exec(text)?.[1] ?? text).replace(/\\(.)/g, '$1').trim();
  const named = legalActions.filter((action) => action.toLowerCase() === value.toLowerCase());
  if (named.length === 1) return named[0];
  return freeText && value !== '' && value.length <= LONGEST_TEXT ? value : null;
}
