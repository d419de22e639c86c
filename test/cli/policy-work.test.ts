/** What `gtr estimate` says of a run's policy. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { PROJECT } from '../../configs/project-folder.ts';
import { readConfig } from '../../cli/config-file.ts';
import { policyWork, policyWorkText } from '../../cli/policy-work.ts';
import { runConfigSchema } from '../../configs/schema.ts';

const quickstart = (...changes: string[]) =>
  readConfig(runConfigSchema, 'quickstart', [
    'envSteps=1000',
    'rollout.envStepsPerIteration=300',
    'rollout.maxNewTokens=50',
    'ppo.epochs=3',
    'evaluation.episodes=10',
    'evaluation.heldOut=null',
    'environment.maxEpisodeSteps=20',
    ...changes,
  ]);

test('tokens, samples and hours at stated rates', async (t) => {
  const config = quickstart();
  const work = await policyWork(config, { sampling: 10, updating: 2 });
  // 4 iterations of 300 steps, two evaluations of 10 episodes of at most 20 steps, 50 tokens each.
  t.is(work.sampledTokens, (1200 + 400) * 50);
  t.is(work.updateSamples, 3600);
  t.deepEqual(work.hours, { sampling: 80_000 / 10 / 3600, updating: 0.5, both: 80_000 / 10 / 3600 + 0.5 });
  t.deepEqual(work.prompt, {
    tokens: 29,
    pictures: 'a picture of 64 x 64 pixels becomes 64 x 64 pixels, 16 tokens',
  });
  t.regex(
    policyWorkText(work, config),
    /up to 29 tokens in all\.\n.* 80,000 tokens.*\(2\.2 h\).*\n.*3,600 samples \(0\.5 h\).*\nMemory: about [\d.]+ [MG]iB of the machine's \(/,
  );
});

test(
  'evaluations in between, of both kinds; nothing is known of hours without rates, or of prompts without a ' + 'model',
  async (t) => {
    const between = quickstart('evaluation.everyIterations=2', 'evaluation.decoding=both', 'model.base=/no/such');
    const { sampledTokens, hours, prompt } = await policyWork(between, { sampling: null, updating: null });
    // After the second of four iterations too, each sampled and greedy.
    t.is(sampledTokens, (1200 + 3 * 2 * 200) * 50);
    t.deepEqual(hours, { sampling: null, updating: null, both: null });
    t.regex(prompt as string, /^not known \(There is no \/no\/such\//);
  },
);

test('responses longer than the model has positions for are refused', async (t) => {
  await t.throwsAsync(policyWork(quickstart('rollout.maxNewTokens=300'), { sampling: null, updating: null }), {
    message: /an answer of 300 make 329, but the model has 256 positions/,
  });
});

test('memory of a GPU that is not there, for weights that are not there', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'gtr-planned-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  cpSync(path.join(PROJECT, 'models/points24-tiny'), folder, { recursive: true });
  const onGpu = quickstart(`model.base=${folder}`, 'engine.provider=cuda');
  const own = (await policyWork(onGpu, { sampling: null, updating: null })).memory!;
  rmSync(path.join(folder, 'model.safetensors'));
  const { memory } = await policyWork(onGpu, { sampling: null, updating: null });
  t.deepEqual(memory, own);
  // CUDA's context alone takes a gibibyte and a half.
  t.true(own.device > 1.5 * 2 ** 30 && own.host > 0);
  const onCpu = (await policyWork(quickstart(), { sampling: null, updating: null })).memory!;
  t.is(onCpu.device, 0);
  t.is((await policyWork(quickstart('model.base=/no/such'), { sampling: null, updating: null })).memory, null);
});

test('several GPU workers: as many as waves and groups allow; ahead, both halves at the same time', async (t) => {
  const spread = quickstart('parallel.waves=2', 'parallel.gradients=3', 'parallel.exchange=float16');
  const rates = { sampling: 10, updating: 2 };
  const sampling = 80_000 / 10 / 3600;
  const work = await policyWork(spread, rates, 4);
  // Three groups on four workers: three at once. On two workers one computes two of them.
  t.deepEqual(work.workers, { there: 4, sampling: 2, updating: 3 });
  t.is((await policyWork(spread, rates, 2)).workers.updating, 1.5);
  t.deepEqual(work.hours, { sampling: sampling / 2, updating: 0.5 / 3, both: sampling / 2 + 0.5 / 3 });
  // 470,945 elements, 2 bytes each, of three groups; each of three workers reads two.
  t.deepEqual(work.exchange, { written: 3 * 2 * 470_945, read: 2 * 3 * 2 * 470_945 });
  t.regex(policyWorkText(work, spread), /GPU workers: 4; parallel.waves=2 lets 2 sample at once/);
  t.regex(policyWorkText(work, spread), /writes 2.8 MB of gradients, and workers read 5.7 MB/);
  const ahead = { ...spread, rollout: { ...spread.rollout, ahead: 1 } };
  t.is((await policyWork(ahead, rates, 4)).hours.both, sampling / 2); // the update is done meanwhile
  t.is((await policyWork(ahead, rates)).hours.both, sampling + 0.5); // one worker does both
});
