/**
 * One suite over all teachers: the exact solver, and a model behind chat completions (the rehearsal server, a process
 * of its own).
 */
import test from 'ava';
import { type RunConfig, parseConfig, runConfigSchema } from '../../configs/schema.ts';
import { expertOf } from '../../core/corrector/experts.ts';
import { makeTeacher } from '../../core/corrector/teachers.ts';
import { SolverTeacher } from '../../core/corrector/solver-teacher.ts';
import type { JudgeRequest } from '../../core/corrector/teacher.ts';
import type { JsonState } from '../../core/envs/env.ts';
import { gameByName } from '../../core/envs/registry.ts';
import { loadPromptTemplate } from '../../core/policy/prompt-template.ts';
import { RandomStream } from '../../core/random/counter.ts';
import { startRehearsal } from '../../bench/harness/rehearsal.ts';

const GAMES = ['points24', 'ezpoints', 'numberline', 'blackjack'];
const server = await startRehearsal();
process.env.OPENAI_BASE_URL = server.url;
test.after.always(() => server.stop());

const configOf = (name: string, corrector: object, prompt = `${name}-tiny`): RunConfig =>
  parseConfig(runConfigSchema, { environment: { name }, model: { base: 'none', prompt }, corrector }, 'test');
const open = (name: string, state: JsonState) => gameByName(name).fromState(state, gameByName(name).parseOptions({}));

/**
 * Thoughts along episodes that are played at random: the best one, a naive one, a nonsensical one, with and without a
 * target so far.
 */
function requests(name: string, prompt: string): JudgeRequest[] {
  const template = loadPromptTemplate(prompt, name).thought;
  const game = gameByName(name);
  return Array.from({ length: 3 }, (_, episode) => {
    const random = new RandomStream({ seed: 7, purpose: 'test', episode });
    const environment = game.start(
      { seed: 5, episode },
      game.parseOptions(name === 'points24' ? { deals: 'solvable' } : {}),
    );
    const best = expertOf(name).bestPlan(environment, null)!;
    const list: JudgeRequest[] = [];
    for (let step = 0; step < 3; step++) {
      const now = open(name, environment.state());
      const [plan, naive] = [expertOf(name).bestPlan(now, best.target), expertOf(name).naivePlan(now)];
      if (plan !== null)
        list.push({
          environment: now,
          thought: plan.word(template),
          action: plan.action,
          target: step === 0 ? null : best.target,
        });
      list.push({ environment: now, thought: naive.word(template), action: naive.action, target: null });
      list.push({
        environment: now,
        thought: Object.fromEntries(Object.keys(template).map((key) => [key, 'nothing'])),
        action: naive.action,
        target: best.target,
      });
      const action = plan !== null && random.uniform() < 0.6 ? plan.action : random.pick(environment.legalActions());
      if (environment.step(action).stop !== null) break;
    }
    return list;
  }).flat();
}

const TEACHERS = [
  { teacher: 'solver', settings: {} },
  { teacher: 'openai', settings: {} },
  {
    teacher: 'openai',
    settings: { answerFormat: 'text', image: { format: 'jpeg', size: 256, quality: 80 }, toolRounds: 0 },
  },
];

for (const { teacher, settings } of TEACHERS) {
  for (const name of GAMES) {
    // Both wordings once: the tiny models' own, and the full-size one.
    const prompt = Object.keys(settings).length > 0 ? name : `${name}-tiny`;

    test(
      `${teacher} ${JSON.stringify(settings)} judges ${prompt} as the exact solver does and leaves the ` +
        `environment alone`,
      async (t) => {
        const judge = makeTeacher(configOf(name, { teacher, openai: settings }, prompt), () => true);
        const solver = new SolverTeacher(name, loadPromptTemplate(prompt, name).thought);
        const outcomes = new Set<string>();
        for (const request of requests(name, prompt)) {
          const before = structuredClone(request.environment.state());
          const { verdict, requests, usage } = await judge.judge(request);
          t.deepEqual(verdict, solver.verdict(request));
          t.deepEqual(request.environment.state(), before);
          t.is(requests > 0, teacher === 'openai');
          t.is(usage.promptTokens > 0 && usage.completionTokens > 0, teacher === 'openai');
          t.true(usage.cachedTokens <= usage.promptTokens);
          if (verdict.outcome === 'corrected')
            t.truthy(gameByName(name).readAction(`"${verdict.action}"`, request.environment.legalActions()));
          outcomes.add(verdict.outcome);
        }
        t.true(outcomes.has('correct') && outcomes.has('corrected'), [...outcomes].join());
        if (name === 'points24') t.true(outcomes.has('noSolution'));
      },
    );
  }

  test(
    `${teacher} ${JSON.stringify(settings)}: the identity is plain JSON, the same for the same settings, another ` +
      `for another wording`,
    (t) => {
      const identity = (prompt: string) =>
        makeTeacher(configOf('points24', { teacher, openai: settings }, prompt), () => true).identity;
      t.deepEqual(JSON.parse(JSON.stringify(identity('points24'))), identity('points24'));
      t.deepEqual(identity('points24'), identity('points24'));
      t.notDeepEqual(identity('points24'), identity('points24-tiny'));
      const { isExact, terms } = makeTeacher(configOf('points24', { teacher, openai: settings }), () => true);
      t.deepEqual([isExact, terms === null], teacher === 'solver' ? [true, true] : [false, false]);
    },
  );
}

test(
  'household tasks: what the model sees and what was done stand in the request; its corrections are admissible ' +
    'and right',
  async (t) => {
    const teacher = makeTeacher(configOf('alfworld', { teacher: 'openai' }, 'alfworld'), () => true);
    const game = gameByName('alfworld');
    const environment = game.start({ seed: 2, episode: 0 }, game.parseOptions({}));
    for (let step = 0; step < 5; step++) {
      const { verdict } = await teacher.judge({
        environment,
        thought: { thoughts: 'nothing' },
        action: 'look',
        target: null,
      });
      t.is(verdict.outcome, 'corrected');
      if (verdict.outcome !== 'corrected') return;
      t.true(environment.legalActions().includes(verdict.action));
      const again = await teacher.judge({
        environment,
        thought: verdict.correction,
        action: verdict.action,
        target: null,
      });
      t.deepEqual(again.verdict, { outcome: 'correct', target: null });
      environment.step(verdict.action);
    }
  },
);

test("everything that shapes a model's answer is part of its identity", (t) => {
  const identity = (openai: object) =>
    JSON.stringify(makeTeacher(configOf('points24', { teacher: 'openai', openai }), () => true).identity);
  const changed = [
    {},
    { model: 'gpt-4o-mini' },
    { temperature: 0 },
    { maxTokens: 500 },
    { toolRounds: 1 },
    { answerFormat: 'json' },
    { image: { size: 200 } },
    { image: { detail: 'low' } },
    { azure: { deployment: 'mine' } },
  ].map(identity);
  t.is(new Set(changed).size, changed.length);
  t.is(identity({ timeoutSeconds: 5 }), identity({ prices: { prompt: 1, cached: 1, completion: 1 } }));
});

test('an estimate is near the actual usage', async (t) => {
  for (const name of GAMES) {
    const teacher = makeTeacher(configOf(name, { teacher: 'openai' }), () => true);
    const [request] = requests(name, `${name}-tiny`);
    const [{ promptTokens, completionTokens }, { usage }] = [teacher.estimate(request), await teacher.judge(request)];
    t.true(
      Math.abs(promptTokens / usage.promptTokens - 1) < 0.15,
      `${name}: ${promptTokens} for ${usage.promptTokens}`,
    );
    t.true(completionTokens >= usage.completionTokens);
  }
});
