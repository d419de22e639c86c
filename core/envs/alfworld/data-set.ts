/** ALFWorld's data set as users download it: its games are found and read where they lie. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { z } from 'zod';
import { readText } from './conformance.ts';
import { AlfworldGameError } from './game-error.ts';
import type { Split } from './generate-game.ts';
import { readTask, TASK_TYPES, type Task, type TaskType } from './goal-conditions.ts';
import { checkGameFile, type GameFile } from './text-game.ts';

/** The data set's name for each split. */
const FOLDERS: Readonly<Record<Split, string>> = { train: 'train', seen: 'valid_seen', unseen: 'valid_unseen' };

/** Games that can be played, and games that their files call unsolvable. */
type Listed = { readonly games: readonly string[]; readonly unsolvable: readonly string[] };

const lists = new Map<string, Listed>();

/**
 * The games of a split, as `<task>/<trial>` paths, sorted. Left out, as in the original: folders of movable receptacles
 * and sliced objects, trials without a game file, and games that are marked as unsolvable. Listed once per process.
 * @param root the folder that holds `json_2.1.1` (`ALFWORLD_DATA`)
 * @throws AlfworldGameError when the folder is missing or holds no game of these types
 */
export function listGames(root: string, split: Split, taskTypes: readonly TaskType[] = TASK_TYPES): readonly string[] {
  return listed(root, split, taskTypes).games;
}

function listed(root: string, split: Split, taskTypes: readonly TaskType[]): Listed {
  const key = JSON.stringify([root, split, [...taskTypes].sort()]);
  let found = lists.get(key);
  if (!found) {
    const folder = splitFolder(root, split);
    if (!existsSync(folder)) {
      throw new AlfworldGameError(
        `ALFWorld's games are not at ${folder}; run alfworld-download and name its folder by ALFWORLD_DATA or the ` +
          `option "data".`,
      );
    }
    const types: readonly string[] = taskTypes;
    const all = readdirSync(folder)
      .sort()
      .filter((task) => types.includes(task.split('-')[0]) && !/movable|Sliced/.test(task))
      .flatMap((task) =>
        readdirSync(path.join(folder, task))
          .sort()
          .map((trial) => `${task}/${trial}`),
      )
      .filter((game) => ['', '.gz'].some((end) => existsSync(path.join(folder, game, `game.tw-pddl${end}`))));
    const { games = [], unsolvable = [] } = Object.groupBy(all, (game) =>
      isUnsolvable(path.join(folder, game, 'game.tw-pddl')) ? 'unsolvable' : 'games',
    );
    if (games.length === 0)
      throw new AlfworldGameError(
        `No game of the task types ${taskTypes.join(', ')} lies below ${folder}` +
          `${unsolvable.length === 0 ? '' : ` but ${unsolvable.length} that are marked as unsolvable`}.`,
      );
    found = { games, unsolvable };
    lists.set(key, found);
  }
  return found;
}

/** Does not parse the file, whose other texts hold no such field; `checkGames` finds unreadable files. */
function isUnsolvable(file: string): boolean {
  try {
    return /"solvable"\s*:\s*false\b/.test(readText(file));
  } catch {
    return false;
  }
}

/** Milliseconds after which the loop yields to the event loop. */
const AT_ONCE_MS = 100;

type Checked = { notes: string[]; faults: string[] };

const checks = new Map<string, Promise<Checked>>();

/**
 * Reads every game of `listGames`, once per process: how many are played and left out, and a sentence for each that is
 * unusable.
 */
export function checkGames(root: string, split: Split, taskTypes: readonly TaskType[]): Promise<Checked> {
  const key = JSON.stringify([root, split, [...taskTypes].sort()]);
  const known = checks.get(key) ?? readAll(root, split, taskTypes);
  // A file that was mended is read again.
  known.then(
    ({ faults }) => faults.length > 0 && checks.delete(key),
    () => checks.delete(key),
  );
  checks.set(key, known);
  return known;
}

async function readAll(root: string, split: Split, taskTypes: readonly TaskType[]): Promise<Checked> {
  const { games, unsolvable } = listed(root, split, taskTypes);
  const faults: string[] = [];
  let since = performance.now();
  for (const game of games) {
    try {
      checkGameFile(readGame(root, split, game).file);
    } catch (error) {
      const { message } = error as Error;
      const folder = gameFolder(root, split, game);
      faults.push(message.startsWith(folder) ? message : `${folder}: ${message}`);
    }
    if (performance.now() - since < AT_ONCE_MS) continue;
    await setImmediate();
    since = performance.now();
  }
  const left = unsolvable.length === 0 ? '' : `; ${unsolvable.length} are left out: marked as unsolvable`;
  return { notes: [`${games.length} games of ${FOLDERS[split]} (${splitFolder(root, split)})${left}`], faults };
}

export type DataSetGame = {
  readonly file: GameFile;
  readonly task: Task;
  /** An annotator's description of the goal, e.g. `Put a chilled apple in the sink.`; may be empty. */
  readonly annotations: readonly string[];
};

const gameSchema: z.ZodType<GameFile> = z.object({
  pddl_domain: z.string(),
  grammar: z.string(),
  pddl_problem: z.string(),
  solvable: z.boolean().optional(),
  walkthrough: z.array(z.string()).nullish(),
});
const annotationsSchema = z.object({
  turk_annotations: z.object({ anns: z.array(z.object({ task_desc: z.string().trim().optional() })) }).optional(),
});

/** Reads one game of `listGames`. @throws AlfworldGameError when its files are not what the data set ships */
export function readGame(root: string, split: Split, game: string): DataSetGame {
  const folder = gameFolder(root, split, game);
  const trajectory = readJson(path.join(folder, 'traj_data.json'), readFileSync);
  const file = readJson(path.join(folder, 'game.tw-pddl'), readText);
  const task = readTask(trajectory);
  const { turk_annotations: annotations } = checked(annotationsSchema, trajectory, 'traj_data.json');
  return {
    file: checked(gameSchema, file, 'game.tw-pddl'),
    task,
    annotations: (annotations?.anns ?? []).flatMap(({ task_desc: text }) => text ?? []),
  };
}

function checked<T>(schema: z.ZodType<T>, content: unknown, name: string): T {
  const read = schema.safeParse(content);
  if (read.success) return read.data;
  const [{ path: place, message }] = read.error.issues;
  throw new AlfworldGameError(`${name}: ${place.join('.') || 'the content'}: ${message}.`);
}

/** The game with another sentence for its goal. Characters that would end a text of the grammar become commas. */
export function withGoalText(file: GameFile, sentence: string): GameFile {
  const safe = JSON.stringify(sentence.replace(/\s*[;|<>[\]#{}]\s*/g, ', ').replaceAll('"', "'")).slice(1, -1);
  const grammar = file.grammar.replace(
    /("rhs"\s*:\s*"Your task is to: )(?:[^"\\]|\\.)*"/,
    (_, start: string) => `${start}${safe}"`,
  );
  return { ...file, grammar };
}

/** Folder of one game of `listGames`. */
export function gameFolder(root: string, split: Split, game: string): string {
  return path.join(splitFolder(root, split), game);
}

function splitFolder(root: string, split: Split): string {
  return path.join(root, 'json_2.1.1', FOLDERS[split]);
}

function readJson(file: string, read: (file: string, encoding: 'utf8') => string): unknown {
  try {
    return JSON.parse(read(file, 'utf8'));
  } catch (error) {
    throw new AlfworldGameError(`${file} cannot be read: ${(error as Error).message}.`);
  }
}
