/** Replays recorded games of the original engine and compares every field of every step. */
import { readdirSync, readFileSync, existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { Entity } from './entities.ts';
import { AlfworldGameError } from './game-error.ts';
import { goalConditions, ofKind, readTask, type Task } from './goal-conditions.ts';
import type { TextGamePlay } from './text-game-play.ts';
import { TextGame, type GameFile } from './text-game.ts';

/** One line of a `transcripts.jsonl.gz`. `score` and `reward` are null at step 0, the reset. */
export type RecordedStep = {
  readonly walk: string;
  readonly step: number;
  readonly command: string | null;
  readonly feedback: string;
  readonly won: boolean;
  readonly done: boolean;
  readonly score: number | null;
  readonly reward: number | null;
  readonly goal_facts?: readonly string[] | null;
  readonly goal_conditions?: readonly [number, number] | null;
  readonly admissible_commands: readonly string[];
};

/** The result of one game. `difference`: where the first one is, in one sentence; null if all records are equal. */
export type GameConformance = {
  readonly game: string;
  readonly walks: number;
  readonly records: number;
  readonly difference: string | null;
};
export type AlfworldConformance = {
  readonly games: readonly GameConformance[];
  readonly passed: number;
  readonly failed: number;
};

/**
 * Replays every game below a directory: each folder with a `game.tw-pddl` or `.gz` and a `transcripts.jsonl` or `.gz`.
 * A game that cannot be loaded or replayed fails with the reason as its difference.
 * @throws AlfworldGameError when the directory holds no recorded game
 */
export function replayAlfworldGames(directory: string): AlfworldConformance {
  const folders = recordedFolders(directory);
  if (folders.length === 0)
    throw new AlfworldGameError(
      `No recorded game (game.tw-pddl with transcripts.jsonl, plain or .gz) lies below ${directory}.`,
    );
  const games = folders.map((folder): GameConformance => {
    const game = relative(directory, folder) || '.';
    try {
      return { game, ...replayFolder(folder) };
    } catch (error) {
      return { game, walks: 0, records: 0, difference: (error as Error).message };
    }
  });
  const passed = games.filter(({ difference }) => difference === null).length;
  return { games, passed, failed: games.length - passed };
}

function recordedFolders(directory: string): string[] {
  const found = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /^transcripts\.jsonl(\.gz)?$/.test(entry.name))
    .map((entry) => entry.parentPath);
  return [...new Set(found)].sort();
}

function replayFolder(folder: string): Omit<GameConformance, 'game'> {
  const game = new TextGame(JSON.parse(readText(join(folder, 'game.tw-pddl'))) as GameFile);
  const trajectory = join(folder, 'traj_data.json');
  const task = existsSync(trajectory) ? readTask(JSON.parse(readFileSync(trajectory, 'utf8'))) : null;
  const records = readText(join(folder, 'transcripts.jsonl'))
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as RecordedStep);
  const walks = Map.groupBy(records, (record) => record.walk);
  for (const [walk, steps] of walks) {
    const difference = replayWalk(game, task, steps);
    if (difference) return { walks: walks.size, records: records.length, difference: `walk "${walk}", ${difference}` };
  }
  return { walks: walks.size, records: records.length, difference: null };
}

function replayWalk(game: TextGame, task: Task | null, steps: readonly RecordedStep[]): string | null {
  const play = game.start();
  for (const step of steps) {
    const answer = step.command === null ? { feedback: play.intro, won: play.won } : play.step(step.command);
    const points = step.command === null ? null : Number(answer.won);
    const ours: Record<string, unknown> = {
      feedback: answer.feedback,
      won: answer.won,
      done: step.command !== null && answer.won,
      score: points,
      reward: points,
      admissible_commands: play.commands,
    };
    if (task && step.goal_facts) ours['goal_facts'] = goalFacts(play, task);
    if (task && step.goal_conditions) {
      const { met, total } = goalConditions(play, task);
      ours['goal_conditions'] = [met, total];
    }
    for (const [field, value] of Object.entries(ours)) {
      const [is, should] = [JSON.stringify(value), JSON.stringify(step[field as keyof RecordedStep])];
      if (is !== should)
        return `step ${step.step} (${JSON.stringify(step.command)}): ${field} is ${is}, recorded is ${should}`;
    }
  }
  return null;
}

/** The facts about a task's targets, what is in hand, and toggled lamps, as recordings write them. */
function goalFacts(play: TextGamePlay, task: Task): string[] {
  const targets = new Set(ofKind(play, task.object));
  const one = (predicate: string, about: (thing: Entity) => boolean): string[] =>
    play
      .facts(predicate)
      .filter(([thing]) => about(thing))
      .map(([thing]) => `${predicate}(${thing.name})`);
  return [
    ...play
      .facts('inreceptacle')
      .filter(([thing]) => targets.has(thing))
      .map(([thing, place]) => `inreceptacle(${thing.name}, ${place.name})`),
    ...play.facts('holds').map(([, thing]) => `holds(${thing.name})`),
    ...['isclean', 'ishot', 'iscool', 'issliced'].flatMap((predicate) => one(predicate, (thing) => targets.has(thing))),
    ...one('istoggled', () => true),
  ];
}

/** The text of a file, or of the file with `.gz` behind its name. */
export function readText(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : gunzipSync(readFileSync(`${path}.gz`)).toString('utf8');
}
