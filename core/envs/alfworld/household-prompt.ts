/** What prompts say of a household task. */

/**
 * `task`: the goal's sentence; `commands`: the possible commands, one per line; `history`: the actions so far;
 * `feedback`: the game's last answer.
 */
export function householdPrompt({
  task,
  commands,
  actions,
  feedback,
}: {
  task: string;
  commands: readonly string[];
  actions: readonly string[];
  feedback: string;
}): Readonly<Record<string, string>> {
  return { task, commands: commands.join('\n'), history: actions.join('\n'), feedback };
}

/** The goal's sentence from a game's first text, without its full stop. */
export function taskSentence(intro: string): string {
  return (intro.split('Your task is to: ').at(-1) as string).trim().replace(/\.$/, '');
}
