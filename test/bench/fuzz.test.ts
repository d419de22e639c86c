/** A few hundred foreign values at every border; `npm run bench -- fuzz` tries 10,000 each. */
import fc from 'fast-check';
import test from 'ava';
import { BORDERS, fuzz } from '../../bench/fuzz/borders.ts';

/** Loading a whole game or tokenizer takes milliseconds. */
const SLOW = /^(games|tokenizer)/;

for (const border of BORDERS)
  test.serial(`foreign input is accepted or refused by name: ${border.name}`, async (t) => {
    t.is(await fuzz(border, SLOW.test(border.name) ? 40 : 200, 2), null);
  });

test('an error that was not named is reported with the smallest input that shows it', async (t) => {
  const cross = (count: number) => {
    if (count > 10) throw new TypeError('boom');
    if (count > 5) throw new RangeError('too many');
  };
  const border = { name: 'test', value: fc.nat(), cross, named: ['RangeError'] };
  t.regex((await fuzz(border, 200, 1))!, /Counterexample: \[11\][^]*boom/);
  t.is(await fuzz({ ...border, named: ['RangeError', 'TypeError'] }, 200, 1), null);
});
