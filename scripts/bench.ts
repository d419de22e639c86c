/** `npm run bench -- NAME ...`: runs bench/NAME.ts with the arguments after it; without a name it lists them. */
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';

const folder = path.resolve(import.meta.dirname, '..', 'bench');
const [name, ...args] = process.argv.slice(2);
const file = path.join(folder, `${name}.ts`);

if (name === undefined || path.dirname(file) !== folder || !existsSync(file)) {
  const names = readdirSync(folder)
    .filter((entry) => entry.endsWith('.ts'))
    .map((entry) => path.basename(entry, '.ts'));
  process.stderr.write(
    `npm run bench -- NAME: ${name === undefined ? 'name a measurement' : `there is no bench/${name}.ts`}; ` +
      `there are ${names.join(', ')}.\n`,
  );
  process.exit(2);
}
// The measurement sees the command line as if its file had been started directly.
process.argv.splice(1, process.argv.length, file, ...args);
await import(file);
