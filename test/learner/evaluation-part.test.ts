import test from 'ava';
import { findAllFormulas } from '../../core/envs/formulas/exact-solver.ts';
import { thoughtReader } from '../../core/corrector/thought-reading.ts';
import { type ThoughtTemplate, wordThought } from '../../core/corrector/solver-thought.ts';
import { playExpert } from '../../core/corrector/play-expert.ts';
import { gameByName } from '../../core/envs/registry.ts';
import { evaluationPart } from '../../core/learner/evaluation-part.ts';
import { bootstrapInterval } from '../../core/learner/intervals.ts';
import type { Episode, Step, Thought } from '../../core/episodes/episode.ts';
import { loadPromptTemplate } from '../../core/policy/prompt-template.ts';

test('a bootstrap interval lies around the mean as wide as the normal one, and is the same each time', (t) => {
  const values = Array.from({ length: 400 }, (_, index) => index % 2); // mean 0.5, standard error 0.025
  const { low, high } = bootstrapInterval(values);
  t.true(Math.abs(low - (0.5 - 1.96 * 0.025)) < 0.01 && Math.abs(high - (0.5 + 1.96 * 0.025)) < 0.01, `${low} ${high}`);
  t.deepEqual(bootstrapInterval(values), { low, high });
  t.deepEqual(bootstrapInterval([3, 3, 3]), { low: 3, high: 3 });
});

const template = loadPromptTemplate('points24-tiny', 'points24');
const points24 = gameByName('points24');
const reader = (name: string, thought: ThoughtTemplate) =>
  thoughtReader(gameByName(name), gameByName(name).parseOptions({}), thought);
const read = reader('points24', template.thought);
const state = { cards: ['H4', 'S5', 'D9', 'CK'], formula: [] };
const right = wordThought(template.thought, state, '(10-4)*(9-5)');

test('what a thought says: cards seen, aim, action', (t) => {
  t.like(read(state, right), { seenRightly: true, aimsRightly: true, namedAction: '(' });
  t.like(read(state, wordThought(template.thought, state, '10+9+5+4')), {
    seenRightly: true,
    aimsRightly: false,
    namedAction: '10',
  });
  t.like(read(state, { ...right, cards: ['4', '5', '9', 'Q'] }), {
    seenRightly: false,
    aimsRightly: true,
    namedAction: '(',
  });
  t.like(read(state, { cards: ['4'], formula: '', thoughts: 'nothing' }), {
    seenRightly: false,
    aimsRightly: false,
    namedAction: null,
  });
  t.like(
    reader('numberline', loadPromptTemplate('numberline', 'numberline').thought)(
      { current: 2, target: 4, steps: 0 },
      {
        'current number': '2',
        'target number': '3',
        thoughts: 'The target number 3 is above the current number 2, so the right action is +',
      },
    ),
    {
      seenRightly: false,
      aimsRightly: true,
      namedAction: '+',
    },
  );
  // A wording without placeholders says nothing.
  t.like(reader('points24', { thoughts: 'anything' })(state, right), {
    seenRightly: null,
    aimsRightly: null,
    namedAction: null,
  });
});

const step = (thought: Thought | null, action: string, reward: number): Step => ({
  sampledBy: 'test',
  responseIds: [],
  text: '',
  thoughtTokens: 0,
  thought,
  action,
  legal: true,
  logprob: 0,
  value: 0,
  reward,
});
const episode = (cards: string[], ...steps: Step[]): Episode => ({
  episode: 0,
  states: [{ cards, formula: [] }, ...steps.map(() => ({ cards, formula: [] }))],
  steps,
  stop: 'terminated',
  bootstrapValue: 0,
});

test('states that look the same to the agent are one view', (t) => {
  const view = (current: number, steps: number) =>
    reader('numberline', { thoughts: 'go {next}' })({ current, target: 4, steps }, { thoughts: 'go +' }).view;
  t.is(view(2, 0), view(2, 5));
  t.not(view(2, 0), view(3, 0));
  t.not(read(state, right).view, read({ ...state, formula: ['('] }, right).view);
  t.not(read(state, right).view, read({ ...state, cards: ['H4', 'S5', 'D9', 'C2'] }, right).view);
});

test('success by kind of hand, reward, rates, and signs of collapse', (t) => {
  const part = evaluationPart(
    points24,
    [
      episode(state.cards, step(right, '(', 10)),
      episode(state.cards, step(right, '4', -1), step(null, '=', -1)),
      episode(['HA', 'SA', 'DA', 'CA'], step(null, '=', -1)),
    ],
    read,
  );
  t.like(part, { success: 1 / 3, episodes: 3, reward: 7 / 3, length: 4 / 3, legalRate: 1, wellFormedRate: 0.5 });
  // 4 5 9 10 makes 24 by 16 formulas, four aces by none.
  t.is(findAllFormulas([4, 5, 9, 10], 24).length, 16);
  t.deepEqual(
    Object.entries(part.groups).map(([name, { success, episodes }]) => [name, success, episodes]),
    [
      ['10-to-24-solutions', 0.5, 2],
      ['unsolvable', 0, 1],
    ],
  );
  t.deepEqual(part.thought, {
    selfBleu2: 1,
    distinctPerState: 1,
    perceptionRate: 1,
    validGoalRate: 1,
    agreementRate: 0.5,
  });
});

test("the solver in the agent's place wins what can be won", (t) => {
  const play = (name: string, options: object) => {
    const game = gameByName(name);
    const wording = loadPromptTemplate(name, name);
    return evaluationPart(
      game,
      playExpert(game, game.parseOptions(options), () => wording, { seed: 4, episodes: 60, maxEpisodeSteps: 20 }),
      reader(name, wording.thought),
    );
  };
  t.like(play('points24', { deals: 'heldOut' }), { success: 1, wellFormedRate: 1, legalRate: 1 });
  const all = play('points24', {});
  t.is(all.groups.unsolvable.success, 0);
  t.is(all.success * 60, 60 - all.groups.unsolvable.episodes);
  t.deepEqual(Object.keys(play('numberline', {}).groups), [
    'distance-1',
    'distance-2',
    'distance-3',
    'distance-4',
    'distance-5',
  ]);
  t.is(play('ezpoints', {}).success, 1);
  t.like(play('blackjack', {}).thought, { perceptionRate: 1, validGoalRate: 1, agreementRate: 1 });
});
