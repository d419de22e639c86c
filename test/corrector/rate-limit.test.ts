import { setImmediate } from 'node:timers/promises';
import test from 'ava';
import fc from 'fast-check';
import { AccountGate, type GateClock } from '../../core/corrector/account-gate.ts';
import { CoolDown, TokenBudget } from '../../core/corrector/rate-limit.ts';

test("a minute's worth at once, then at the pace of the limit", (t) => {
  const budget = new TokenBudget(6000, 0); // 100 tokens a second
  t.is(budget.take(6000, 0), 0);
  t.is(budget.take(250, 0), 2.5);
  t.is(budget.take(250, 2.4), (250 - 240) / 100);
  t.is(budget.take(250, 2.5), 0);
  t.is(budget.take(1, 2.5), 0.01);
});

test('estimates are settled by what was used', (t) => {
  const budget = new TokenBudget(6000, 0);
  budget.take(6000, 0);
  budget.settle(6000, 5000, 0); // 1,000 too many were taken
  t.is(budget.take(1000, 0), 0);
  budget.settle(1000, 1600, 0); // 600 more than estimated: the bucket owes them
  t.is(budget.take(100, 0), 7);
  budget.settle(0, -1e9, 0); // never more than a minute's worth
  t.is(budget.take(6001, 0), 0);
  t.is(budget.take(1, 0), 0.02);
});

test('a call greater than the limit waits for a full bucket and pays it off', (t) => {
  const budget = new TokenBudget(600, 0);
  t.is(budget.take(900, 0), 0);
  t.is(budget.take(600, 0), (600 + 300) / 10);
});

test('what the provider says is left, and a new limit, hold from now on', (t) => {
  const budget = new TokenBudget(6000, 0);
  budget.lower(500, 0);
  t.is(budget.take(600, 0), 1);
  budget.lower(5000, 0); // it cannot raise the level
  t.is(budget.take(600, 0), 1);
  budget.change(12_000, 0); // 500 of 6,000 are 1,000 of 12,000
  t.is(budget.take(1000, 0), 0);
  t.is(budget.take(200, 0), 1);
});

test('over any time, no more passes than the limit allows', (t) => {
  const calls = fc.array(
    fc.record({ gap: fc.double({ min: 0, max: 30, noNaN: true }), tokens: fc.integer({ min: 1, max: 1000 }) }),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(calls, (list) => {
      const budget = new TokenBudget(1000, 0);
      let [now, passed] = [0, 0];
      for (const { gap, tokens } of list) {
        now += gap;
        if (budget.take(tokens, now) === 0) passed += tokens;
        if (passed > 1000 + (now * 1000) / 60 + 1e-6) return false;
      }
      return true;
    }),
  );
  t.pass();
});

test('a pause is as long as the provider asks, also beyond a minute, and its end is spread', (t) => {
  const coolDown = new CoolDown();
  t.is(coolDown.wait(0, 0.5), 0);
  coolDown.refused(300, 0, 10);
  t.is(coolDown.wait(10, 0), 300);
  t.is(coolDown.wait(10, 0.4), 300 + 0.4 * 0.25 * 300);
  coolDown.refused(5, 0, 20); // shorter: the longer one stands
  t.is(coolDown.wait(20, 0), 290);
  t.is(coolDown.wait(310, 0.9), 0);
});

test('refusals without a time double the pause up to a minute; those of one burst count once', (t) => {
  const coolDown = new CoolDown();
  let now = 100;
  const pauses = [];
  for (let round = 0; round < 8; round++) {
    const began = now;
    now += 1;
    for (let call = 0; call < 5; call++) coolDown.refused(null, began, now); // five in flight together
    pauses.push(coolDown.wait(now, 0));
    now += coolDown.wait(now, 0);
  }
  t.deepEqual(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
  coolDown.answered();
  coolDown.refused(null, now, now);
  t.is(coolDown.wait(now, 0), 1);
});

/** A clock that advances only while someone sleeps and nobody else can continue. */
function fakeClock(): GateClock {
  let now = 0;
  return { now: () => now, chance: () => 0, sleep: async (seconds) => (await setImmediate(), void (now += seconds)) };
}

test('calls pass in order of arrival, the later ones when the bucket has refilled', async (t) => {
  const clock = fakeClock();
  const gate = new AccountGate(600, clock);
  const order: string[] = [];
  await Promise.all([
    gate.enter(600).then(() => order.push(`first at ${clock.now()}`)),
    gate.enter(500).then(() => order.push(`large at ${clock.now()}`)),
    gate.enter(10).then(() => order.push(`small at ${clock.now()}`)),
  ]);
  t.deepEqual(order, ['first at 0', 'large at 50', 'small at 51']);
});

test('one refusal stops all calls until its end; settling and headers move the budget', async (t) => {
  const clock = fakeClock();
  const gate = new AccountGate(600, clock);
  const leave = await gate.enter(600);
  t.is(gate.refused(90, gate.now()), 90);
  leave.settle(0);
  await gate.enter(1);
  t.is(clock.now(), 90);
  gate.answered(0);
  await gate.enter(20);
  t.is(clock.now(), 92);
  gate.changeTokensPerMinute(null);
  await gate.enter(1e9);
  t.is(clock.now(), 92);
});

test('an aborted waiting call takes nothing', async (t) => {
  const clock = {
    ...fakeClock(),
    sleep: (_: number, signal?: AbortSignal) =>
      new Promise<void>((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason as Error))),
  };
  const gate = new AccountGate(600, clock);
  await gate.enter(600);
  const [first, second] = [new AbortController(), new AbortController()];
  const waiting = gate.enter(100, first.signal);
  const behind = gate.enter(100, second.signal);
  second.abort(new Error('second stopped'));
  await t.throwsAsync(behind, { message: 'second stopped' });
  first.abort(new Error('first stopped'));
  await t.throwsAsync(waiting, { message: 'first stopped' });
  gate.changeTokensPerMinute(null);
  await gate.enter(1);
});
