/** Reads the admissible command that an answer names. */

/**
 * `longest`: the command that equals the text, else the longest one that the text contains; `exact`: only the former;
 * `original`: the first command of the list that the text contains, as in GTR's code, so `drawer 1` is also found
 * inside `drawer 10`.
 */
const COMMAND_READINGS = ['longest', 'exact', 'original'] as const;
export type CommandReading = (typeof COMMAND_READINGS)[number];

/**
 * The command named in the text after the action key, or null when there is none. `longest` also gives null when the
 * text contains two commands side by side, because the answer is then ambiguous. Case and blanks at the ends do not
 * matter.
 */
export function readCommand(
  actionText: string,
  admissible: readonly string[],
  reading: CommandReading = 'longest',
): string | null {
  const text = actionText.toLowerCase();
  if (reading === 'original') return admissible.find((command) => text.includes(command.toLowerCase())) ?? null;
  const value = (/"([^"]*)"/.exec(text)?.[1] ?? text).trim();
  const exact = admissible.find((command) => command.trim().toLowerCase() === value);
  if (exact !== undefined || reading === 'exact') return exact ?? null;
  const longestFirst = admissible.filter((command) => command.trim() !== '').toSorted((a, b) => b.length - a.length);
  // A found command is blotted out, so that shorter ones inside it are not found again.
  let rest = value;
  const found = longestFirst.filter((command) => {
    const without = rest.replaceAll(whole(command.trim().toLowerCase()), '\n');
    const isIn = without !== rest;
    rest = without;
    return isIn;
  });
  return found.length === 1 ? found[0] : null;
}

/** Matches a command that is not part of a longer word or number. */
function whole(command: string): RegExp {
  return new RegExp(`(?<![\\p{L}\\p{N}])${RegExp.escape(command)}(?![\\p{L}\\p{N}])`, 'gu');
}
