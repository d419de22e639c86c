/** Charts and what they are made of: pure functions from numbers to markup. */
import test from 'ava';
import { lineChart } from '../../core/report/line-chart.ts';
import { markDifferences } from '../../core/report/mark-differences.ts';
import { compactNumber, duration, niceTicks, percent } from '../../core/report/number-format.ts';
import { stackedChart } from '../../core/report/stacked-chart.ts';

const paths = (svg: string) =>
  [...svg.matchAll(/class="curve" d="M([^"]*)"/g)].map(([, d]) =>
    d.split('L').map((point) => point.split(' ').map(Number)),
  );
const circles = (svg: string) =>
  [...svg.matchAll(/<circle cx="([^"]*)" cy="([^"]*)"/g)].map(([, x, y]) => [Number(x), Number(y)]);
const noBrokenNumbers = (svg: string) => !/NaN|Infinity|undefined/.test(svg);

test('grid lines are round numbers around the values', (t) => {
  t.deepEqual(niceTicks(0, 1, 4), [0, 0.5, 1]);
  t.deepEqual(niceTicks(0.13, 0.57, 4), [0, 0.2, 0.4, 0.6]);
  t.deepEqual(niceTicks(-0.012, -0.001, 4), [-0.015, -0.01, -0.005, 0]);
  t.deepEqual(niceTicks(0, 12, 6), [0, 2, 4, 6, 8, 10, 12]);
});

test('numbers for people', (t) => {
  t.deepEqual([0, 0.12345, -0.000123, 1234.5, 2e6, 1e-9].map(compactNumber), [
    '0',
    '0.123',
    '-1.23e-4',
    '1235',
    '2e6',
    '1e-9',
  ]);
  t.deepEqual([0.5, 0.98765, 0.0005, 1].map(percent), ['50 %', '98.8 %', '0.1 %', '100 %']);
  t.deepEqual([0.5, 59.6, 60, 3599.7, 3600, 7260].map(duration), [
    '0.5 s',
    '59.6 s',
    '1 min 0 s',
    '1 h 0 min',
    '1 h 0 min',
    '2 h 1 min',
  ]);
});

test('a curve goes through its values, iterations from left to right, larger values higher', (t) => {
  const svg = lineChart({ title: 'a', series: [{ name: 'a', values: [0, 5, 10] }] }).text;
  const [[first, middle, last]] = paths(svg);
  t.is(middle[0] - first[0], last[0] - middle[0]);
  t.is(first[1] - middle[1], middle[1] - last[1]);
  t.true(first[0] < last[0] && first[1] > last[1]);
  t.deepEqual(circles(svg), [first, middle, last]);
  t.true(svg.includes('<title>iteration 2, a: 5</title>'));
});

test('what was not measured breaks the curve', (t) => {
  const svg = lineChart({ title: 'a', series: [{ name: 'a', values: [1, 2, null, 3, 4, null, 5] }] }).text;
  t.deepEqual(
    paths(svg).map((line) => line.length),
    [2, 2],
  ); // the lone 5 is a point only
  t.is(circles(svg).length, 5);
});

test('nothing measured is said, not drawn', (t) => {
  for (const values of [[], [null, null], [NaN]]) {
    const figure = lineChart({ title: 'a', series: [{ name: 'a', values }], yMin: 0 }).text;
    t.true(figure.includes('not measured') && !figure.includes('<svg'));
  }
  t.true(
    stackedChart({ title: 'a', parts: [{ name: 'a', values: [null] }], format: duration }).text.includes(
      'not measured',
    ),
  );
});

test('one iteration, equal values and zeros have an axis', (t) => {
  for (const values of [[0], [3], [-2, -2], [0, 0, 0], [1e-9], [1, 1.000001]]) {
    const svg = lineChart({ title: 'a', series: [{ name: 'a', values, low: values, high: values }] }).text;
    t.true(noBrokenNumbers(svg), svg);
    const labels = [...svg.matchAll(/text-anchor="end">([^<]*)</g)].map(([, label]) => label);
    t.true(labels.length >= 2);
    t.is(new Set(labels).size, labels.length, `labels ${labels} of ${values}`);
  }
});

test('an evaluation stands between the iterations that it was made between', (t) => {
  const mark = { name: 'evaluation', value: 0.5, low: 0.4, high: 0.6, hollow: false };
  const svg = lineChart({
    title: 'a',
    series: [{ name: 'a', values: [0.1, 0.2, 0.3] }],
    marks: [{ ...mark, iterationsDone: 1 }],
  }).text;
  const [one, two, , evaluated] = circles(svg);
  t.true(one[0] < evaluated[0] && evaluated[0] < two[0]);
  t.true(svg.includes('95 %: 0.4 to 0.6'));
});

test('stacked parts reach as high as their sum', (t) => {
  const svg = stackedChart({
    title: 'a',
    parts: [
      { name: 'a', values: [1, 4] },
      { name: 'b', values: [3, null] },
    ],
    format: duration,
  }).text;
  const bars = [...svg.matchAll(/<rect class="(s\d)" x="([^"]*)" width="[^"]*" y="([^"]*)" height="([^"]*)"/g)].map(
    ([, part, x, y, height]) => ({ part, x: Number(x), y: Number(y), height: Number(height) }),
  );
  const [a1, b1, a2, b2] = bars;
  t.true(Math.abs(b1.height - 3 * a1.height) < 0.3); // tenths of a unit
  t.true(Math.abs(b1.y + b1.height - a1.y) < 0.11);
  t.is(a2.y, b1.y); // 4 = 1 + 3
  t.is(b2.height, 0);
});

test('a correction marks the words that it changed', (t) => {
  const marked = markDifferences('numbers 1 4 6 10 6-1=5  left 4', 'numbers 1 4 5 10 6-1=5 then left');
  const show = (words: { text: string; kept: boolean }[]) =>
    words.map(({ text, kept }) => (kept ? text : `[${text}]`)).join(' ');
  t.is(show(marked.before), 'numbers 1 4 [6] 10 6-1=5 left [4]');
  t.is(show(marked.after), 'numbers 1 4 [5] 10 6-1=5 [then] left');
  t.deepEqual(markDifferences('', ' '), { before: [], after: [] });
});
