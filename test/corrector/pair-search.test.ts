import test from 'ava';
import { parseConfig, sftConfigSchema } from '../../configs/schema.ts';
import { makeDemonstrations } from '../../corrector/demonstrations.ts';
import { isSolution } from '../../corrector/exact-solver.ts';
import { planSteps } from '../../corrector/formula.ts';
import { handOf } from '../../corrector/hand.ts';
import { pairSearches, pairTarget, randomPairs } from '../../corrector/pair-search.ts';
import { SolverTeacher } from '../../corrector/solver-teacher.ts';
import { gameByName } from '../../envs/registry.ts';
import { loadPromptTemplate } from '../../policy/prompt-template.ts';
import { parseResponse } from '../../policy/response.ts';
import { RandomStream } from '../../random/counter.ts';

const RULES = { goal: 24, operators: ['+', '-', '*', '/'] };
const TEN = Array.from({ length: 10 }, (_, index) => index + 1);
const HANDS = TEN.flatMap((a) => TEN.flatMap((b) => TEN.flatMap((c) => TEN.map((d) => [a, b, c, d])))).filter((hand) => hand.every((number, place) => place === 0 || hand[place - 1] <= number));

test('of the 551 hands that whole numbers solve, two pairs solve 399; what is found makes 24', (t) => {
  const found = HANDS.flatMap((hand) => pairTarget(hand, RULES) ?? []);
  t.is(found.length, 399);
  for (const target of found) t.true(isSolution(target, target.match(/\d+/g)!.map(Number), 24), target);
  t.is(pairTarget([1, 1, 1, 1], RULES), null);
});

test('a hand of two lists its results', (t) => {
  const ezpoints = { goal: 12, operators: ['+', '*'] };
  t.is(pairTarget([2, 6], ezpoints), '6*2');
  t.is(pairTarget([2, 6], ezpoints, ['2']), null);
  for (const target of ['6*2', '6+2']) t.is(pairSearches(target, [2, 6], ezpoints)[0], ' 6*2=12 6+2=8');
});

test('the search goes on with what was appended', (t) => {
  t.is(pairTarget([4, 7, 8, 9], RULES), '(8+4)*(9-7)');
  t.is(pairTarget([4, 7, 8, 9], RULES, ['(', '8', '+']), '(8+4)*(9-7)');
  t.is(pairTarget([4, 7, 8, 9], RULES, ['8']), null);
});

test('a search lists the results of both pairs of a split, one split after another', (t) => {
  const first = ' 9-8=1 9+8=17 7*4=28 7-4=3 7+4=11 no';
  const third = ' 9*4=36 9-4=5 9+4=13 8*7=56 8-7=1 8+7=15 no';
  const end = ' 9-7=2 9+7=16 8*4=32 8-4=4 8+4=12 8/4=2 12*2=24';
  // The solver's own first; then any others that say nothing false.
  t.deepEqual(pairSearches('(8+4)*(9-7)', [4, 7, 8, 9], RULES), [first, first + third, first, third + first, third, ''].map((looked) => looked + end));
  // A formula of another form is told with its plan, behind all splits that make nothing of the goal.
  t.true(pairSearches('6*5-6/1', [1, 5, 6, 6], RULES)[0].endsWith('5/1=5 no 6*5=30 left 1 6 30 6/1=6 left 6 30 30-6=24'));
});

const template = loadPromptTemplate('points24-search-tiny', 'points24');
const teacher = new SolverTeacher('points24', template.thought);
const points24 = gameByName('points24');
const judge = (search: string, target: string) =>
  teacher.verdict({
    environment: points24.fromState({ cards: ['H4', 'S7', 'D9', 'C8'], formula: [] }, points24.parseOptions({})),
    thought: { cards: ['4', '7', '9', '8'], formula: '', thoughts: `numbers 4 7 8 9 pairs${search} reach ${target} append (` },
    action: '',
    target: null,
  });

test('the solver accepts every true search that ends with the goal, and corrects all others', (t) => {
  const target = '(8+4)*(9-7)';
  const searches = pairSearches(target, [4, 7, 8, 9], RULES);
  for (const search of searches) t.deepEqual(judge(search, target), { outcome: 'correct', target });
  const wrong = [
    searches[0].replace('7+4=11', '7+4=12'),
    searches[0].replace('12*2=24', '12+2=14'),
    // The second split does make 24.
    ' 9-7=2 9+7=16 8*4=32 8-4=4 8+4=12 8/4=2 no',
    '',
  ];
  for (const search of wrong) t.like(judge(search, target), { outcome: 'corrected', target, action: '(' }, search);
  t.is(judge(pairSearches('(9+7)+(8+4)', [4, 7, 8, 9], RULES)[0], '(9+7)+(8+4)').outcome, 'corrected');
});

test('random pairs are calculated rightly and seldom make the goal; demonstrations of them look at one split', async (t) => {
  const random = new RandomStream({ seed: 1, purpose: 'test' });
  const drawn = HANDS.map((hand) => randomPairs(hand, RULES.operators, random)!);
  t.true(drawn.filter((target) => planSteps(target).at(-1)!.left[0] === '24').length / HANDS.length < 0.1);
  const config = parseConfig(sftConfigSchema, { environment: { name: 'points24' }, model: { base: 'x', prompt: 'points24-search-tiny' }, demonstrations: { count: 40, habits: { randomChain: 1, plainSums: 0 } } }, 'test');
  for (const { state, text } of await makeDemonstrations(config, template)) {
    const [, search, target] = / pairs(.*) reach (.*) append/.exec(parseResponse(text, template.keys, true).thought!.thoughts as string)!;
    t.is(search, pairSearches(target, handOf(state).numbers, RULES).at(-1)!);
    t.notRegex(search, /no/);
  }
});
