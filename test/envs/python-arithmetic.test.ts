import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { evaluate, parseFormula } from '../../core/envs/formulas/formula.ts';
import { evaluatePython } from '../../core/envs/python-arithmetic.ts';
import { formulaTexts } from './formula-texts.ts';

test('values that Python 3 gives', (t) => {
  const values: [string, bigint | number][] = [
    ['12*2', 24n],
    ['24', 24n],
    ['7//2', 3n],
    ['-7//2', -4n],
    ['7//-2', -4n],
    ['2**3', 8n],
    ['2**3**2', 512n],
    ['-2**2', -4n],
    ['2**-1', 0.5],
    ['2**-2**2', 0.0625],
    ['8/(3-8/3)', 23.99999999999999],
    ['10/2', 5],
    ['1/3*3', 1],
    ['- - +5', 5n],
    ['5--5', 10n],
    ['10  +2', 12n],
    [' 5', 5n],
    ['00', 0n],
    ['9**(1/2)*8', 24],
    ['7/2//1', 3],
    ['-7/2//1', -4],
    ['1/2//3', 0],
    ['10**10**2/10**99', 10],
    ['1010**500//1010**499', 1010n],
    ['1**9**9', 1n],
    ['(0-1)**9**9', -1n],
    ['0**0', 1n],
    ['(9007199254740993)/1', 9007199254740992],
    ['3**40/3**39', 3],
    ['(10**200/10**199)', 10],
    ['2**64//3', 6148914691236517205n],
  ];
  for (const [formula, value] of values) t.is(evaluatePython(formula), value, formula);
});

test('400 random formulas as Python 3 evaluates them (scripts/golden/python-arithmetic.py)', (t) => {
  const golden = JSON.parse(readFileSync(path.join(import.meta.dirname, 'python-arithmetic.golden.json'), 'utf8')) as [
    string,
    string | number | null,
  ][];
  t.is(golden.length, 400);
  t.true(golden.filter(([, value]) => value !== null).length > 100);
  for (const [formula, value] of golden)
    t.is(evaluatePython(formula), typeof value === 'string' ? BigInt(value) : value, formula);
});

test('whatever raises in Python, or is not a real number, has no value', (t) => {
  const nothing = [
    '',
    ' ',
    '()',
    '1 2',
    '(5)(6)',
    '5(6)',
    '(5',
    '5)',
    '5+',
    '*5',
    '5* *6',
    '5/ /6',
    '05',
    '1/0',
    '1//0',
    '1/(2-2)',
    '0**-1',
    '(-8)**(1/3)',
    '10**400/3',
    '(10.5)',
    'x',
    '5%3',
    '5***6',
    '5///6',
    '10**309*(1/2)',
    '(10**300/1)**2',
  ];
  for (const formula of nothing) t.is(evaluatePython(formula), null, formula);
});

test('no text takes long, however long, nested, or large in its numbers', (t) => {
  const started = performance.now();
  const texts = [
    '9**9**9**9',
    '9**9**9',
    '10**10**10-7',
    '(9**9**9)//(9**9**9)',
    '9'.repeat(100_000),
    '('.repeat(1_000_000),
    '-'.repeat(63) + '1',
    '('.repeat(31) + '1)'.repeat(31),
    '2**'.repeat(20) + '2',
    '9**999*'.repeat(8) + '9**999',
  ];
  for (let round = 0; round < 100; round++) for (const text of texts) evaluatePython(text);
  // 1,000 evaluations in 5 s: 5 ms each, on a busy machine; measured are microseconds.
  t.true(performance.now() - started < 5000);
  t.is(evaluatePython('-'.repeat(63) + '1'), -1n);
  t.is(evaluatePython('9**9**9**9'), null);
});

test('whole-number arithmetic agrees with the exact evaluator', (t) => {
  fc.assert(
    fc.property(formulaTexts, (text) => Number(evaluatePython(text)) === evaluate(parseFormula(text)!)!.numerator),
    { seed: 1 },
  );
  t.pass();
});
