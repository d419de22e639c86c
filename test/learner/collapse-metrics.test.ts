/** Signs of collapse: thoughts that do not depend on the observation have no information on it. */
import test from 'ava';
import { mutualInformation } from '../../core/learner/collapse-metrics.ts';
import { checkAlarms, type AlarmRule, type AlarmState } from '../../workflows/collapse-alarm.ts';

const near = (value: number, expected: number) => Math.abs(value - expected) < 1e-12;

test('thoughts that are equally likely under every observation: 0; only under their own: log n', (t) => {
  t.is(
    mutualInformation([
      [-3, -3],
      [-5, -5],
    ]),
    0,
  );
  t.true(
    near(
      mutualInformation([
        [-3, -900],
        [-900, -5],
      ]),
      Math.log(2),
    ),
  );
});

test('equals the formula on a separate table', (t) => {
  const p = [
    [0.5, 0.25, 0.125],
    [0.1, 0.6, 0.3],
    [0.2, 0.2, 0.4],
  ];
  const expected = p.reduce((sum, row, i) => sum + Math.log(row[i] / ((row[0] + row[1] + row[2]) / 3)), 0) / 3;
  t.true(near(mutualInformation(p.map((row) => row.map(Math.log))), expected));
});

test('an alarm fires once, after so many iterations in a row below its share of the first value', (t) => {
  const rule: AlarmRule = { metric: 'collapse/mutualInformation', below: 0.5, iterations: 2, raiseSft: null };
  let states: AlarmState[] = [];
  const fired = [null, 2, 0.9, 1.5, 0.9, 0.8, 0.1, 0.1].map((value) => {
    const next = checkAlarms([rule], states, { 'collapse/mutualInformation': value });
    ({ states } = next);
    return next.alarms.map(({ reason }) => reason);
  });
  t.deepEqual(
    fired.map(({ length }) => length),
    [0, 0, 0, 0, 0, 1, 0, 0],
  );
  t.regex(
    fired[5][0],
    /^collapse alarm: collapse\/mutualInformation was below 0\.5 of its first value \(1\.00\) for 2 /,
  );
});

test('a rule for an unknown metric pauses the run at once; one for an unmeasured metric waits', (t) => {
  const rule: AlarmRule = { metric: 'collapse/information', below: 0.5, iterations: 2, raiseSft: 3 };
  const first = checkAlarms([rule], [], { 'collapse/mutualInformation': 1 });
  t.deepEqual(first.alarms, [
    {
      raiseSft: null,
      reason: 'collapse.alarm.0.metric: collapse/information is not a metric of this run (docs/metrics.md)',
    },
  ]);
  t.deepEqual(checkAlarms([rule], first.states, {}).alarms, []);
  t.deepEqual(checkAlarms([rule], [], { 'collapse/information': null }).alarms, []);
});
