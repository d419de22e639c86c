/** Heartbeats say what an activity is at, also where one step takes minutes, and keep its resume point. */
import test from 'ava';
import { MockActivityEnvironment } from '@temporalio/testing';
import { activity, type Heartbeat } from '../../activities/activity.ts';
import { doingText } from '../../core/episodes/doing.ts';

type Details = Parameters<typeof doingText>[0] & { resumePoint?: number };

test('a long step is reported while it runs', async (t) => {
  const environment = new MockActivityEnvironment({ heartbeatTimeoutMs: 1000 });
  const told: Details[] = [];
  let isLong: () => void;
  const long = new Promise<void>((resolve) => (isLong = resolve));
  environment.on('heartbeat', (details: Details) => {
    told.push(details);
    if (details.toldSecondsAgo !== undefined) isLong();
  });
  const run = activity(async (_: null, beat: Heartbeat<number>) => {
    await beat.reached(7);
    beat.tell({ doing: 'optimizer step 1 of 2', loss: 0.5 });
    await long;
    beat.tell({ doing: 'optimizer step 2 of 2', loss: 0.4 });
    return null;
  });
  await environment.run(run, null);
  const underWay = told.find(({ toldSecondsAgo }) => toldSecondsAgo !== undefined)!;
  t.like(underWay, { doing: 'optimizer step 1 of 2', loss: 0.5, resumePoint: 7 });
  t.true(underWay.toldSecondsAgo! >= 5);
  t.deepEqual(told.at(-1), { doing: 'optimizer step 2 of 2', loss: 0.4, resumePoint: 7 });
});

test('a line for people', (t) => {
  t.is(doingText({ doing: 'wave 1: round 3' }), 'wave 1: round 3');
  t.is(
    doingText({
      doing: 'optimizer step 3 of 40',
      loss: 1.25,
      tokensPerSecond: 56,
      secondsLeft: 900,
      toldSecondsAgo: 95,
      interruptionSeconds: 300,
    }),
    'optimizer step 3 of 40 (95 s ago), loss 1.25, 56 tokens/s, 15 min left at most, an interruption costs up to ' +
      '5 min',
  );
  t.is(doingText({ doing: 'evaluation', interruptionSeconds: 59 }), 'evaluation');
});
