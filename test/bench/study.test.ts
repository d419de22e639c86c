/** The study's plan, tables and figure, from made-up outcomes of two seeds. */
import test from 'ava';
import { studyRuns } from '../../bench/study/arms.ts';
import { rangeBySeed, studyFigure } from '../../bench/study/figure.ts';
import { lateMean, pooled, type RunOutcome } from '../../bench/study/outcomes.ts';
import { gameTables } from '../../bench/study/tables.ts';
import { wilsonInterval } from '../../core/learner/intervals.ts';

const runs = studyRuns({ seeds: [1, 2] });

test(
  'arms of a game differ in what they say they do and in nothing else; core ' + 'arms come first, seed after seed',
  (t) => {
    t.is(new Set(runs.map(({ id }) => id)).size, runs.length);
    t.deepEqual(
      runs.slice(0, 4).map(({ id }) => id),
      ['study/points24/gtr/1', 'study/points24/ppo/1', 'study/points24/sft/1', 'study/points24/gtr/2'],
    );
    const config = (id: string) => runs.find((run) => run.id === `study/points24/${id}`)!.config;
    const gtr = config('gtr/1');
    t.is(gtr.algorithm, 'gtr');
    t.deepEqual(config('ppo/1'), { ...gtr, algorithm: 'ppo' });
    t.deepEqual(config('sft/2'), { ...gtr, algorithm: 'sft', seed: 2 });
    t.deepEqual(config('no-cut/1'), { ...gtr, corrector: { ...gtr.corrector, cut: false } });
    t.deepEqual(config('no-dagger/1'), { ...gtr, sft: { ...gtr.sft, dagger: false } });
    t.deepEqual(config('masked/1'), { ...gtr, sft: { ...gtr.sft, actionCloning: false } });
    t.deepEqual(
      studyRuns({ seeds: [3], only: ['ezpoints/ppo'] }).map(({ id }) => id),
      ['study/ezpoints/ppo/3'],
    );
  },
);

/** Of 10 deals `successes` were solved; `wellFormed` by iteration. */
function outcome(seed: 1 | 2, successes: number, wellFormed: number[]): RunOutcome {
  const part = {
    success: successes / 10,
    low: 0,
    high: 1,
    episodes: 10,
    reward: 0,
    rewardLow: 0,
    rewardHigh: 0,
    length: 9,
    legalRate: 1,
    wellFormedRate: 0.75,
    progress: null,
    groups: {},
    thought: { selfBleu2: null, distinctPerState: 1, perceptionRate: 0.5, validGoalRate: 0.25, agreementRate: 1 },
  };
  const lines = wellFormed.map((rate, iteration) => ({
    iteration,
    samples: { sha256: '', bytes: 0, kind: 'samples' },
    metrics: {
      'response/wellFormedRate': rate,
      'thought/correctRate': null,
      envSteps: 512,
      'episode/success': rate / 2,
    },
  }));
  return {
    ...runs.find((run) => run.id === `study/points24/gtr/${seed}`)!,
    lines,
    evaluation: { ...part, heldOut: { ...part, success: 0 }, greedy: null },
  };
}
const outcomes = [{ arm: runs[0].arm, runs: [outcome(1, 3, [1, 0.5]), outcome(2, 5, [0.9, 0.7])] }];

test('seeds are pooled: success with the interval of the pooled count, metrics as means', (t) => {
  // 3 + 5 of 10 + 10.
  t.deepEqual(pooled(outcomes[0].runs.map(({ evaluation }) => evaluation)), {
    success: 0.4,
    ...wilsonInterval(8, 20),
    episodes: 20,
  });
  t.is(lateMean(outcomes[0].runs, 'response/wellFormedRate', 1), (0.5 + 0.7) / 2);
  t.is(lateMean(outcomes[0].runs, 'thought/correctRate'), null);
  t.deepEqual(
    rangeBySeed([
      [0.2, null],
      [0.4, null],
    ]),
    [{ mean: (0.2 + 0.4) / 2, low: 0.2, high: 0.4 }, null],
  );
});

test('the table holds each arm with pooled success, every seed, held-out success and steps', (t) => {
  const table = gameTables('points24', null, outcomes);
  t.regex(
    table,
    /\| GTR \| 2 \| \*\*40\.0\*\* \(21\.9 to 61\.3; 20 deals\) \| 30\.0 50\.0 \| \*\*0\.0\*\* .* \| 1,024 \|/,
  );
  t.true(table.includes('| GTR | 0.75 | 0.50 | 0.25 | 1.00 | 1.00 |  |  |  |'));
});

test('household tasks are shown by task type as well, pooled over seeds', (t) => {
  const rate = (success: number) => ({ success, low: 0, high: 1, episodes: 4 });
  const groups = ({ evaluation, ...run }: RunOutcome, put: number) => ({
    ...run,
    evaluation: { ...evaluation, groups: { put: rate(put), wash: rate(0.25) } },
  });
  const [first, second] = outcomes[0].runs;
  const table = gameTables('alfworld', null, [{ arm: outcomes[0].arm, runs: [groups(first, 1), groups(second, 0.5)] }]);
  // (4 + 2) of 8, (1 + 1) of 8; every action could be read.
  t.true(table.includes('| GTR | 75.0 | 25.0 | 100.0 |'), table);
  t.true(table.includes('20 games'));
});

test('the figure is one SVG with a curve per arm and panel, and a key', (t) => {
  const svg = studyFigure([
    { title: 'Success < all', metric: 'episode/success', outcomes },
    { title: 'Not judged', metric: 'thought/correctRate', outcomes },
    { title: 'Not run', metric: 'episode/success', outcomes: [] },
  ]);
  t.regex(svg, /^<svg [^]*<\/svg>\n$/);
  t.true(svg.includes('Success &lt; all'));
  t.false(svg.includes('Not run'));
  // One mean curve (two points) and one band; the panel without values has none.
  t.is(svg.match(/stroke-width="1.8"/g)?.length, 1);
  t.is(svg.match(/class="key"/g)?.length, 1);
});
