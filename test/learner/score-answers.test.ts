/** Log-probs under a teacher: of the sampled tokens themselves, under the same picture and temperature. */
import test from 'ava';
import { readConfig } from '../../cli/config-file.ts';
import { modelFolder } from '../../configs/project-folder.ts';
import { runConfigSchema } from '../../configs/schema.ts';
import { points24 } from '../../core/envs/points24.ts';
import { scoreAnswers } from '../../core/learner/score-answers.ts';
import { answerKl } from '../../core/learner/teacher-kl.ts';
import { Agent } from '../../core/policy/agent.ts';
import { mergeProducts } from '../../core/policy/checkpoint/merge-policies.ts';
import { playEpisodes } from '../../core/policy/rollout.ts';
import { asParameters } from '../../core/policy/trained-parameters.ts';
import { RandomStream } from '../../core/random/counter.ts';

const config = readConfig(runConfigSchema, 'smoke', []);
const options = points24.parseOptions(config.environment.options);

let agent: Agent;
test.before(async () => {
  agent = await Agent.open(config, modelFolder);
  await agent.setPolicy(agent.engine.initialParameters(1), 'the starting policy');
});
test.after.always(() => agent?.close());

/** The first steps of four episodes, with the log-probs that were sampled. */
async function sampled(temperature: number, by = agent) {
  const { episodes } = await playEpisodes(
    by,
    points24,
    options,
    { seed: 1, iteration: 0, firstEpisode: 0 },
    {
      ...config.rollout,
      episodes: 4,
      groupSize: 1,
      maxEpisodeSteps: 1,
      temperature,
      thoughtCoef: 0.5,
      keepTokenLogprobs: true,
      leaveAfterFailure: false,
    },
  );
  return episodes.map(({ states, steps: [step] }) => ({ state: states[0], step }));
}

test.serial('a teacher that equals the student scores its tokens as sampled, at every temperature', async (t) => {
  for (const temperature of [0.2, 0.7, 1]) {
    const answers = await sampled(temperature);
    const asked = answers.map(({ state, step }) => ({ state, responseIds: step.responseIds }));
    const scored = await scoreAnswers(agent, points24, options, asked, temperature);
    for (const [index, { step }] of answers.entries()) {
      const kl = answerKl(step.tokenLogprobs!, scored[index].slice(0, step.responseIds.length), 'none');
      t.true(Math.abs(kl) <= 1e-5, `${kl} at temperature ${temperature}`);
    }
  }
});

test.serial('another picture changes what the teacher says', async (t) => {
  const [{ state, step }] = await sampled(1);
  const size = agent.imageSize;
  const white = { width: size, height: size, data: new Uint8Array(3 * size * size).fill(255) };
  const [own, other] = await scoreAnswers(
    agent,
    points24,
    options,
    [
      { state, responseIds: step.responseIds },
      { state, responseIds: step.responseIds, instead: white },
    ],
    1,
  );
  t.true(own.some((logprob, token) => Math.abs(logprob - other[token]) > 1e-3));
});

test.serial("what a teacher says of the action changes nothing of a thought's distance", async (t) => {
  const [{ state, step }] = await sampled(1);
  const thought = step.responseIds.slice(0, step.thoughtTokens);
  const [scored] = await scoreAnswers(agent, points24, options, [{ state, responseIds: thought }], 1);
  const teacher = scored.slice(0, thought.length);
  const noisy = step.tokenLogprobs!.map((logprob, token) => (token < thought.length ? logprob : -100 * token));
  t.is(answerKl(noisy, teacher, 'zero'), answerKl(step.tokenLogprobs!, teacher, 'zero'));
});

test.serial('a teacher that is the merge of one adapter, as whole matrices, says what the adapter says', async (t) => {
  const train = { kind: 'lora', rank: 4, alpha: 8, dropout: 0, parts: ['language_model', 'vision_tower'] } as const;
  const open = (scope: typeof train | (Omit<typeof train, 'kind'> & { kind: 'merged' })) =>
    Agent.open({ ...config, model: { ...config.model, train: { ...scope, parts: [...scope.parts] } } }, modelFolder);
  const [student, teacher] = [await open(train), await open({ ...train, kind: 'merged' })];
  t.teardown(() => Promise.all([student.close(), teacher.close()]));
  const start = student.engine.initialParameters(1);
  const random = new RandomStream({ seed: 2, purpose: 'new parameters' });
  const moved = start.map((value) => value + 0.02 * (random.uniform() - 0.5));
  await student.setPolicy(moved, 'an adapter');
  const [first, policy] = [start, moved].map((flat) => asParameters(student.engine.trained, flat));
  const whole = mergeProducts(
    { start: first, policies: [policy, policy], weights: [1, 1], density: 1 },
    { weights: student.checkpoint.parameters, scale: 2 },
  );
  const flat = teacher.engine.trained.flatMap(({ name }) => [...whole.get(name)!.data]);
  await teacher.setPolicy(Float32Array.from(flat), 'its merge');
  const answers = await sampled(1, student);
  const asked = answers.map(({ state, step }) => ({ state, responseIds: step.responseIds }));
  const scored = await scoreAnswers(teacher, points24, options, asked, 1);
  for (const [index, { step }] of answers.entries()) {
    const kl = answerKl(step.tokenLogprobs!, scored[index].slice(0, step.responseIds.length), 'abs');
    t.true(kl <= 1e-4, `${kl}`);
  }
  await student.setPolicy(start, 'the start');
  const other = await scoreAnswers(student, points24, options, asked, 1);
  t.true(answerKl(answers[0].step.tokenLogprobs!, other[0], 'abs') > 1e-3); // the adapter does change what it says
});
