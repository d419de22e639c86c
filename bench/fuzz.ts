/**
 * `npm run bench -- fuzz [--runs 10000] [--seed 1] [--only NAME]`: foreign input at every border. Each input must be
 * accepted or refused by a named error; anything else is printed with the smallest input that shows it, and exits with
 * 1.
 */
import { parseArgs } from 'node:util';
import { BORDERS, fuzz } from './fuzz/borders.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
  },
});
const borders = BORDERS.filter(({ name }) => values.only === undefined || name.includes(values.only));
if (borders.length === 0) {
  process.stderr.write(`There is no border ${values.only}; there are ${BORDERS.map(({ name }) => name).join(', ')}.\n`);
  process.exit(2);
}
for (const border of borders) {
  const since = performance.now();
  const found = await fuzz(border, Number(values.runs), Number(values.seed));
  const seconds = ((performance.now() - since) / 1000).toFixed(1);
  process.stdout.write(
    `${found === null ? 'ok    ' : 'FAILED'} ${border.name}: ${values.runs} cases in ${seconds} s\n`,
  );
  if (found === null) continue;
  process.stdout.write(`${found.slice(0, 4000)}\n`);
  process.exitCode = 1;
}
