/** The household as an environment: episodes, rewards, cuts, states, both sources of games, pictures. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { alfworld, type AlfworldEnvironment, type AlfworldOptions } from '../../../core/envs/alfworld/alfworld.ts';
import type { RgbImage } from '../../../core/pictures/rgb-image.ts';

const start = (options: Partial<AlfworldOptions> = {}, episode = 0): AlfworldEnvironment =>
  alfworld.start({ seed: 1, episode }, alfworld.parseOptions(options)) as AlfworldEnvironment;

const differs = (a: RgbImage, b: RgbImage): boolean => Buffer.compare(a.data, b.data) !== 0;

test('following the advice wins: conditions count up to 1, the last step adds 50', (t) => {
  const environment = start({ taskTypes: ['pick_cool_then_place_in_recep'] });
  const { plan } = environment.advice()!;
  const results = plan.map((command) => environment.step(command));
  t.true(results.slice(0, -1).every(({ reward, stop }) => stop === null && [0, 1 / 3].includes(reward)));
  t.deepEqual(results.at(-1), { reward: 51, stop: 'terminated' });
  t.like(environment.state(), { won: true, goalConditions: [3, 3], taskType: 'pick_cool_then_place_in_recep' });
  t.throws(() => environment.step('look'), { message: 'alfworld: the episode is over' });
});

test('five equal actions and the 41st cut the episode', (t) => {
  const idle = start();
  t.deepEqual(
    [1, 2, 3, 4, 5].map(() => idle.step('look').stop),
    [null, null, null, null, 'truncated'],
  );
  const long = start();
  const actions = Array.from({ length: 41 }, (_, i) => long.step(i % 2 ? 'look' : 'inventory'));
  t.deepEqual(actions.at(39), { reward: 0, stop: null });
  t.deepEqual(actions.at(40), { reward: -3, stop: 'truncated' });
});

test(
  'an action drawn for an unreadable answer has 1 less; that reward is not ' + 'a failure, and a cut replaces it',
  (t) => {
    const environment = start();
    t.deepEqual(environment.step('look', true), { reward: -1, stop: null });
    t.not(alfworld.cut.reward, -1);
    t.deepEqual([1, 2, 3, 4].map(() => environment.step('look', true)).at(-1), { reward: -3, stop: 'truncated' });
  },
);

test('the outcome of an episode depends on winning, not on rewards; progress is the share of conditions met', (t) => {
  const environment = start({ taskTypes: ['pick_cool_then_place_in_recep'] });
  const { plan } = environment.advice()!;
  for (const command of plan.slice(0, -1)) environment.step(command);
  // Cooled, not in place: one of three.
  t.deepEqual(alfworld.outcome({ start: environment.state(), end: environment.state() }, 40 / 3), {
    success: false,
    group: 'pick_cool_then_place_in_recep',
    progress: 1 / 3,
  });
  environment.step(plan.at(-1)!);
  t.deepEqual(alfworld.outcome({ start: environment.state(), end: environment.state() }, -40), {
    success: true,
    group: 'pick_cool_then_place_in_recep',
    progress: 1,
  });
});

test('the prompt values are the task, what can be done, what was done, and the last answer', (t) => {
  const environment = start();
  const first = environment.promptValues();
  t.true(first['feedback'].endsWith(`Your task is to: ${first['task']}.`));
  t.deepEqual(first['commands'].split('\n'), [...environment.legalActions()]);
  t.is(first['history'], '');
  environment.step('inventory');
  environment.step('look');
  t.is(environment.promptValues()['history'], 'inventory\nlook');
  t.regex(environment.promptValues()['feedback'], /^You stand in the middle of the room/);
});

test('an inadmissible action is a programming error', (t) => {
  t.throws(() => start().step('open sesame'), {
    instanceOf: RangeError,
    message: 'alfworld: "open sesame" is not admissible now',
  });
});

test('a state saved as JSON continues the same way', (t) => {
  const environment = start({}, 3);
  environment.step(environment.legalActions()[2]);
  const copy = alfworld.fromState(JSON.parse(JSON.stringify(environment.state())), alfworld.parseOptions({}));
  t.deepEqual(copy.state(), environment.state());
  t.deepEqual(copy.promptValues(), environment.promptValues());
  t.false(differs(copy.observe(64), environment.observe(64)));
  const next = environment.legalActions()[0];
  t.deepEqual(copy.step(next), environment.step(next));
});

/** A data set of the recorded games, named by ALFWORLD_DATA while the test runs; such tests are serial. */
function dataSet(t: ExecutionContext): void {
  const root = mkdtempSync(join(tmpdir(), 'alfworld-data-'));
  t.teardown(() => rmSync(root, { recursive: true }));
  cpSync(join(import.meta.dirname, 'games'), join(root, 'json_2.1.1/valid_unseen'), { recursive: true });
  process.env['ALFWORLD_DATA'] = root;
  t.teardown(() => delete process.env['ALFWORLD_DATA']);
}

test.serial('the data set: every game of a split comes once before one comes again', (t) => {
  dataSet(t);
  const options = { source: 'data', split: 'unseen' } as const;
  const games = [0, 1, 2, 3].map((episode) => (start(options, episode).state().key as { game: string }).game);
  t.not(games[0], games[1]);
  t.deepEqual(games.slice(2).sort(), games.slice(0, 2).sort());
  t.regex(start(options, 0).promptValues()['feedback'], /^-= Welcome to TextWorld, ALFRED! =-/);
});

test.serial("the data set: people's goals replace the template as a whole, and are part of the state", (t) => {
  dataSet(t);
  const options = {
    source: 'data',
    split: 'unseen',
    humanGoals: true,
    taskTypes: ['pick_heat_then_place_in_recep'],
  } as const;
  const environments = [0, 1, 2, 3, 4, 5].map((episode) =>
    start({ ...options, taskTypes: [...options.taskTypes] }, episode),
  );
  const tasks = environments.map((environment) => environment.promptValues()['task']);
  t.true(new Set(tasks).size > 1);
  for (const [i, environment] of environments.entries()) {
    const copy = alfworld.fromState(environment.state(), alfworld.parseOptions(options));
    t.is(copy.promptValues()['task'], tasks[i]);
  }
});

test.serial('the data set must be named', (t) => {
  const before = process.env['ALFWORLD_DATA'];
  delete process.env['ALFWORLD_DATA'];
  t.throws(() => start({ source: 'data' }), {
    name: 'AlfworldGameError',
    message: /ALFWORLD_DATA does not name its folder/,
  });
  if (before !== undefined) process.env['ALFWORLD_DATA'] = before;
});

test('rooms are checked for generated games, not for a data set', (t) => {
  const options = { rooms: ['kitchen'], taskTypes: ['look_at_obj_in_light'] };
  t.throws(() => alfworld.parseOptions(options), {
    message: /rooms: none of kitchen suits look_at_obj_in_light/,
  });
  t.notThrows(() => alfworld.parseOptions({ ...options, source: 'data' }));
});

test('unknown options are refused', (t) => {
  t.throws(() => alfworld.parseOptions({ split: 'all' }), { name: 'ConfigError' });
  t.throws(() => alfworld.parseOptions({ nonsense: 1 }), { name: 'ConfigError', message: /unknown key "nonsense"/ });
});

test('the picture follows what happens: opening, taking, heating, carrying', (t) => {
  for (const size of [64, 300]) {
    const environment = start({ taskTypes: ['pick_heat_then_place_in_recep'] }, 2);
    let before = environment.observe(size);
    t.deepEqual([before.width, before.height, before.data.length], [size, size, size * size * 3]);
    for (const command of environment.advice()!.plan) {
      environment.step(command);
      const after = environment.observe(size);
      t.true(differs(before, after), `${command} at ${size}`);
      before = after;
    }
  }
});

test('what a closed door hides is not in the picture', (t) => {
  const view = (open: boolean, contents: boolean): Buffer => {
    const environment = start({ taskTypes: ['pick_heat_then_place_in_recep'] }, 2);
    // The plan opens cabinet 1, where the mug is, and takes it.
    const [go, openIt, take] = environment.advice()!.plan;
    for (const command of [go, openIt, ...(contents ? [] : [take, openIt.replace('open', 'examine')])])
      environment.step(command);
    if (!open) environment.step(openIt.replace('open', 'close'));
    const { data, width } = environment.observe(300);
    return Buffer.from(data.subarray(0, width * 3 * 250)); // without the hand
  };
  t.true(view(false, true).equals(view(false, false)));
  t.false(view(true, true).equals(view(true, false)));
});
