/** Configurations that mix environments: what is filled in, what is refused, and the curriculum. */
import test from 'ava';
import { checkedRunConfig } from '../../configs/checked-config.ts';
import { evaluationDeals } from '../../configs/evaluation-plays.ts';
import { withField } from '../../configs/live-settings.ts';
import { afterIteration, labelOf, mostEpisodeSteps, ownConfigs, playedName } from '../../configs/mixture.ts';
import { parseConfig, type RunConfig, runConfigSchema } from '../../configs/schema.ts';

const LAKE = { name: 'frozenlake', maxEpisodeSteps: 12 };
const GIVEN = {
  environments: [LAKE, { name: './my games/Über maze.ts', share: 2, prompt: 'p.json', correctorPrompt: 'c.json' }],
  model: { base: 'x' },
};
const parse = (input: object): RunConfig => {
  const config = parseConfig(runConfigSchema, input, 'test');
  // workflows read it as everybody does, and reading it again changes nothing
  if (JSON.stringify(checkedRunConfig(input, 'test')) !== JSON.stringify(config)) throw new Error('read otherwise');
  if (JSON.stringify(parseConfig(runConfigSchema, config, 'test')) !== JSON.stringify(config))
    throw new Error('not idempotent');
  return config;
};

test('environment need not be given, and each environment is a configuration of its own', (t) => {
  const config = parse(GIVEN);
  t.deepEqual(config.environment, { name: 'frozenlake', options: {}, maxEpisodeSteps: 12 });
  t.deepEqual(parse({ ...GIVEN, environment: null }), config);
  t.is(playedName(config), 'frozenlake+-ber-maze');
  t.is(labelOf({ name: '@me/my-game', label: null }), 'my-game');
  t.is(mostEpisodeSteps(config), 20);
  const [lake, maze] = ownConfigs(config);
  t.deepEqual(lake.environment, config.environment);
  t.deepEqual(maze.environment, { name: './my games/Über maze.ts', options: {}, maxEpisodeSteps: 20 });
  t.deepEqual(
    [lake, maze].map(({ environments, model, corrector }) => [environments, model.prompt, corrector.openai.prompt]),
    [
      [undefined, null, null],
      [undefined, 'p.json', 'c.json'],
    ],
  );
  t.is(ownConfigs(maze)[0], maze);
});

test('a run of one environment is stored as before: nothing of mixtures stands in it', (t) => {
  const config = parse({ environment: LAKE, model: { base: 'x' } });
  t.false('environments' in config);
  t.false('curriculum' in config.rollout);
});

const refused = (changes: object, message: RegExp) =>
  test(`refused: ${message.source}`, (t) => {
    const input = { ...GIVEN, ...changes };
    t.throws(() => parseConfig(runConfigSchema, input, 'test'), { name: 'ConfigError', message });
    t.throws(() => checkedRunConfig(input, 'test'), { name: 'ConfigError', message });
  });
refused({ environment: { name: 'sokoban' } }, /^test: environment: leave it out \(or null\): `environments` says/);
refused({ environments: [] }, /environments: Too small/);
refused({ environments: [LAKE, LAKE] }, /environments\.1\.label: two environments are called frozenlake; give one/);
refused({ environments: [{ ...LAKE, share: 0 }] }, /environments\.0\.share: Too small/);
refused({ environments: [{ ...LAKE, label: 'a/b' }] }, /environments\.0\.label: must consist of letters, digits/);
refused({ model: { base: 'x', prompt: 'frozenlake-tiny' } }, /model\.prompt: give it for each of `environments`/);
refused({ evaluation: { options: { size: 4 } } }, /evaluation\.options: give it for each of `environments` instead/);
refused({ evaluation: { heldOut: {} } }, /evaluation\.heldOut: give it for each of `environments` instead/);
refused({ corrector: { openai: { prompt: 'x' } } }, /corrector\.openai\.prompt: give it for each of `environments`/);
refused({ rollout: { curriculum: { stage: 3 } } }, /rollout\.curriculum: needs a list of `environments`, from easy/);
refused(
  { environments: undefined, environment: LAKE, rollout: { curriculum: {} } },
  /rollout\.curriculum: needs a list/,
);

test('evaluations mix the evaluation deals of each; held-out ones are of those that have some', (t) => {
  const [lake, maze] = GIVEN.environments;
  const config = parse({
    ...GIVEN,
    environments: [
      { ...lake, options: { size: 4, frozen: 0.8 }, evaluation: { options: { size: 5 }, heldOut: { size: 6 } } },
      maze,
    ],
  });
  t.deepEqual(evaluationDeals(config), [
    {
      members: [
        { options: { size: 5, frozen: 0.8 }, share: 1 },
        { options: {}, share: 2 },
      ],
    },
    {
      members: [
        { options: { size: 6, frozen: 0.8 }, share: 1 },
        { options: {}, share: 0 },
      ],
    },
  ]);
  t.is(evaluationDeals(parse(GIVEN)).length, 1);
});

test('the curriculum goes on by one environment, when the newest is played well over enough episodes', (t) => {
  const config = parse({ ...GIVEN, rollout: { curriculum: { success: 0.5, episodes: 10 } } });
  const stageAfter = (from: RunConfig, episodes: number, success: number | null, label = 'frozenlake') =>
    afterIteration(from, { [`${label}/episode/count`]: episodes, [`${label}/episode/success`]: success }).rollout
      .curriculum?.stage;
  t.is(stageAfter(config, 10, 0.49), 1);
  t.is(stageAfter(config, 9, 1), 1);
  t.is(stageAfter(config, 0, null), 1);
  t.is(stageAfter(config, 10, 0.5), 2);
  const second = { ...config, rollout: { ...config.rollout, curriculum: { ...config.rollout.curriculum!, stage: 2 } } };
  t.is(stageAfter(second, 10, 1, '-ber-maze'), 2); // all are played
  t.is(stageAfter(parse(GIVEN), 10, 1), undefined);
});

test('a field of an environment changes in a stored configuration, and a preset becomes a mixture', (t) => {
  const stored = parse(GIVEN);
  const changed = parse(withField(stored, 'environments.0.options', { size: 5 }) as object);
  t.deepEqual(changed.environment, { name: 'frozenlake', options: { size: 5 }, maxEpisodeSteps: 12 });
  const preset = { environment: { name: 'sokoban' }, model: { base: 'x' } };
  t.is(parse(withField(preset, 'environments', [LAKE]) as object).environment.name, 'frozenlake');
});
