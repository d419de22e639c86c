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
