/** GRPO's advantages: within groups, of what can be compared. */
import test from 'ava';
import { compareGroups, type PlayedEpisode } from '../../core/learner/group-advantages.ts';

const played = (group: number, returns: readonly number[], whole = true): PlayedEpisode[] =>
  returns.map((value) => ({ group, return: value, whole }));

test('an advantage is the distance to the mean of the group in deviations of the group', (t) => {
  const { advantages, metrics } = compareGroups([...played(0, [1, 2, 3]), ...played(1, [10, 10, 40])], {
    size: 3,
    topP: 1,
  });
  t.deepEqual(advantages.slice(0, 3), [-1, 0, 1]);
  const deviation = Math.sqrt(300); // of 10, 10, 40 around 20, unbiased
  for (const [index, expected] of [-10, -10, 20].entries())
    t.true(Math.abs(advantages[3 + index]! - expected / deviation) < 1e-12);
  t.like(metrics, { 'group/count': 2, 'group/kept': 2 });
  t.true(Math.abs(metrics['group/deviation']! - Math.sqrt((1 + 300) / 2)) < 1e-12);
});

test('groups without variance, and incomplete groups, are dropped and counted', (t) => {
  const [missing, split] = [played(2, [0, 1]), [...played(3, [0, 1]), ...played(3, [5], false)]];
  const { advantages, metrics } = compareGroups(
    [...played(0, [7, 7, 7]), ...played(1, [0, 0, 3]), ...missing, ...split],
    { size: 3, topP: 1 },
  );
  t.deepEqual(
    advantages.map((one) => one === null),
    [true, true, true, false, false, false, ...missing.map(() => true), ...split.map(() => true)],
  );
  t.like(metrics, { 'group/count': 4, 'group/kept': 1, 'group/incomplete': 2, 'group/withoutVariance': 1 });
});

test('the groups with the most variance that make up the share topP are kept', (t) => {
  // Variances 2, 8, 18 of 28 in all.
  const groups = [...played(0, [0, 2]), ...played(1, [0, 4]), ...played(2, [0, 6])];
  const kept = (topP: number) =>
    [0, 2, 4].map((index) => compareGroups(groups, { size: 2, topP }).advantages[index] !== null);
  t.deepEqual(kept(0.5), [false, false, true]);
  t.deepEqual(kept(0.9), [false, true, true]);
  t.deepEqual(kept(1), [true, true, true]);
  t.is(compareGroups(groups, { size: 2, topP: 0.9 }).metrics['group/filtered'], 1);
});

test('nothing to compare: no advantages, and no deviation', (t) => {
  t.deepEqual(compareGroups([], { size: 4, topP: 1 }).advantages, []);
  t.is(compareGroups(played(0, [1, 1]), { size: 2, topP: 1 }).metrics['group/deviation'], null);
});
