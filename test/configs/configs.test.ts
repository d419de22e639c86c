import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { applyChange } from '../../cli/config-file.ts';
import { parseConfig, runConfigSchema, sftConfigSchema } from '../../configs/schema.ts';
import { skipsProvedThoughts } from '../../configs/teachers.ts';
import { jsonSchemas } from '../../configs/write-json-schema.ts';

const folder = path.resolve(import.meta.dirname, '../../configs');
const read = (name: string) => JSON.parse(readFileSync(path.join(folder, name), 'utf8')) as { $schema: string };
const files = readdirSync(folder).filter((name) => name.endsWith('.json') && !name.endsWith('.schema.json'));

/** The paper's presets, whose 7B checkpoint is the user's. */
const PAPER = ['points24', 'ezpoints', 'numberline', 'blackjack', 'alfworld'].map((name) => `${name}.json`);
/** Others whose checkpoint is the user's. */
const OWN_CHECKPOINT = [
  'points24-qwen2_5-vl',
  'points24-qwen3-vl',
  'ezpoints-smolvlm',
  'sft-ezpoints-smolvlm',
  'frozenlake',
  'sokoban',
].map((name) => `${name}.json`);
/** What differs from the defaults there (spec.md section 5). */
const OWN_NUMBERS: Readonly<Record<string, object>> = {
  'alfworld.json': { envSteps: 5000, ppo: { thoughtCoef: 0.2 } },
};

for (const name of PAPER) {
  test(`configs/${name}: the paper's numbers are the defaults; missing settings are named`, (t) => {
    const { environment, rollout, evaluation, successWindow, ...preset } = parseConfig(
      runConfigSchema,
      applyChange(read(name), 'model.base=/models/llava'),
      name,
    );
    const {
      environment: _,
      rollout: __,
      evaluation: ___,
      successWindow: ____,
      ...defaults
    } = parseConfig(
      runConfigSchema,
      {
        environment: { name: 'points24' },
        model: { base: '/models/llava', prompt: environment.name, train: { kind: 'lora' } },
        corrector: { teacher: 'openai' },
        ...OWN_NUMBERS[name],
      },
      'test',
    );
    t.deepEqual({ ...preset, engine: null, $schema: null, title: '' }, { ...defaults, engine: null, $schema: null });
    t.like(rollout, {
      temperature: 0.2,
      repetitionPenalty: 1.2,
      maxNewTokens: 256,
      envStepsPerIteration: /blackjack|numberline/.test(name) ? 512 : 1024,
    });
    t.deepEqual([evaluation.episodes, successWindow], name === 'blackjack.json' ? [1000, 1000] : [200, 200]);
    t.throws(() => parseConfig(runConfigSchema, read(name), name), {
      message: new RegExp(
        `^${name}: model.base: is not set: name the folder of your checkpoint, e\\.g\\. --set model\\.base=`,
      ),
    });
  });
}

for (const name of files) {
  test(`configs/${name} is valid`, (t) => {
    const schema = read(name).$schema === './sft.schema.json' ? sftConfigSchema : runConfigSchema;
    const config = [...PAPER, ...OWN_CHECKPOINT].includes(name)
      ? applyChange(read(name), 'model.base=/models/llava')
      : read(name);
    t.notThrows(() => parseConfig(schema, config, name));
  });
}

test("Qwen's presets are one but for the title, with the GTR-Turbo paper's steps and format reward", (t) => {
  const [qwen25, qwen3] = ['qwen2_5', 'qwen3'].map((name) => ({ ...read(`points24-${name}-vl.json`), title: '' }));
  t.deepEqual(qwen25, qwen3);
  t.like(qwen25, { envSteps: 30_000, formatReward: 5 });
});

test('the runs that the documentation names are there', (t) => {
  for (const name of [
    'quickstart',
    'points24-tiny',
    'ezpoints-tiny',
    'numberline-tiny',
    'blackjack-tiny',
    'smoke',
    ...PAPER.map((name) => name.slice(0, -5)),
  ])
    t.true(files.includes(`${name}.json`), name);
});

test('the published JSON schemas are those of the code', (t) => {
  for (const [name, text] of Object.entries(jsonSchemas()))
    t.is(readFileSync(path.join(folder, name), 'utf8'), text, `${name}: run \`node configs/write-json-schema.ts\``);
});

const minimal = { environment: { name: 'points24' }, model: { base: 'models/x', prompt: 'points24-tiny' } };

test("the defaults are the paper's numbers (spec.md section 5)", (t) => {
  const { envSteps, rollout, ppo, optimizer, formatReward, seed } = parseConfig(runConfigSchema, minimal, 'test');
  t.like(
    { envSteps, seed, formatReward, ...rollout, ...ppo, ...optimizer },
    {
      envSteps: 15_000,
      seed: 1,
      formatReward: 5,
      envStepsPerIteration: 1024,
      temperature: 0.2,
      repetitionPenalty: 1.2,
      maxNewTokens: 256,
      gamma: 0.9,
      lambda: 0.95,
      clip: 0.1,
      valueCoef: 0.5,
      thoughtCoef: 0.5,
      epochs: 4,
      samplesPerStep: 128,
      maxGradNorm: 0.01,
      eps: 1e-7,
      lr: 1e-5,
      lrEnd: 1e-9,
      scheduleIterations: 25,
    },
  );
});

test('a field that was renamed is read under its old name, from files, records and --set', (t) => {
  const old = { ...minimal, corrector: { policy: 'verified-skip' } };
  const config = parseConfig(runConfigSchema, old, 'test');
  t.is(config.corrector.ask, 'verified-skip');
  t.false('policy' in config.corrector);
  t.true(skipsProvedThoughts(old as never)); // a run that an older version began
  t.false(skipsProvedThoughts(parseConfig(runConfigSchema, minimal, 'test')));
  t.is(
    parseConfig(runConfigSchema, applyChange(config, 'corrector.policy=always'), 'test').corrector.ask,
    'always', // of a fork, whose recorded configuration has the new name
  );
  t.throws(() => parseConfig(runConfigSchema, { ...minimal, corrector: { policy: 'always', ask: 'always' } }, 'my'), {
    message: /unknown key "policy" in corrector/,
  });
});

test('a wrong configuration is one sentence that names file, field and remedy', (t) => {
  const message = (change: string) =>
    t.throws(() => parseConfig(runConfigSchema, applyChange(minimal, change), 'my.json'), { name: 'ConfigError' })
      ?.message ?? '';
  t.is(
    message('rollout.temprature=1'),
    'my.json: unknown key "temprature" in rollout; see configs/run.schema.json for the known ones.',
  );
  t.regex(message('seed=first'), /^my\.json: seed: .*expected number/);
  t.regex(message('ppo.epochs=0'), /^my\.json: ppo\.epochs: /);
  t.regex(message('optimizer.lrEnd=1'), /^my\.json: optimizer\.lrEnd: must not exceed/);
  t.regex(message('rollout.temperature=0'), /must be above 0/);
  const alarm = [{ metric: 'collapse/pictureGain', below: 0.5, raiseSft: 2 }];
  t.throws(() => parseConfig(runConfigSchema, { ...minimal, algorithm: 'ppo', collapse: { alarm } }, 'my'), {
    message: /^my: collapse\.alarm\.0\.raiseSft: must be null .* ppo has no SFT loss/,
  });
});

test('--set reads JSON, else text', (t) => {
  t.deepEqual(applyChange({ a: { b: 1 } }, 'a.b=2'), { a: { b: 2 } });
  t.deepEqual(applyChange({}, 'a.b.c=[1,"x"]'), { a: { b: { c: [1, 'x'] } } });
  t.deepEqual(applyChange({}, 'name=points24'), { name: 'points24' });
  t.throws(() => applyChange({}, 'nonsense'), { name: 'UsageError', message: /must look like/ });
  t.throws(() => applyChange({ a: 1 }, 'a.b.c=1'), { name: 'ConfigError' });
});
