import test from 'ava';
import { parseConfig, sftConfigSchema } from '../../configs/schema.ts';
import { makeDemonstrations } from '../../core/corrector/demonstrations.ts';
import { isSolution } from '../../core/envs/formulas/exact-solver.ts';
import { formulaTokens } from '../../core/envs/formulas/formula.ts';
import { handOf } from '../../core/envs/formulas/hand.ts';
import { hastyTarget, pairSearch, pairTarget, randomPairs } from '../../core/envs/formulas/pair-search.ts';
import { SolverTeacher } from '../../core/corrector/solver-teacher.ts';
import { gameByName } from '../../core/envs/registry.ts';
import { loadPromptTemplate } from '../../core/policy/prompt-template.ts';
import { parseResponse } from '../../core/policy/response.ts';
import { RandomStream } from '../../core/random/counter.ts';

const RULES = { goal: 24, operators: ['+', '-', '*', '/'] };
const TEN = Array.from({ length: 10 }, (_, index) => index + 1);
const HANDS = TEN.flatMap((a) => TEN.flatMap((b) => TEN.flatMap((c) => TEN.map((d) => [a, b, c, d])))).filter((hand) =>
  hand.every((number, index) => index === 0 || hand[index - 1] <= number),
);
const account = (target: string, hand: readonly number[], prefix: readonly string[] = []) =>
  pairSearch(target, hand, RULES, prefix);

test(
  'of the 551 hands that whole numbers solve, two pairs solve 399; what is found makes 24, and is found again ' +
    'after each of its tokens',
  (t) => {
    const solved = HANDS.filter((hand) => pairTarget(hand, RULES) !== null);
    t.is(solved.length, 399);
    for (const hand of solved.flatMap(([a, b, c, d]) => [
      [a, b, c, d],
      [d, a, c, b],
    ])) {
      const target = pairTarget(hand, RULES)!;
      t.true(isSolution(target, hand, 24), target);
      for (const index of formulaTokens(target).keys())
        t.is(pairTarget(hand, RULES, formulaTokens(target).slice(0, index + 1)), target);
    }
    t.is(pairTarget([1, 1, 1, 1], RULES), null);
    t.is(pairTarget([4, 6], RULES), null);
    t.is(pairTarget([9, 8, 7, 4], RULES, ['8']), null);
  },
);

test(
  'a search lists one pair and then the other one by one, split after split, until one makes 24 with one of the ' +
    'first pair',
  (t) => {
    const hand = [9, 8, 7, 4];
    // 7*4=28 needs a 4 or a 52, 9*8=72 is above 60 and left out.
    t.is(account('(8+4)*(9-7)', hand), ' 9 8 +17 -1 with 7 4 +11 -3 *28 no 9 7 +16 -2 with 8 4 +12 yes 12*2=24');
    // Until the first pair is whole, nothing is known of it.
    t.is(account('(8+4)*(9-7)', hand, ['(', '8', '+']), account('(8+4)*(9-7)', hand));
    t.is(account('(8+4)*(9-7)', hand, ['(', '8', '+', '4']), ' 8 4 +12 with 9 7 +16 -2 yes 12*2=24');
    t.is(hastyTarget(hand, RULES.operators), '(9+8)+(7+4)');
    t.is(pairSearch('(9+8)+(7+4)', hand, RULES, [], { hasty: true }), ' 9 8 +17 -1 with 7 4 +11 no 17+11=28');
    // Who finds nothing names anything once everything was looked at.
    t.is(account('(8+4)+(9-7)', hand, ['(', '8', '+', '4', ')', '+']), ' 8 4 +12 with 9 7 +16 -2 no 12+2=14');
    // The order of the cards is the order of the search.
    t.is(
      account('(8+4)*(9-7)', [4, 7, 8, 9]),
      ' 7 4 +11 -3 *28 with 9 8 +17 -1 no 8 4 +12 -4 *32 /2 with 9 7 +16 -2 yes 12*2=24',
    );
    // A formula of another form is listed with its plan, after all splits.
    t.is(
      account('6*5-6/1', [1, 5, 6, 6]),
      ' 5 1 +6 -4 *5 /5 with 6 6 +12 -0 *36 /1 no 6 1 +7 -5 *6 /6 with 6 5 +11 -1 *30 no 6 1 +7 -5 *6 /6 ' +
        'with 6 5 +11 -1 *30 no 6*5=30 left 1 6 30 6/1=6 left 6 30 30-6=24',
    );
  },
);

const template = loadPromptTemplate('points24-search-tiny', 'points24');
const teacher = new SolverTeacher('points24', template.thought);
const points24 = gameByName('points24');
const judge = (search: string, target: string) =>
  teacher.verdict({
    environment: points24.fromState({ cards: ['H9', 'S8', 'D7', 'C4'], formula: [] }, points24.parseOptions({})),
    thought: {
      cards: ['9', '8', '7', '4'],
      formula: '',
      thoughts: `numbers 9 8 7 4 pairs${search} reach ${target} append (`,
    },
    action: '',
    target: null,
  });

test(
  'the solver accepts the true search that ends with the first formula that ' + 'does it, and corrects all others',
  (t) => {
    const target = '(8+4)*(9-7)';
    const search = account(target, [9, 8, 7, 4]);
    t.deepEqual(judge(search, target), { outcome: 'correct', target });
    for (const wrong of [
      search.replace('-3', '-4'),
      search.replace('12*2=24', '12+2=14'),
      search.replace('yes', 'no'),
      '',
    ])
      t.like(judge(wrong, target), { outcome: 'corrected', target, action: '(' }, wrong);
    t.is(
      judge(pairSearch('(9+8)+(7+4)', [9, 8, 7, 4], RULES, [], { hasty: true }), '(9+8)+(7+4)').outcome,
      'corrected',
    );
    // A search that passed over (9-1)*(2+1) is no true one.
    const [hand, later] = [[9, 1, 2, 1], '(2+1)*(9-1)'];
    t.is(pairTarget(hand, RULES), '(9-1)*(2+1)');
    t.is(pairTarget(hand, RULES, ['(', '2', '+', '1']), later);
    const environment = points24.fromState({ cards: ['H9', 'SA', 'D2', 'CA'], formula: [] }, points24.parseOptions({}));
    const thought = {
      cards: ['9', 'A', '2', 'A'],
      formula: '',
      thoughts: `numbers 9 1 2 1 pairs${account(later, hand)} reach ${later} append (`,
    };
    t.is(teacher.verdict({ environment, thought, action: '', target: null }).outcome, 'corrected');
  },
);

test(
  'demonstrations search rightly, hastily, or from anywhere on the way to ' + 'any pairs, as often as configured',
  async (t) => {
    const make = (habits: object) =>
      makeDemonstrations(
        parseConfig(
          sftConfigSchema,
          {
            environment: { name: 'points24' },
            model: { base: 'x', prompt: 'points24-search-tiny' },
            demonstrations: { count: 40, habits: { plainSums: 0, naive: 0, randomChain: 0, ...habits } },
          },
          'test',
        ),
      );
    const said = (text: string) =>
      / pairs(.*) reach (.*) append/.exec(parseResponse(text, template.keys, true).thought!.thoughts as string)!;
    for (const { state, text } of await make({})) {
      const { numbers, formula } = handOf(state);
      const target = pairTarget(numbers, RULES)!;
      t.deepEqual([...said(text)].slice(1), [account(target, numbers, formula), target]);
    }
    for (const { state, text } of await make({ naive: 1 })) {
      const { numbers, formula } = handOf(state);
      const target = hastyTarget(numbers, RULES.operators);
      t.deepEqual([...said(text)].slice(1), [pairSearch(target, numbers, RULES, formula, { hasty: true }), target]);
    }
    const lost = (await make({ randomChain: 1 })).filter(({ state, text }) => {
      const { numbers, formula } = handOf(state);
      const [, search, target] = said(text);
      t.is(search, account(target, numbers, formula));
      t.true(
        isSolution(target, numbers, 24) ||
          (/ no \d+.\d+=\d+$/.test(search) && pairTarget(numbers, RULES, formula) === null),
        text,
      );
      return !isSolution(target, numbers, 24);
    });
    t.true(lost.length > 20);
    t.is(randomPairs([9, 8, 7, 4], RULES.operators, ['7'], new RandomStream({ seed: 1, purpose: 'test' })), null);
  },
);

test('hands that two pairs solve are dealt where asked for', (t) => {
  const options = points24.parseOptions({ deals: 'notHeldOut', twoPairs: true });
  for (let episode = 0; episode < 50; episode++)
    t.not(pairTarget(handOf(points24.start({ seed: 1, episode }, options).state()).numbers, RULES), null);
});
