import test from 'ava';
import fc from 'fast-check';
import {
  canonicalSolution,
  findAllFormulas,
  isSolution,
  isWholeAndSmall,
} from '../../core/envs/formulas/exact-solver.ts';
import { evaluate, numbersOf, parseFormula, planSteps } from '../../core/envs/formulas/formula.ts';
import { SolverTeacher } from '../../core/corrector/solver-teacher.ts';
import { wordThought } from '../../core/corrector/solver-thought.ts';
import { gameByName } from '../../core/envs/registry.ts';
import type { Thought } from '../../core/episodes/episode.ts';
import { loadPromptTemplate } from '../../core/policy/prompt-template.ts';
import { formulaTexts } from '../envs/formula-texts.ts';

const hands = (largest: number): number[][] => {
  const result: number[][] = [];
  for (let a = 1; a <= largest; a++)
    for (let b = a; b <= largest; b++)
      for (let c = b; c <= largest; c++) for (let d = c; d <= largest; d++) result.push([a, b, c, d]);
  return result;
};

test('of the 715 hands of 1 to 10, 566 make 24, 551 of them with whole numbers up to 60', (t) => {
  const solved = hands(10)
    .map((hand) => findAllFormulas(hand, 24))
    .filter(([first]) => first !== undefined);
  t.is(solved.length, 566);
  t.is(solved.filter(([first]) => isWholeAndSmall(first)).length, 551);
});

test('of the 1,820 hands of 1 to 13, 1,362 make 24', (t) => {
  const all = hands(13);
  t.is(all.length, 1820);
  t.is(all.filter((hand) => findAllFormulas(hand, 24).length > 0).length, 1362);
});

/** A second, independent evaluation: BigInt fractions over JavaScript's own operator precedence by a stack machine. */
function evaluateByStack(formula: string): [bigint, bigint] | null {
  const output: [bigint, bigint][] = [];
  const operators: string[] = [];
  const level: Record<string, number> = { '+': 1, '-': 1, '*': 2, '/': 2, '(': 0 };
  const reduce = () => {
    const [[c, d], [a, b]] = [output.pop()!, output.pop()!];
    const operator = operators.pop()!;
    output.push(
      operator === '+'
        ? [a * d + c * b, b * d]
        : operator === '-'
          ? [a * d - c * b, b * d]
          : operator === '*'
            ? [a * c, b * d]
            : [a * d, b * c],
    );
  };
  for (const token of formula.match(/\d+|[^\d]/g) ?? []) {
    if (/\d/.test(token)) output.push([BigInt(token), 1n]);
    else if (token === '(') operators.push(token);
    else if (token === ')') {
      while (operators.at(-1) !== '(') reduce();
      operators.pop();
    } else {
      while (operators.length > 0 && level[operators.at(-1)!] >= level[token]) reduce();
      operators.push(token);
    }
  }
  while (operators.length > 0) reduce();
  return output[0][1] === 0n ? null : output[0];
}

test('every formula found uses the hand and makes 24 by a second exact implementation', (t) => {
  for (const hand of hands(10).filter((_, index) => index % 7 === 0)) {
    for (const formula of findAllFormulas(hand, 24)) {
      const value = evaluateByStack(formula)!;
      t.is(value[0], 24n * value[1], formula);
      t.deepEqual(
        numbersOf(parseFormula(formula)!).sort((a, b) => a - b),
        hand,
      );
    }
  }
});

test('exact evaluation agrees with the second implementation on random formulas', (t) => {
  fc.assert(
    fc.property(formulaTexts, (text) => {
      const value = evaluate(parseFormula(text)!)!;
      const [numerator, denominator] = evaluateByStack(text)!;
      return BigInt(value.numerator) * denominator === numerator * BigInt(value.denominator);
    }),
  );
  t.pass();
});

test('8/(3-8/3) is exactly 24; what is not a formula is none', (t) => {
  t.true(isSolution('8/(3-8/3)', [3, 3, 8, 8], 24));
  for (const text of [
    '',
    '8/',
    '(8',
    '8)',
    '-8+32',
    '8 8',
    '8**1',
    '08+16',
    '(8)(3)',
    '1/0',
    '9'.repeat(500),
    '('.repeat(500),
  ])
    t.false(isSolution(text, [8], 24), text);
});

test("a formula's arithmetic step by step", (t) => {
  t.deepEqual(
    planSteps('(10-4)*(9-5)').map(({ text, left }) => [text, left.join(' ')]),
    [
      ['10-4=6', '5 6 9'],
      ['9-5=4', '4 6'],
      ['6*4=24', '24'],
    ],
  );
  t.is(planSteps('8/(3-8/3)')[0].text, '8/3=8/3');
});

test('a canonical solution begins with what was appended, by whole tokens', (t) => {
  t.true(canonicalSolution([1, 10, 5, 8], 24, { prefix: ['1'] })?.startsWith('10') !== true);
  t.is(canonicalSolution([1, 1, 1, 1], 24), null);
  t.is(canonicalSolution([3, 4], 12, { operators: ['+', '*'], prefix: ['4'] }), '4*3');
});

const template = loadPromptTemplate('points24-tiny', 'points24').thought;
const teacher = new SolverTeacher('points24', template);
const state = (formula: string[]) => ({ cards: ['H4', 'S5', 'D9', 'CK'], formula });
const points24 = gameByName('points24');
const judge = async (formula: string[], thought: Thought, target: string | null = null) =>
  (
    await teacher.judge({
      environment: points24.fromState(state(formula), points24.parseOptions({})),
      thought,
      action: '',
      target,
    })
  ).verdict;

test('the solver accepts any right thought, also about another solution than the canonical one', async (t) => {
  for (const solution of findAllFormulas([4, 5, 9, 10], 24)) {
    t.deepEqual(await judge([], wordThought(template, state([]), solution) as Record<string, string>), {
      outcome: 'correct',
      target: solution,
    });
  }
});

test('a thought that misreads a card, miscalculates, or aims wrongly is corrected', async (t) => {
  const right = wordThought(template, state([]), '(10-4)*(9-5)') as Record<string, string | string[]>;
  const wrong = [
    { ...right, cards: ['4', '5', '9', 'Q'] },
    { ...right, thoughts: (right.thoughts as string).replace('10-4=6', '10-4=5') },
    { ...right, thoughts: (right.thoughts as string).replace('append (', 'append 4') },
    wordThought(template, state([]), '10+9+5+4') as Record<string, string>,
    { ...right, thoughts: 'nonsense' },
  ];
  for (const thought of wrong) {
    const verdict = await judge([], thought);
    t.is(verdict.outcome, 'corrected');
    if (verdict.outcome === 'corrected') t.is((await judge([], verdict.correction)).outcome, 'correct');
  }
});

test('a correction keeps the target while it leads on, and begins with what was appended', async (t) => {
  const nonsense = { cards: [], formula: '', thoughts: '' };
  t.like(await judge(['(', '10'], nonsense, '(10-4)*(9-5)'), {
    outcome: 'corrected',
    target: '(10-4)*(9-5)',
    action: '-',
  });
  t.like(await judge(['(', '10', '-', '4', ')', '*', '(', '9', '-', '5', ')'], nonsense), {
    outcome: 'corrected',
    action: '=',
  });
  t.deepEqual(await judge(['9', '*', '9'], nonsense), { outcome: 'noSolution' });
});
