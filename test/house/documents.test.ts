/** Every document that the project cites is in it. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { PROJECT } from './read-imports.ts';

/** Written by other programs into their own folders. */
const FOREIGN = /OperatorKernels\.md$/;

test('every document that code, messages, schemas or documents cite exists', (t) => {
  const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: PROJECT, encoding: 'utf8' })
    .split('\n')
    .filter((file) => /\.(ts|mjs|md|json|py|sh)$/.test(file) && !/^(models|test\/golden)\//.test(file))
    .filter((file) => existsSync(path.join(PROJECT, file)));
  const missing: string[] = [];
  let cited = 0;
  for (const file of files)
    for (const [name] of readFileSync(path.join(PROJECT, file), 'utf8').matchAll(/[\w./-]*\w\.md\b/g)) {
      const candidates = ['', 'docs', path.dirname(file)].map((folder) => path.join(PROJECT, folder, name));
      cited++;
      if (!FOREIGN.test(name) && !candidates.some((file) => existsSync(file))) missing.push(`${file}: ${name}`);
    }
  t.true(cited > 50);
  t.deepEqual(missing, []);
});
