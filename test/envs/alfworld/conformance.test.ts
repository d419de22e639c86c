/** Recorded games of the original engine, replayed byte by byte. */
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import test from 'ava';
import { replayAlfworldGames } from '../../../core/envs/alfworld/conformance.ts';

const GAMES = join(import.meta.dirname, 'games');
const SHARED = join(import.meta.dirname, '../../../../shared/alfworld-reference/games');
const LAPTOP = 'look_at_obj_in_light-Laptop-None-DeskLamp-320/trial_T20260211_022003_824647';

test('the enclosed games are equal in every field', (t) => {
  const { games, passed, failed } = replayAlfworldGames(GAMES);
  t.deepEqual(
    games.map(({ difference }) => difference),
    [null, null],
  );
  t.deepEqual(
    games.map(({ walks }) => walks),
    [4, 4],
  );
  t.deepEqual([passed, failed], [2, 0]);
  t.is(
    games.reduce((sum, { records }) => sum + records, 0),
    98 + 176,
  );
});

(existsSync(SHARED) ? test : test.skip)('all reference games are equal in every field', (t) => {
  const { games, passed } = replayAlfworldGames(SHARED);
  t.deepEqual(
    games.filter(({ difference }) => difference !== null),
    [],
  );
  t.is(passed, 24);
});

const changed = {
  feedback: (record: Record<string, unknown>) => ({ ...record, feedback: `${String(record['feedback'])} ` }),
  won: (record: Record<string, unknown>) => ({ ...record, won: true }),
  done: (record: Record<string, unknown>) => ({ ...record, done: true }),
  score: (record: Record<string, unknown>) => ({ ...record, score: 1 }),
  reward: (record: Record<string, unknown>) => ({ ...record, reward: 1 }),
  goal_conditions: (record: Record<string, unknown>) => ({ ...record, goal_conditions: [2, 2] }),
  admissible_commands: (record: Record<string, unknown>) => ({
    ...record,
    admissible_commands: (record['admissible_commands'] as string[]).toReversed(),
  }),
};

for (const [field, change] of Object.entries(changed)) {
  test(`a record with another ${field} fails its game and is named`, (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'alfworld-'));
    t.teardown(() => rmSync(folder, { recursive: true }));
    cpSync(join(GAMES, LAPTOP), folder, { recursive: true });
    const file = join(folder, 'transcripts.jsonl.gz');
    const lines = gunzipSync(readFileSync(file)).toString().trim().split('\n');
    lines[1] = JSON.stringify(change(JSON.parse(lines[1]) as Record<string, unknown>));
    writeFileSync(file, gzipSync(lines.join('\n')));
    const {
      games: [game],
      failed,
    } = replayAlfworldGames(folder);
    t.is(failed, 1);
    t.regex(game.difference!, new RegExp(`^walk "expert", step 1 \\("go to desk 2"\\): ${field} is `));
  });
}

test('a game that cannot be loaded fails with the reason', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'alfworld-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'transcripts.jsonl'), '');
  writeFileSync(
    join(folder, 'game.tw-pddl'),
    JSON.stringify({ pddl_domain: '(define (domain d) (:durative-action x))', grammar: '', pddl_problem: '' }),
  );
  t.deepEqual(
    replayAlfworldGames(folder).games.map(({ difference }) => difference),
    ['The section ":durative-action" of a PDDL domain is not supported.'],
  );
});

test('a folder without recordings is refused', (t) => {
  t.throws(() => replayAlfworldGames(import.meta.dirname.replace(/alfworld$/, 'alfworld/games/none')), {
    code: 'ENOENT',
  });
  const folder = mkdtempSync(join(tmpdir(), 'alfworld-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  t.throws(() => replayAlfworldGames(folder), { message: /^No recorded game / });
});
