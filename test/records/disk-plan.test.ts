/** The disk that runs of a large model take, by hand; that small runs keep to it is in bounded-storage.test.ts. */
import test from 'ava';
import { parseConfig, runConfigSchema, sftConfigSchema } from '../../configs/schema.ts';
import { type DiskPlan, runDiskPlan, sftDiskPlan } from '../../core/records/disk-plan.ts';

/** A policy of 4 GB; with Adam's moments 12 GB. */
const TRAINED = 1e9;
const planOf = (changes: object, teacher = TRAINED) =>
  runDiskPlan(
    parseConfig(
      runConfigSchema,
      {
        environment: { name: 'points24' },
        model: { base: 'models/large', train: { kind: 'lora' } },
        envSteps: 10_240,
        ...changes,
      },
      'test',
    ),
    { trained: TRAINED, teacher },
  );
const gigabytes = ({ parts }: DiskPlan, what: RegExp) =>
  parts.filter((part) => what.test(part.what)).reduce((sum, { bytes }) => sum + bytes, 0) / 1e9;

test('what is kept, and what is under way', (t) => {
  const plan = planOf({});
  t.is(gigabytes(plan, /finished/), 2 * 12);
  t.is(gigabytes(plan, /under way|update/), (1 + 3) * 12); // an epoch's beginning and three resume points
  t.is(gigabytes(plan, /best|teachers/), 0);
  t.true(plan.left < 25e9 && plan.left > 24e9);
  t.is(gigabytes(planOf({ ppo: { epochs: 1 } }), /update/), 3 * 12);
  t.is(gigabytes(planOf({ ppo: { epochs: 1, samplesPerStep: 512 } }), /update/), 2 * 12); // of two steps
  t.is(gigabytes(planOf({ envSteps: 1024 }), /finished/), 12); // what the only iteration begins with
});

test('more is kept by keepLast, keepEvery, evaluations and teachers', (t) => {
  // Before the tenth iteration: 8th and 9th, and the 4th.
  t.is(gigabytes(planOf({ checkpoints: { keepLast: 2, keepEvery: 4 } }), /finished/), 3 * 12);
  t.is(gigabytes(planOf({ evaluation: { everyIterations: 2 } }), /best/), 4);
  const turbo = planOf({
    algorithm: 'gtr-turbo-kl',
    turbo: { merge: { interval: 4 } },
    checkpoints: { keepLast: 1 },
  });
  t.is(gigabytes(turbo, /teachers/), 2 * 4); // the newest and the next
  t.is(gigabytes(planOf({ algorithm: 'gtr-turbo-kl', checkpoints: { keepLast: 1 } }, 7e9), /teachers/), 2 * 28);
  t.is(gigabytes(turbo, /finished/), 12); // nine are done: the ninth alone waits to be merged
  // After eleven a merge waits for three policies, of which the last is whole.
  const waiting = planOf({
    algorithm: 'gtr-turbo-kl',
    envSteps: 12_288,
    turbo: { merge: { interval: 4 } },
    checkpoints: { keepLast: 1 },
  });
  t.is(gigabytes(waiting, /finished/), 12 + 2 * 4);
});

test('shared updates keep two states, and the gradients since the stored one', (t) => {
  // 1,024 steps are eight optimizer steps; every fourth stores its state, while the fifth adds its gradients.
  t.is(gigabytes(planOf({ parallel: { gradients: 4 } }), /update/), 2 * 12 + 5 * 4 * 4);
  t.is(gigabytes(planOf({ parallel: { gradients: 4, exchange: 'float16' } }), /update/), 2 * 12 + 5 * 4 * 2);
  t.is(gigabytes(planOf({ parallel: { gradients: 2 }, ppo: { samplesPerStep: 512 } }), /update/), 2 * 12 + 3 * 2 * 4);
});

test('a supervised start', (t) => {
  const config = parseConfig(
    sftConfigSchema,
    {
      environment: { name: 'points24' },
      model: { base: 'models/large', train: { kind: 'lora' } },
      demonstrations: { count: 1000 },
    },
    'test',
  );
  const plan = sftDiskPlan(config, TRAINED, 14e9);
  t.is(gigabytes(plan, /update/), (1 + 3) * 12);
  t.is(gigabytes(plan, /written/), 14);
  t.is(Math.round(plan.left / 1e9), 4 + 14);
});

test('episodes grow with steps and tokens', (t) => {
  const sampled = (changes: object) => gigabytes(planOf(changes), /episodes/);
  t.true(sampled({ envSteps: 102_400 }) > 5 * sampled({}));
  t.true(sampled({ rollout: { maxNewTokens: 512 } }) > 1.8 * sampled({}));
});
