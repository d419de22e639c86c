/** ALFWorld's data set as users download it: its games are found and read where they lie. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { readText } from './conformance.ts';
import { AlfworldGameError } from './game-error.ts';
import type { Split } from './generate-game.ts';
import { readTask, TASK_TYPES, type Task, type TaskType } from './goal-conditions.ts';
import type { GameFile } from './text-game.ts';

/** The data set's name for each split. */
const FOLDERS: Readonly<Record<Split, string>> = { train: 'train', seen: 'valid_seen', unseen: 'valid_unseen' };

const lists = new Map<string, readonly string[]>();

/**
 * The games of a split, as `<task>/<trial>` paths, sorted. Left out, as in the original: folders of movable receptacles
 * and sliced objects, and trials without a game file. Listed once per process.
 * @param root the folder that holds `json_2.1.1` (`ALFWORLD_DATA`)
 * @throws AlfworldGameError when the folder is missing or holds no game of these types
 */
export function listGames(root: string, split: Split, taskTypes: readonly TaskType[] = TASK_TYPES): readonly string[] {
  const key = JSON.stringify([root, split, [...taskTypes].sort()]);
  let games = lists.get(key);
  if (!games) {
    const folder = splitFolder(root, split);
    if (!existsSync(folder)) {
      throw new AlfworldGameError(
        `ALFWorld's games are not at ${folder}; run alfworld-download and name its folder by ALFWORLD_DATA or the ` +
          `option "data".`,
      );
    }
    const types: readonly string[] = taskTypes;
    games = readdirSync(folder)
      .sort()
      .filter((task) => types.includes(task.split('-')[0]) && !/movable|Sliced/.test(task))
      .flatMap((task) =>
        readdirSync(path.join(folder, task))
          .sort()
          .map((trial) => `${task}/${trial}`),
      )
      .filter((game) => ['', '.gz'].some((end) => existsSync(path.join(folder, game, `game.tw-pddl${end}`))));
    if (games.length === 0)
      throw new AlfworldGameError(`No game of the task types ${taskTypes.join(', ')} lies below ${folder}.`);
    lists.set(key, games);
  }
  return games;
}

export type DataSetGame = {
  readonly file: GameFile;
  readonly task: Task;
  /** What people wrote about the goal, e.g. `Put a chilled apple in the sink.`; may be empty. */
  readonly annotations: readonly string[];
};

/** Reads one game of `listGames`. @throws AlfworldGameError when its files are not what the data set ships */
export function readGame(root: string, split: Split, game: string): DataSetGame {
  const folder = gameFolder(root, split, game);
  const trajectory = readJson(path.join(folder, 'traj_data.json'), readFileSync) as {
    turk_annotations?: { anns?: { task_desc?: unknown }[] };
  };
  return {
    file: readJson(path.join(folder, 'game.tw-pddl'), readText) as GameFile,
    task: readTask(trajectory),
    annotations: (trajectory.turk_annotations?.anns ?? [])
      .map(({ task_desc: text }) => text)
      .filter((text) => typeof text === 'string')
      .map((text) => text.trim()),
  };
}

/** The game with another sentence for its goal. Signs that would end a text of the grammar become commas. */
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
