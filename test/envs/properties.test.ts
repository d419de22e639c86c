/** Properties of all card games under any seed and any actions. */
import test from 'ava';
import fc from 'fast-check';
import type { Environment } from '../../core/envs/env.ts';
import { blackjack } from '../../core/envs/blackjack.ts';
import { ezpoints } from '../../core/envs/ezpoints.ts';
import { numberline } from '../../core/envs/numberline.ts';
import { points24 } from '../../core/envs/points24.ts';

const key = fc.record({ seed: fc.nat(), episode: fc.nat({ max: 1 << 30 }) });
const choices = fc.array(fc.nat({ max: 1000 }), { maxLength: 30 });

/** Takes actions until they or the episode end; gives what came of each. */
function follow(environment: Environment, actions: readonly number[]) {
  const trace: unknown[] = [];
  for (const choice of actions) {
    const legal = environment.legalActions();
    const result = environment.step(legal[choice % legal.length]);
    trace.push([result, environment.state(), environment.promptValues()]);
    if (result.stop !== null) break;
  }
  return trace;
}

for (const game of [points24, ezpoints, numberline, blackjack] as const) {
  const options = game.parseOptions({}) as never;

  test(
    `${game.name}: a seed gives the same episode again; started from its first state, or from any later one, it ` +
      `goes on the same`,
    (t) => {
      fc.assert(
        fc.property(key, choices, fc.nat({ max: 30 }), (from, actions, cut) => {
          const whole = follow(game.start(from, options), actions);
          t.deepEqual(follow(game.start(from, options), actions), whole);
          const first = JSON.parse(JSON.stringify(game.start(from, options).state()));
          t.deepEqual(follow(game.fromState(first, options), actions), whole);
          const left = game.start(from, options);
          const before = follow(left, actions.slice(0, cut));
          if (before.length < whole.length && before.length === Math.min(cut, actions.length)) {
            const later = game.fromState(JSON.parse(JSON.stringify(left.state())), options);
            t.deepEqual(later.observe(64), left.observe(64));
            t.deepEqual(follow(later, actions.slice(cut)), whole.slice(before.length));
          }
        }),
        { seed: 1, numRuns: 60 },
      );
    },
  );
}
