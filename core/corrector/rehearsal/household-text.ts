/**
 * A household task judged from a request's text alone: what was done so far, what is admissible, what was seen last. It
 * knows no more than the text says.
 */
import { THINGS } from '../../envs/alfworld/kinds.ts';
import type { Thought } from '../../episodes/episode.ts';
import type { ModelAnswer } from '../model-answer.ts';
import { fillThought, type ThoughtTemplate } from '../solver-thought.ts';

/** The texts of a household request (`AlfworldEnvironment.promptValues`). */
export type HouseholdTexts = { task: string; commands: string; history: string; feedback: string };

/** Kinds of things, as tasks and commands name them. */
const THING_KINDS = new Set(
  Object.values(THINGS)
    .flat()
    .map((kind) => kind.toLowerCase()),
);
/** The words of a task, the verb that each asks for, and where it is done. */
const PROPERTIES = [
  { words: /\b(clean|wash|rinse)/, verb: 'clean', device: 'sinkbasin' },
  { words: /\b(hot|heat|warm)/, verb: 'heat', device: 'microwave' },
  { words: /\b(cool|cold|chill)/, verb: 'cool', device: 'fridge' },
] as const;

/** The next commands, all equally good as far as is known, and the part of the task that they serve. */
type Onward = { commands: readonly string[]; subgoal: string };

/**
 * Right: the thought names the command that was chosen, and that is a good one. Else the thought that leads to the
 * first good one.
 */
export function judgeHousehold(
  texts: HouseholdTexts,
  thought: Thought,
  action: string,
  wording: ThoughtTemplate,
): ModelAnswer {
  const { history, commands, held } = readTexts(texts);
  const onward = goOn(texts.task.toLowerCase(), history, commands, held);
  const isRight =
    onward.commands.includes(action) &&
    Object.values(thought)
      .flat()
      .some((text) => text.includes(action));
  const [next] = onward.commands;
  const seen = seenIn(texts.feedback);
  const nouns: readonly string[] = texts.task.toLowerCase().match(/[a-z]+/g) ?? [];
  const wanted = seen.filter((thing) => thing.startsWith('closed ') || nouns.includes(kindOf(thing)));
  const list = (things: readonly string[]) => things.join(', ') || 'nothing';
  const words = {
    place: placeOf(history),
    seen: list(seen),
    wanted: list(wanted),
    hand: held ?? 'nothing',
    subgoal: onward.subgoal,
    next,
  };
  return {
    answers: [`What comes first is to ${onward.subgoal}.`],
    evaluation: isRight ? 'yes' : 'no',
    correction: isRight ? null : { ...fillThought(wording, words), action: next },
  };
}

function readTexts({ history, commands }: HouseholdTexts): {
  history: string[];
  commands: string[];
  held: string | null;
} {
  const lines = (text: string) => text.split('\n').filter(Boolean);
  const done = lines(history);
  const lastMove = done.findLast((command) => /^(take|move|put) /.test(command)) ?? '';
  return { history: done, commands: lines(commands), held: /^take (.+) from /.exec(lastMove)?.[1] ?? null };
}

function goOn(task: string, history: readonly string[], commands: readonly string[], held: string | null): Onward {
  const places = commands.flatMap((command) => /^go to (.+)$/.exec(command)?.[1] ?? []);
  const nouns = task.match(/[a-z]+/g) ?? [];
  const wanted = nouns.find((word) => THING_KINDS.has(word)) ?? '';
  const goal =
    nouns.findLast(
      (word) => word !== wanted && [placeOf(history), ...places].some((place) => kindOf(place) === word),
    ) ?? null;
  const property = PROPERTIES.find(({ words }) => words.test(task));
  const leastRecent = places.toSorted((a, b) => history.lastIndexOf(`go to ${a}`) - history.lastIndexOf(`go to ${b}`));
  const unseen = places.filter((place) => !history.includes(`go to ${place}`));
  const admissible = (pattern: RegExp) => commands.filter((command) => pattern.test(command));
  const here = admissible(/^open /).filter((command) => !history.includes(command));
  const search = (subgoal: string): Onward => ({
    subgoal,
    commands: firstFull(
      here,
      unseen.map((place) => `go to ${place}`),
      leastRecent.map((place) => `go to ${place}`),
      commands,
    ),
  });
  const goTo = (kind: string | null, subgoal: string): Onward => ({
    subgoal,
    commands: firstFull(
      places.filter((place) => kindOf(place) === kind).map((place) => `go to ${place}`),
      here,
      search(subgoal).commands,
    ),
  });

  if (held !== null && kindOf(held) === wanted) {
    if (property !== undefined && !history.some((command) => command.startsWith(`${property.verb} ${held} `))) {
      const subgoal = `${property.verb} ${held}`;
      return {
        ...goTo(property.device, subgoal),
        ...full(admissible(new RegExp(`^${property.verb} ${held} `)), subgoal),
      };
    }
    if (goal === null || goal.endsWith('lamp'))
      return { ...search('find the lamp'), ...full(admissible(/^use \w*lamp/), 'use the lamp') };
    // Grammars of older releases put things in/on others.
    const puts = [...commands, ...history].some((command) => /^put .+ in\/on /.test(command));
    const subgoal = puts ? `put ${held} in/on ${goal}` : `move ${held} to ${goal}`;
    const isThere = kindOf(placeOf(history)) === goal;
    return isThere
      ? {
          subgoal,
          commands: firstFull(
            admissible(new RegExp(`^(move|put) ${held} .*\\b${goal} `)),
            here,
            search(subgoal).commands,
          ),
        }
      : goTo(goal, subgoal);
  }
  if (held !== null)
    return {
      ...search(`put ${held} down`),
      ...full(admissible(new RegExp(`^(move|put) ${held} `)), `put ${held} down`),
    };
  const found = admissible(new RegExp(`^take ${wanted} `)).filter(
    (command) => kindOf(command.split(' from ')[1] ?? '') !== goal,
  );
  return found.length > 0 ? { subgoal: found[0], commands: found } : search(`find ${wanted}`);
}

/** `drawer` of `drawer 3`. */
function kindOf(name: string): string {
  return name.replace(/ \d+$/, '');
}

function placeOf(history: readonly string[]): string {
  return (
    history.findLast((command) => command.startsWith('go to '))?.slice('go to '.length) ?? 'the middle of the room'
  );
}

/**
 * The things listed in a feedback: `On the desk 1 is a pen 2, and a book 1.`, or the closed thing that it mentions.
 */
function seenIn(feedback: string): string[] {
  const closed = /The (.+? \d+) is closed/.exec(feedback)?.[1];
  if (closed !== undefined) return [`closed ${closed}`];
  const list = /(?:\bis|you see) (a .+? \d+)\.(?:\s|$)/.exec(feedback)?.[1];
  return feedback.startsWith('Welcome') || list === undefined
    ? []
    : [...list.matchAll(/\ba ([a-z]+ \d+)/g)].map(([, name]) => name);
}

function firstFull(...lists: (readonly string[])[]): readonly string[] {
  return lists.find((list) => list.length > 0) ?? [];
}

function full(commands: string[], subgoal: string): Partial<Onward> {
  return commands.length > 0 ? { commands, subgoal } : {};
}
