/** Lines of code and of prose have at most 120 characters. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { PROJECT } from './read-imports.ts';

const WIDTH = 120;

/** The project's files with one of these endings. */
function filesOf(...endings: string[]): string[] {
  return execFileSync('git', ['ls-files', '-co', '--exclude-standard', ...endings.map((ending) => `*${ending}`)], {
    cwd: PROJECT,
    encoding: 'utf8',
  })
    .split('\n')
    .filter((file) => file !== '' && existsSync(path.join(PROJECT, file)));
}

/** `file:line` of lines that are too wide. `allowed` makes a test for each file, which gets its lines in order. */
function wideLines(files: readonly string[], allowed: () => (line: string) => boolean): string[] {
  return files.flatMap((file) => {
    const isAllowed = allowed();
    return readFileSync(path.join(PROJECT, file), 'utf8')
      .split('\n')
      .flatMap((line, index) => (!isAllowed(line) && line.length > WIDTH ? [`${file}:${index + 1}`] : []));
  });
}

/**
 * What cannot be broken: text in a template of several lines, markup, a template with expressions, a regular
 * expression, an address.
 */
function unbreakable(): (line: string) => boolean {
  let inTemplate = false;
  return (line) => {
    const began = inTemplate;
    if ((line.replace(/\\`/g, '').match(/`/g) ?? []).length % 2 === 1) inTemplate = !inTemplate;
    return began || inTemplate || /\$\{|https?:\/\/|^\s*<|^\s*(message: )?\/[^/*]/.test(line);
  };
}

test('no line of code is wider than 120 characters', (t) => {
  const files = filesOf('.ts', '.mjs');
  t.true(files.length > 400);
  t.deepEqual(wideLines(files, unbreakable), []);
});

test('no line of a document is wider than 120 characters, but for tables and addresses', (t) => {
  const files = filesOf('.md');
  t.true(files.length > 15);
  t.deepEqual(
    wideLines(files, () => (line) => line.startsWith('|') || line.includes('https://')),
    [],
  );
});
