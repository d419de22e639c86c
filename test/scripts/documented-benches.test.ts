/** Commands of measurements in documents name files of `bench/` and options that these have. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { PROJECT } from '../../configs/project-folder.ts';
import { documents, shellBlocks } from '../documents.ts';

/** `npm run bench -- NAME ...` and `npm run chaos -- ...`, in shell blocks and between backticks. */
function commands(markdown: string): { name: string; options: string[] }[] {
  const betweenBackticks = [...markdown.matchAll(/`([^`\n]+\n?[^`\n]*)`/g)].map(([, code]) => code);
  return [...shellBlocks(markdown), ...betweenBackticks].flatMap((code) =>
    [...code.matchAll(/npm run (bench|chaos) --\s([^#]*?)(?=\n(?:npm|#|$)|#|$)/g)].map(([, script, rest]) => {
      const words = rest.split(/\s+/).filter(Boolean);
      return {
        name: script === 'chaos' ? 'chaos' : words[0],
        options: words.filter((word) => word.startsWith('--')).map((word) => word.slice(2).split('=')[0]),
      };
    }),
  );
}

test('measurements in documents exist, with the options that are given', (t) => {
  const found = documents().flatMap(({ file, markdown }) =>
    commands(markdown).map((command) => ({ file, ...command })),
  );
  t.true(found.length > 50);
  for (const { file, name, options } of found) {
    const source = path.join(PROJECT, 'bench', `${name}.ts`);
    if (!existsSync(source)) {
      t.fail(`${file}: there is no bench/${name}.ts`);
      continue;
    }
    const text = readFileSync(source, 'utf8');
    for (const option of options)
      t.true(new RegExp(`\\b${option}'?: \\{ type: '`).test(text), `${file}: bench/${name}.ts has no --${option}`);
  }
});
