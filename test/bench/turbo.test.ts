/** The study of merged teachers: its plan, and when an alarm would have fired. */
import test from 'ava';
import { alarmOutcome, TRIED_RULES } from '../../bench/turbo/alarm-table.ts';
import { TURBO_GROUPS } from '../../bench/turbo/arms.ts';
import { studyRuns } from '../../bench/study/arms.ts';
import type { RunOutcome } from '../../bench/study/outcomes.ts';

const runs = studyRuns({ seeds: [1], groups: TURBO_GROUPS });

test('an arm changes only what its title says', (t) => {
  t.is(new Set(runs.map(({ id }) => id)).size, runs.length);
  const config = (name: string) => runs.find(({ id }) => id === `study/ezpoints/turbo-${name}/1`)!.config;
  const kl = config('kl');
  t.is(kl.algorithm, 'gtr-turbo-kl');
  const { turbo } = kl;
  const { merge } = turbo;
  t.deepEqual(config('kl-start'), { ...kl, turbo: { ...turbo, merge: { ...merge, until: 0 } } });
  t.deepEqual(config('kl-frozen'), { ...kl, turbo: { ...turbo, merge: { ...merge, until: 1 } } });
  t.deepEqual(config('kl-linear'), { ...kl, turbo: { ...turbo, merge: { ...merge, method: 'linear' } } });
  t.deepEqual(config('kl-all'), { ...kl, turbo: { ...turbo, kl: { ...turbo.kl, tokens: 'all' } } });
  t.deepEqual(config('kl-unclipped'), { ...kl, turbo: { ...turbo, kl: { ...turbo.kl, clip: 'none' } } });
  t.deepEqual(config('ppo'), { ...kl, algorithm: 'ppo' });
});

const [watched] = TRIED_RULES;

/** A run's record, iteration by iteration. */
function recorded(success: number[], values: number[]): RunOutcome['lines'] {
  return success.map((one, iteration) => ({
    iteration,
    samples: { sha256: '', bytes: 0, kind: 'samples' },
    metrics: { 'episode/success': one, [watched.metric]: values[iteration] },
  }));
}

test('the alarm table shows when an alarm fires and when success stays low', (t) => {
  const rules = [{ ...watched, iterations: 1 }];
  // Below 1 first in iteration 2; success is below 0.2 in iterations 2 and 4, but stays there from 4 on.
  t.deepEqual(alarmOutcome(recorded([0.4, 0.1, 0.3, 0.1, 0], [2, 0.9, 2, 2, 2]), rules), { fired: 2, fell: 4 });
  t.deepEqual(alarmOutcome(recorded([0.4, 0.5], [2, 2]), rules), { fired: null, fell: null });
});
