/**
 * Faults of the code that was published with GTR-Turbo, each as a test of what this code does instead, and that a
 * teacher's opinion of actions reaches no update.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { MockActivityEnvironment } from '@temporalio/testing';
import { AgentCache } from '../../activities/agent-cache.ts';
import { createMergedTeacherActivities, type TeacherAnswers } from '../../activities/ask-merged-teacher.ts';
import { type Batch, createBatchActivities } from '../../activities/assemble-batch.ts';
import { createCorrectionActivities } from '../../activities/correct-episodes-locally.ts';
import { createMergeActivities } from '../../activities/merge-checkpoints.ts';
import { createPreparationActivities } from '../../activities/prepare-run.ts';
import { createRolloutActivities } from '../../activities/roll-out-wave.ts';
import { createUpdateActivities } from '../../activities/update-policy.ts';
import { readConfig } from '../../cli/config-file.ts';
import { modelFolder } from '../../configs/project-folder.ts';
import { type RunConfig, runConfigSchema } from '../../configs/schema.ts';
import { getJson, putJson } from '../../core/artifacts/codecs.ts';
import { FileStore } from '../../core/artifacts/file-store.ts';
import type { ArtifactRef } from '../../core/artifacts/store.ts';
import { points24 } from '../../core/envs/points24.ts';
import type { Episode } from '../../core/episodes/episode.ts';
import { normalise } from '../../core/learner/advantages.ts';
import { cosineLearningRate } from '../../core/learner/schedule.ts';
import { scoreAnswers } from '../../core/learner/score-answers.ts';
import { answerKl } from '../../core/learner/teacher-kl.ts';
import { Agent } from '../../core/policy/agent.ts';
import { tiesMerge } from '../../core/policy/ties-merge.ts';
import { RandomStream } from '../../core/random/counter.ts';
import { getTrained, putTrained } from '../../core/records/policy-state.ts';
import { type IterationRecord, putIterationRecord } from '../../core/records/run-records.ts';

const config = readConfig(runConfigSchema, 'smoke', [
  'algorithm=gtr-turbo-kl',
  'rollout.episodesPerWave=6',
  'rollout.envStepsPerIteration=12',
  'rollout.temperature=1',
  'environment.maxEpisodeSteps=2',
  'ppo.epochs=1',
  'engine.lanes=1',
]);
const options = points24.parseOptions(config.environment.options);
const home = mkdtempSync(path.join(tmpdir(), 'gtr-test-'));
const store = new FileStore(path.join(home, 'artifacts'));
const dependencies = { home, store };
const [agents, teachers] = [new AgentCache(), new AgentCache()];
const { prepareRun } = createPreparationActivities(dependencies, agents);
const { rolloutWave } = createRolloutActivities(dependencies, agents);
const { correctEpisodesLocally } = createCorrectionActivities(dependencies);
const { mergeCheckpoints } = createMergeActivities(dependencies);
const { teacherLogprobs, teacherThoughts } = createMergedTeacherActivities(dependencies, agents, teachers);
const { assembleBatch } = createBatchActivities(dependencies);
const { updatePolicy } = createUpdateActivities(dependencies, agents);
test.after.always(() => Promise.all([agents.close(), teachers.close()]));

const run = <I, R>(activity: (input: I) => Promise<R>, input: I) =>
  new MockActivityEnvironment().run(activity, input) as Promise<R>;

/** A first wave, judged, and the policies around it. */
let first: Awaited<ReturnType<typeof firstWave>>;
async function firstWave() {
  const { policy, optimizer } = await run(prepareRun, { config });
  const wave = await run(rolloutWave, { config, iteration: 0, wave: 0, policy });
  const { judgements } = await run(correctEpisodesLocally, { config, iteration: 0, wave });
  const episodes = await getJson<Episode[]>(store, wave.episodes);
  const steps = episodes.flatMap(({ states, steps: own }) => own.map((step, at) => ({ state: states[at], step })));
  return { policy, optimizer, steps, waves: [{ wave: wave.episodes, judgements }] };
}
test.before(async () => {
  first = await firstWave();
});

/** A policy that moved away from the start, seeded. */
async function movedPolicy(seed: number, start = first.policy): Promise<ArtifactRef> {
  const random = new RandomStream({ seed, purpose: 'new parameters' });
  const moved = [...(await getTrained(store, start))].map(
    ([name, { shape, data }]) =>
      [name, { shape, data: data.map((value) => value + 0.02 * (random.uniform() - 0.5)) }] as const,
  );
  return await putTrained(store, new Map(moved), { run: 'test', slot: `policy-${seed}` });
}

/** The policy that an iteration ends with whose teacher is `policy`. */
async function updated(policy: ArtifactRef, tokens: RunConfig['turbo']['kl']['tokens']) {
  const { turbo } = config;
  const asked = { ...config, turbo: { ...turbo, kl: { ...turbo.kl, tokens } } };
  const { waves, optimizer, policy: start } = first;
  const input = { config: asked, iteration: 0 };
  const teacher = { policy, checkpoints: 1 };
  const { answers } = await run(teacherLogprobs, { ...input, wave: waves[0], from: 0, policy: start, teacher });
  const { batch, corrections } = await run(assembleBatch, {
    ...input,
    waves,
    corrections: null,
    teacherAnswers: [answers],
  });
  const update = { config: asked, iteration: 0, iterations: 2, epoch: 0, batch, corrections, policy: start, optimizer };
  const done = await run(updatePolicy, { ...update, sampledBy: start.sha256 });
  return { policy: done.policy.sha256, kl: (await getJson<TeacherAnswers>(store, answers)).kl!, batch };
}

test.serial("a teacher's log-probs of action tokens set to noise change no byte of an update", async (t) => {
  const teacher = await movedPolicy(1);
  const [plain, all] = [await updated(teacher, 'thought'), await updated(teacher, 'all')];
  t.true(plain.kl.some((kl) => kl !== null && kl > 0));
  const { engine } = await agents.get(config);
  const score = engine.score.bind(engine);
  const thoughtOf = new Map(first.steps.map(({ step }) => [step.responseIds.join(), step.thoughtTokens]));
  t.teardown(() => (engine.score = score));
  engine.score = async (request) => {
    const { logprobs, values } = await score(request);
    const noisy = logprobs.map((row, index) => {
      const thought = thoughtOf.get(request.rows[index].responseIds.join()) ?? request.rows[index].responseIds.length;
      return row.map((logprob, token) => (token < thought ? logprob : -10 * Math.random()));
    });
    return { logprobs: noisy, values };
  };
  t.is((await updated(teacher, 'thought')).policy, plain.policy);
  t.not((await updated(teacher, 'all')).policy, all.policy);
});

test.serial('answers wave by wave equal those of all waves at once', async (t) => {
  const { turbo } = config;
  const asked = { ...config, turbo: { ...turbo, sft: { ...turbo.sft, temperature: 1 } } };
  const { waves, policy: start } = first;
  const teacher = { policy: await movedPolicy(1), checkpoints: 1 };
  const answersOf = async (wave: (typeof waves)[number], from: number) => {
    const input = { config: asked, iteration: 0, wave, from, policy: start, teacher };
    const [logprobs, thoughts] = [await run(teacherLogprobs, input), await run(teacherThoughts, input)];
    return [
      (await getJson<TeacherAnswers>(store, logprobs.answers)).kl!,
      (await getJson<TeacherAnswers>(store, thoughts.answers)).thoughts!,
    ];
  };
  const all = await answersOf(waves[0], 0);
  t.deepEqual(
    all.map(({ length }) => length),
    [12, 12],
  );
  t.true(new Set(all[1].map((thought) => JSON.stringify(thought))).size > 6);
  const episodes = await getJson<Episode[]>(store, waves[0].wave);
  const judgements = await getJson<unknown[]>(store, waves[0].judgements);
  const part = async (from: number, to?: number) => ({
    wave: await putJson(store, 'episodes', episodes.slice(from, to)),
    judgements: await putJson(store, 'judgements', judgements.slice(from, to)),
  });
  const before = episodes.slice(0, 4).reduce((sum, { steps }) => sum + steps.length, 0);
  const [one, other] = [await answersOf(await part(0, 4), 0), await answersOf(await part(4), before)];
  t.deepEqual(
    [
      [...one[0], ...other[0]],
      [...one[1], ...other[1]],
    ],
    all,
  );
});

test.serial('LoRA: the merge of one adapter, as whole matrices, has no distance from that adapter', async (t) => {
  const train = { kind: 'lora' as const, rank: 4, alpha: 8, dropout: 0, parts: ['language_model' as const] };
  const { turbo } = config;
  const kl = { ...turbo.kl, clip: 'abs' as const, tokens: 'all' as const };
  const lora: RunConfig = {
    ...config,
    model: { ...config.model, train },
    turbo: { ...turbo, kl, merge: { ...turbo.merge, density: 1 } },
  };
  const { policy: start, optimizer } = await run(prepareRun, { config: lora });
  const policy = await movedPolicy(5, start);
  const record = { iteration: 0, config: lora, from: start.sha256, policy, optimizer, waves: [], metrics: {} };
  await putIterationRecord(store, 'lora', record as unknown as IterationRecord);
  const teacher = await run(mergeCheckpoints, { config: lora, runId: 'lora', iteration: 1 });
  t.true(teacher.whole);
  const wave = await run(rolloutWave, { config: lora, iteration: 1, wave: 0, policy });
  const { judgements } = await run(correctEpisodesLocally, { config: lora, iteration: 1, wave });
  const input = { config: lora, iteration: 1, wave: { wave: wave.episodes, judgements }, from: 0, policy };
  const distances = async (asked: typeof teacher) => {
    const { answers } = await run(teacherLogprobs, { ...input, teacher: asked });
    return (await getJson<TeacherAnswers>(store, answers)).kl!.filter((one) => one !== null);
  };
  for (const distance of await distances(teacher)) t.true(distance <= 1e-5, `${distance}`);
  const elsewhere = { policy: await movedPolicy(6, start), checkpoints: 1 };
  t.true((await distances(elsewhere)).some((distance) => distance > 1e-2));
});

/** The teachers of a run's iterations, of which each ends with another policy. */
async function teachersOf(runId: string, count: number) {
  const merged = [];
  let from = first.policy;
  for (let iteration = 0; iteration < count; iteration++) {
    const teacher = await run(mergeCheckpoints, { config, runId, iteration });
    merged.push(teacher);
    const policy = await movedPolicy(10 + iteration);
    const record = { iteration, config, from: from.sha256, policy, optimizer: first.optimizer, teacher };
    await putIterationRecord(store, runId, { ...record, waves: [], metrics: {} } as unknown as IterationRecord);
    from = policy;
  }
  return merged;
}

test.serial('published fault 1, teacher frozen after the first merge: here each iteration has another', async (t) => {
  const merged = await teachersOf('moving', 4);
  t.is(new Set(merged.map(({ policy }) => policy.sha256)).size, 4);
  t.deepEqual(
    merged.map(({ checkpoints }) => checkpoints),
    [0, 1, 2, 3],
  );
});

test(
  'published fault 2, merged changes 1/n too weak: n equal checkpoints merge to themselves, whatever the ' + 'weights',
  (t) => {
    const [start, changed] = [
      [1, 2, 3],
      [2, 0, 3.5],
    ];
    for (const weights of [[0.25, 0.25, 0.25, 0.25], [1, 1, 1, 1], [0.125, 0.125, 0.125, 0.125, 0.5].slice(0, 4)])
      t.deepEqual([...tiesMerge({ start, checkpoints: weights.map(() => changed), weights, density: 1 })], changed);
  },
);

test.serial(
  'published fault 3, KL without the picture and shifted by a token: here each token is scored where it was sampled',
  async (t) => {
    const agent = await agents.get(config);
    const { engine } = agent;
    await agent.setPolicy(engine.initialParameters(config.seed), first.policy.sha256);
    const [{ state, step }] = first.steps;
    const [own] = await scoreAnswers(agent, points24, options, [{ state, responseIds: step.responseIds }], 1);
    const sampled = step.tokenLogprobs!;
    for (const [token, logprob] of sampled.entries())
      t.true(Math.abs(own[token] - logprob) < 1e-4, `token ${token}: ${own[token]} is not ${logprob}`);
    const shifted = sampled.slice(1).map((logprob, token) => Math.abs(own[token] - logprob));
    t.true(Math.max(...shifted) > 1e-2);
    // The picture: 'another picture changes what the teacher says' in test/learner/score-answers.test.ts.
  },
);

test.serial(
  'published fault 4, re-serialised JSON scored: here the sampled ids are, and nothing of them is left out',
  async (t) => {
    const { engine } = await agents.get(config);
    const score = engine.score.bind(engine);
    const asked: string[] = [];
    t.teardown(() => (engine.score = score));
    engine.score = (request) => {
      asked.push(...request.rows.map(({ responseIds }) => responseIds.join()));
      return score(request);
    };
    await updated(await movedPolicy(1), 'thought');
    const wellFormed = first.steps.filter(({ step }) => step.thought !== null);
    t.deepEqual(
      asked,
      wellFormed.map(({ step }) => step.responseIds.slice(0, step.thoughtTokens).join()),
    );
  },
);

test.serial('published fault 5, malformed responses (KL 100) rule the whitening: here they get none', async (t) => {
  const { waves } = first;
  const samplesWith = async (kl: (number | null)[]) => {
    const teacherAnswers = await putJson(store, 'teacher-answers', { kl } satisfies TeacherAnswers);
    const input = { config, iteration: 0, waves, corrections: null };
    const { batch } = await run(assembleBatch, { ...input, teacherAnswers: [teacherAnswers] });
    return (await getJson<Batch>(store, batch)).samples;
  };
  const count = (await samplesWith([])).length;
  const kl = Array.from({ length: count }, (_, index) => (index === 0 ? null : 0.1 * (index % 3)));
  const samples = await samplesWith(kl);
  const expected = normalise(samples.map((sample, index) => sample.return - sample.oldValue - (kl[index] ?? 0)));
  t.deepEqual(
    samples.map(({ advantage }) => advantage),
    expected,
  );
  const published = normalise(samples.map((sample, index) => sample.return - sample.oldValue - (kl[index] ?? 100)));
  // One malformed response of twelve takes nearly all of the deviation: the others are pushed together.
  const spread = (advantages: number[]) => Math.max(...advantages.slice(1)) - Math.min(...advantages.slice(1));
  t.true(spread(published) < 0.2 * spread(expected));
});

test.serial('the distance is taken from advantages alone, or from returns too', async (t) => {
  const samplesWith = async (coef: number, from: RunConfig['turbo']['kl']['from']) => {
    const { turbo } = config;
    const asked = { ...config, turbo: { ...turbo, kl: { ...turbo.kl, coef, from } } };
    const kl = Array.from({ length: 12 }, (_, index) => 0.25 * (index % 3));
    const teacherAnswers = [await putJson(store, 'teacher-answers', { kl } satisfies TeacherAnswers)];
    const input = { config: asked, iteration: 0, waves: first.waves, corrections: null, teacherAnswers };
    return (await getJson<Batch>(store, (await run(assembleBatch, input)).batch)).samples;
  };
  const plain = await samplesWith(0, 'advantage');
  const [advantages, returns] = [await samplesWith(2, 'advantage'), await samplesWith(2, 'returns')];
  for (const [index, sample] of plain.entries()) {
    t.is(advantages[index].return, sample.return);
    t.true(Math.abs(returns[index].return - (sample.return - 0.5 * (index % 3))) < 1e-9);
    t.is(returns[index].advantage, advantages[index].advantage);
  }
  t.true(plain.some(({ advantage }, index) => Math.abs(advantage - advantages[index].advantage) > 1e-3));
});

test.serial(
  "published fault 6, prompts of another step: here every answer is scored under its own step's",
  async (t) => {
    const agent = await agents.get(config);
    await agent.setPolicy(agent.engine.initialParameters(config.seed), first.policy.sha256);
    const asked = first.steps.map(({ state, step }) => ({ state, responseIds: step.responseIds }));
    const own = await scoreAnswers(agent, points24, options, asked, 1);
    const last = asked.at(-1)!.state;
    const others = await scoreAnswers(
      agent,
      points24,
      options,
      asked.map(({ responseIds }) => ({ state: last, responseIds })),
      1,
    );
    const klOf = (scored: Float32Array[], index: number) => {
      const { tokenLogprobs, responseIds } = first.steps[index].step;
      return answerKl(tokenLogprobs!, scored[index].slice(0, responseIds.length), 'abs');
    };
    for (const index of asked.keys()) t.true(klOf(own, index) <= 1e-4);
    t.true(asked.keys().some((index) => klOf(others, index) > 0.1));
  },
);

test.serial('published fault 7, dropout left on in rollouts: here samples and scores are without it', async (t) => {
  const opened = async (dropout: number) => {
    const train = { kind: 'lora' as const, rank: 4, alpha: 8, dropout, parts: ['language_model' as const] };
    const agent = await Agent.open({ ...config, model: { ...config.model, train } }, modelFolder);
    t.teardown(() => agent.close());
    const start = agent.engine.initialParameters(1);
    const random = new RandomStream({ seed: 3, purpose: 'new parameters' });
    await agent.setPolicy(
      start.map((value) => value + 0.02 * (random.uniform() - 0.5)),
      'an adapter',
    );
    return agent;
  };
  const observed = first.steps.slice(0, 2).map(({ state }) => {
    const environment = points24.fromState(state, options);
    const noise = new Float32Array(config.rollout.maxNewTokens).fill(0.5);
    return { image: environment.observe(config.model.imageSize), promptValues: environment.promptValues(), noise };
  });
  const settings = { ...config.rollout, thoughtCoef: 0.5, keepTokenLogprobs: true };
  const [with_, without] = [await opened(0.5), await opened(0)];
  const [one, other] = [await with_.respond(observed, settings), await without.respond(observed, settings)];
  t.deepEqual(one, other);
  const asked = one.map(({ responseIds }, index) => ({ state: first.steps[index].state, responseIds }));
  t.deepEqual(
    await scoreAnswers(with_, points24, options, asked, 1),
    await scoreAnswers(without, points24, options, asked, 1),
  );
});

test('published fault 8, the rate rises again after 25 updates: here it stays at its end', (t) => {
  const rates = Array.from({ length: 60 }, (_, update) => cosineLearningRate(update, 25, 1e-5, 1e-9));
  for (const [update, rate] of rates.entries()) {
    if (update > 0) t.true(rate <= rates[update - 1]);
    if (update >= 25) t.is(rate, 1e-9);
  }
});

test.serial('published fault 9, no resume: repeating a merge gives the same teacher', async (t) => {
  const merged = await teachersOf('again', 3);
  for (const [iteration, teacher] of merged.entries())
    t.deepEqual(await run(mergeCheckpoints, { config, runId: 'again', iteration }), teacher);
});
