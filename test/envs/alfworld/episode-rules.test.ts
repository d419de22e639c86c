/** Rewards, cuts and the reading of commands. */
import test from 'ava';
import { isCut, judgeStep } from '../../../core/envs/alfworld/episode-rules.ts';
import { readCommand } from '../../../core/envs/alfworld/read-command.ts';

const actions = (count: number): string[] => Array.from({ length: count }, (_, i) => `go to drawer ${i}`);

test('a step earns the share of goal conditions, and 50 when it wins', (t) => {
  t.deepEqual(judgeStep(actions(1), false, { met: 0, total: 3 }), { reward: 0, stop: null });
  t.deepEqual(judgeStep(actions(1), false, { met: 1, total: 2 }), { reward: 0.5, stop: null });
  t.deepEqual(judgeStep(actions(40), true, { met: 3, total: 3 }), { reward: 51, stop: 'terminated' });
});

test('more than 40 actions or five equal ones in a row cut the episode with -3', (t) => {
  t.deepEqual(judgeStep(actions(41), false, { met: 1, total: 2 }), { reward: -3, stop: 'truncated' });
  t.false(isCut(['look', 'look', 'look', 'look']));
  t.true(isCut(['look', 'look', 'look', 'look', 'look']));
  t.false(isCut(['look', 'look', 'look', 'look', 'inventory']));
  t.deepEqual(judgeStep(['inventory', 'look', 'look', 'look', 'look', 'look'], false, { met: 1, total: 1 }), {
    reward: -3,
    stop: 'truncated',
  });
});

const ADMISSIBLE = ['examine drawer 1', 'go to drawer 1', 'go to drawer 10', 'look', 'take mug 1 from drawer 1'];
const readings: [string, string | null, string | null, string | null][] = [
  // text, longest, exact, original
  [' "go to drawer 10"}', 'go to drawer 10', 'go to drawer 10', 'go to drawer 1'],
  ['"Go to drawer 1"', 'go to drawer 1', 'go to drawer 1', 'go to drawer 1'],
  ['go to drawer 10', 'go to drawer 10', 'go to drawer 10', 'go to drawer 1'],
  ['"I will go to drawer 10 now."}', 'go to drawer 10', null, 'go to drawer 1'],
  ['"go to drawer 11"', null, null, 'go to drawer 1'],
  ['"overlook"', null, null, 'look'],
  ['"look, then go to drawer 1"', null, null, 'go to drawer 1'],
  ['"take mug 1 from drawer 1."', 'take mug 1 from drawer 1', null, 'take mug 1 from drawer 1'],
  ['"fly"', null, null, null],
  ['', null, null, null],
];
for (const [text, longest, exact, original] of readings) {
  test(`read: ${text}`, (t) => {
    t.deepEqual(
      [
        readCommand(text, ADMISSIBLE),
        readCommand(text, ADMISSIBLE, 'exact'),
        readCommand(text, ADMISSIBLE, 'original'),
      ],
      [longest, exact, original],
    );
  });
}
