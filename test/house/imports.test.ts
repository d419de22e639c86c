/** Imports point one way, workflows load nothing but pure values, and no file loads itself through others. */
import test from 'ava';
import { type Import, importsOfProject, readImports } from './read-imports.ts';

/** Who may import whom besides its own folder: from the command line down to pure values. */
const PURE = ['random', 'configs'];
const BASE = ['graph', 'artifacts', ...PURE];
const DOMAIN = ['envs', 'policy', 'corrector', 'learner'];
const ACTIVITIES = ['activities', ...DOMAIN, ...BASE];
const WORKERS = ['workers', 'workflows', ...ACTIVITIES];
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  random: [],
  configs: ['random'],
  artifacts: PURE,
  graph: PURE,
  ...Object.fromEntries(DOMAIN.map((folder) => [folder, [...DOMAIN, ...BASE]])),
  tensorboard: ['tensorboard', ...DOMAIN, ...BASE],
  activities: ['tensorboard', ...ACTIVITIES],
  report: ['tensorboard', ...ACTIVITIES], // reads what they publish
  workflows: ACTIVITIES, // their types: the test of loaded files says so
  workers: WORKERS,
  scripts: WORKERS,
  cli: ['report', 'scripts', ...WORKERS],
  bench: ['report', 'scripts', 'cli', 'test', ...WORKERS],
  test: ['report', 'tensorboard', 'scripts', 'cli', 'bench', ...WORKERS],
};

/** What workflow code may load: it runs in Temporal's deterministic sandbox. */
const DETERMINISTIC_FOLDERS = ['workflows', 'configs', 'random', 'learner'];
const DETERMINISTIC_PACKAGES = ['@temporalio/workflow', '@temporalio/common', 'zod'];

const imports = importsOfProject();
const folderOf = (file: string) => file.split('/')[0];
/** What is loaded with a file: its imports without those of types. */
const loads = (file: string) => imports.get(file)!.filter(({ typeOnly }) => !typeOnly).map(({ target }) => target);

test('imports point one way', (t) => {
  t.true(imports.size > 100);
  const wrong: string[] = [];
  for (const [file, targets] of imports) {
    const folder = folderOf(file);
    if (!(folder in MAY_IMPORT)) wrong.push(`${file}: ${folder} has no row in this test's table`);
    const allowed = [folder, ...(MAY_IMPORT[folder] ?? [])];
    for (const { target } of targets) if (imports.has(target) && !allowed.includes(folderOf(target))) wrong.push(`${file} -> ${target}`);
  }
  t.deepEqual(wrong, []);
});

test('all that a workflow loads, directly or through others, is deterministic', (t) => {
  const wrong: string[] = [];
  const seen = new Set<string>();
  const visit = (file: string, way: readonly string[]) => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const target of loads(file)) {
      const allowed = imports.has(target) ? DETERMINISTIC_FOLDERS.includes(folderOf(target)) : DETERMINISTIC_PACKAGES.includes(target);
      if (!allowed) wrong.push([...way, file, target].join(' -> '));
      else if (imports.has(target)) visit(target, [...way, file]);
    }
  };
  for (const file of imports.keys()) if (folderOf(file) === 'workflows') visit(file, []);
  t.true(seen.has('workflows/queues.ts'));
  t.deepEqual(wrong, []);
});

test('the schema of a configuration needs zod and pure values alone', (t) => {
  t.deepEqual(loads('configs/schema.ts').filter((target) => target !== 'zod' && !PURE.includes(folderOf(target))), []);
});

test('no file loads itself through others', (t) => {
  const cycles: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, way: readonly string[]) => {
    if (way.includes(file)) cycles.push([...way.slice(way.indexOf(file)), file].join(' -> '));
    if (way.includes(file) || done.has(file)) return;
    for (const target of loads(file)) if (imports.has(target)) visit(target, [...way, file]);
    done.add(file);
  };
  for (const file of imports.keys()) visit(file, []);
  t.deepEqual(cycles, []);
});

test('every form of an import is read, and only imports', (t) => {
  const text = `
    import fs from 'node:fs';
    import type { A } from './a.ts';
    import { type B } from '../b.ts';
    import {
      c,
      type D,
    } from "./deep/c.ts";
    import './effect.ts';
    import type from './type.ts';
    export { e } from './e.ts';
    export * from './f.ts';
    export type { G } from './g.ts';
    const later = await import('./later.ts');
    export const text = 'not an import from "x"';
    // a comment: import nothing from './comment'
  `;
  const expected: [string, boolean][] = [
    ['node:fs', false],
    ['cli/a.ts', true],
    ['b.ts', false], // the braces are empty after stripping, but the file is loaded
    ['cli/deep/c.ts', false],
    ['cli/effect.ts', false],
    ['cli/type.ts', false],
    ['cli/e.ts', false],
    ['cli/f.ts', false],
    ['cli/g.ts', true],
    ['cli/later.ts', false],
  ];
  t.deepEqual(readImports('cli/x.ts', text), expected.map(([target, typeOnly]): Import => ({ target, typeOnly })));
});
