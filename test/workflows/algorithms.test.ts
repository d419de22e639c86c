/** Each algorithm and each ablation switch as a whole run: what it changes, and what it leaves alone. */
import test from 'ava';
import { modelFolder } from '../../configs/project-folder.ts';
import { type IterationRecord, readRunRecords } from '../../core/records/run-records.ts';
import { getJson } from '../../core/artifacts/codecs.ts';
import type { ArtifactStore } from '../../core/artifacts/store.ts';
import { readConfig } from '../../cli/config-file.ts';
import { startRun } from '../../cli/start-run.ts';
import { runConfigSchema } from '../../configs/schema.ts';
import type { CorrectionManifest, CorrectionRow } from '../../core/learner/batch.ts';
import type { Episode } from '../../core/episodes/episode.ts';
import { getTrained } from '../../core/records/policy-state.ts';
import { openCheckpoint } from '../../core/policy/checkpoint/open-checkpoint.ts';
import { asParameters, startParameters, trainedParameters } from '../../core/policy/trained-parameters.ts';
import { loadTokenizer } from '../../core/policy/tokenizer.ts';
import { activityDependencies } from '../../workers/installation.ts';
import type { train } from '../../workflows/train.ts';
import { gtr as command } from '../cli/gtr.ts';
import { type Installation, startInstallation, withClient } from '../../bench/harness/installation.ts';

let installation: Installation;
let store: ArtifactStore;
/** GTR as the paper has it: one iteration of 64 steps of the built-in Points24 model. */
let gtr: IterationRecord;

test.before(async () => {
  installation = await startInstallation();
  ({ store } = activityDependencies());
  [gtr] = await iterations('gtr');
});
test.after.always(async () => {
  await installation?.stop();
});

/** What the iterations of such a run left. */
async function iterations(id: string, changes: string[] = [], count = 1): Promise<IterationRecord[]> {
  const config = readConfig(runConfigSchema, 'smoke', ['evaluation.episodes=0', `envSteps=${64 * count}`, ...changes]);
  await withClient(async (client) => (await startRun<typeof train>(client, 'train', id, [config], id)).result());
  const records = await readRunRecords(store, id);
  return records.iterations;
}

/** Correction rows as text: their whole text, and the part that carries the loss. */
async function rowsOf({ corrections, config }: IterationRecord): Promise<{ response: string; trained: string }[]> {
  const tokenizer = loadTokenizer(modelFolder(config.model.base));
  const manifest = await getJson<CorrectionManifest>(store, corrections);
  const rows = await Promise.all(manifest.iterations.map(({ file }) => getJson<CorrectionRow[]>(store, file)));
  return rows.flat().map(({ responseIds, trainedTokens }) => ({
    response: tokenizer.decode(responseIds),
    trained: tokenizer.decode(responseIds.slice(0, trainedTokens)),
  }));
}

const actionOf = (response: string) => (JSON.parse(response) as { action: string }).action;
const namedAction = (response: string) =>
  /append (\S+)$/.exec((JSON.parse(response) as { thoughts: string }).thoughts)![1];

test.serial('gtr: PPO and rows of corrected thoughts, loss on the thought alone, episodes are cut', async (t) => {
  const { metrics } = gtr;
  t.true(Number.isFinite(metrics['loss/ppo']) && Number.isFinite(metrics['loss/sft']));
  t.true(metrics['episode/cutRate']! > 0);
  const rows = await rowsOf(gtr);
  t.is(rows.length, Math.round(metrics['thought/correctedRate']! * metrics['thought/judged']!));
  for (const { trained } of rows) t.regex(trained, /append (\d+|[-+*/()=])$/);
});

test.serial('ppo: nothing is judged, corrected or cut; sft: the same samples, no PPO loss', async (t) => {
  const [ppo] = await iterations('ppo', ['algorithm=ppo']);
  t.like(ppo.metrics, {
    'thought/judged': 0,
    'corrector/calls': 0,
    'corrections/rows': 0,
    'episode/cutRate': 0,
    'loss/sft': null,
  });
  t.true(Number.isFinite(ppo.metrics['loss/ppo']));

  const [sft] = await iterations('sft', ['algorithm=sft']);
  t.like(sft.metrics, {
    'loss/ppo': null,
    'loss/value': null,
    'corrections/rows': gtr.metrics['corrections/rows'],
    'episode/cutRate': gtr.metrics['episode/cutRate'],
  });
  t.true(Number.isFinite(sft.metrics['loss/sft']));
  t.is(new Set([gtr, ppo, sft].map(({ policy }) => policy.sha256)).size, 3);
});

test.serial(
  'grpo: groups of episodes from the same start, no value loss; gtr-grpo: rows of corrected thoughts beside',
  async (t) => {
    const [grpo] = await iterations('grpo', ['algorithm=grpo', 'rollout.groupSize=4', 'rollout.temperature=1']);
    const episodes = (await Promise.all(grpo.waves.map(({ episodes: ref }) => getJson<Episode[]>(store, ref)))).flat();
    for (const [index, { states }] of episodes.entries())
      t.deepEqual(states[0], episodes[index - (index % 4)].states[0], `episode ${index}`);
    t.not(JSON.stringify(episodes[0].states[0]), JSON.stringify(episodes[4].states[0]));
    t.like(grpo.metrics, { 'corrector/calls': 0, 'loss/sft': null });
    t.true(grpo.metrics['group/kept']! > 0 && grpo.metrics['group/kept']! < grpo.metrics['group/count']!);
    const { model, seed } = grpo.config;
    const checkpoint = openCheckpoint(modelFolder(model.base));
    const names = trainedParameters(checkpoint, model.train, model.valueHead);
    const trained = await getTrained(store, grpo.policy);
    for (const [name, { data }] of asParameters(names, startParameters(checkpoint, names, seed)))
      if (name.startsWith('value_head.')) t.deepEqual(trained.get(name)!.data, data, name);

    const [both] = await iterations('gtr-grpo', ['algorithm=gtr-grpo', 'rollout.groupSize=4', 'rollout.temperature=1']);
    t.true(both.metrics['corrections/rows']! > 0 && Number.isFinite(both.metrics['loss/sft']));
  },
);

test.serial(
  'gtr-turbo-kl: the teacher is merged of the checkpoints before; the first is the start model itself',
  async (t) => {
    const ppo = await iterations('ppo-2', ['algorithm=ppo'], 2);
    const kl = await iterations('turbo-kl', ['algorithm=gtr-turbo-kl'], 3);
    t.deepEqual(
      kl.map(({ teacher }) => teacher!.checkpoints),
      [0, 1, 2],
    );
    // The first teacher is the policy itself: nothing is taken, and the first update is PPO's.
    t.is(kl[0].metrics['teacher/kl'], 0);
    t.is(kl[0].teacher!.policy.sha256, kl[0].from);
    t.is(kl[0].policy.sha256, ppo[0].policy.sha256);
    t.true(kl[1].metrics['teacher/kl']! > 0 && kl[1].metrics['teacher/klMax']! <= 10);
    t.not(kl[1].policy.sha256, ppo[1].policy.sha256);
    t.is(new Set(kl.map(({ teacher }) => teacher!.policy.sha256)).size, 3);
    t.is(kl[2].metrics['corrections/rows'], 0);
  },
);

const LORA = `model.train=${JSON.stringify({ kind: 'lora', rank: 4, alpha: 8 })}`;

test.serial(
  'gtr-turbo-kl with LoRA: products are merged into whole matrices, or A and B apart, whose distance is reported',
  async (t) => {
    const changes = ['algorithm=gtr-turbo-kl', LORA, 'optimizer.lr=0.005'];
    const products = await iterations('turbo-products', changes, 3);
    t.deepEqual(
      products.map(({ teacher }) => teacher!.whole),
      [undefined, true, true],
    );
    t.is(products[0].metrics['teacher/kl'], 0);
    const { model } = products[2].config;
    const teacher = await getTrained(store, products[2].teacher!.policy);
    const adapted = openCheckpoint(modelFolder(model.base)).parameters;
    t.true([...teacher.keys()].every((name) => adapted.has(name) || name.startsWith('value_head.')));

    const fork = ['fork', 'turbo-products', '--at', '2', '--id', 'apart', '--set', 'turbo.merge.adapters=factors'];
    const { code, err } = await command(fork);
    t.is(code, 2);
    t.regex(err, /^gtr: --set turbo\.merge\.adapters: cannot change in a fork, because the teacher of turbo-products/);

    const factors = await iterations('turbo-factors', [...changes, 'turbo.merge.adapters=factors'], 3);
    t.is(factors[2].teacher!.whole, undefined);
    t.true(
      (await getTrained(store, factors[2].teacher!.policy)).keys().some((name) => name.endsWith('.lora_A.weight')),
    );
    t.is(factors[0].metrics['teacher/factorDistance'], null);
    t.true(factors[2].metrics['teacher/factorDistance']! > 0);
    for (const record of [products[1], factors[1]]) t.true(Number.isFinite(record.metrics['teacher/kl']));
    t.not(products[2].policy.sha256, factors[2].policy.sha256);
  },
);

test.serial('gtr-turbo-sft: a thought of the teacher for every kept step, loss on the thought alone', async (t) => {
  const [first] = await iterations('turbo-sft', ['algorithm=gtr-turbo-sft']);
  t.true(first.metrics['teacher/wellFormedRate']! > 0.5);
  const rows = await rowsOf(first);
  t.is(rows.length, Math.round(first.metrics['teacher/wellFormedRate']! * 64));
  for (const { trained, response } of rows) {
    t.regex(trained, /append (\d+|[-+*/()=])$/);
    t.not(trained, response);
  }
  t.true(Number.isFinite(first.metrics['loss/sft']) && Number.isFinite(first.metrics['loss/ppo']));
  t.is(first.metrics['corrector/calls'], 0);
});

test.serial(
  'without DAgger the first iteration is the same, the second draws other rows; SFT annealing ends the SFT loss',
  async (t) => {
    const [first, second] = await iterations('two', [], 2);
    const [firstWithout, secondWithout] = await iterations('no-dagger', ['sft.dagger=false'], 2);
    t.is(firstWithout.policy.sha256, first.policy.sha256);
    t.is(secondWithout.metrics['corrections/rows'], second.metrics['corrections/rows']);
    t.not(secondWithout.policy.sha256, second.policy.sha256);

    const [, annealed] = await iterations('annealed', ['sft.annealIterations=1'], 2);
    t.is(annealed.metrics['loss/sft'], null);
  },
);

test.serial('without the cut every step is judged and kept', async (t) => {
  const [{ metrics }] = await iterations('no-cut', ['corrector.cut=false']);
  t.is(metrics['episode/cutRate'], 0);
  t.true(metrics['thought/correctedRate']! > 0 && metrics['corrections/rows']! > 0);
  t.true(metrics['episode/length']! > gtr.metrics['episode/length']!);
});

test.serial(
  "action cloning trains the corrector's action, the paper's rows hold the agent's own; confirmed thoughts can be " +
    'rows too',
  async (t) => {
    const [cloned] = await iterations('cloned', ['sft.actionCloning=true', 'sft.confirmed=true']);
    const rows = await rowsOf(cloned);
    for (const { response, trained } of rows) {
      t.is(trained, response);
      t.is(actionOf(response), namedAction(response));
    }
    t.is(rows.length, Math.round((1 - cloned.metrics['thought/noSolutionRate']!) * cloned.metrics['thought/judged']!));
    t.true((await rowsOf(gtr)).some(({ response }) => actionOf(response) !== namedAction(response)));
  },
);

test.serial(
  'the format reward raises the return of well-formed steps by itself; a share of the steps can be judged',
  async (t) => {
    const [rewarded] = await iterations('rewarded', ['formatReward=5']);
    // The first iteration's samples are the same: each well-formed one returns 5 more.
    const raised = rewarded.metrics['return/mean']! - gtr.metrics['return/mean']!;
    t.true(Math.abs(raised - 5 * gtr.metrics['response/wellFormedRate']!) < 1e-5, `raised by ${raised}`);

    const [{ metrics }] = await iterations('sparse', ['corrector.judgedShare=0.25', 'sft.rowsPerSample=2']);
    // 64 steps, binomial: 16 +- 3.5; five deviations.
    t.true(metrics['thought/judged']! > 0 && metrics['thought/judged']! < 34);
    t.is(metrics['corrector/calls']! >= metrics['thought/judged']!, true);
  },
);
