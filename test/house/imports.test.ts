/** Imports point one way, workflows load nothing but pure values, and no file imports itself indirectly. */
import test from 'ava';
import { type Import, importsOfProject, readImports } from './read-imports.ts';

/** The rooms of `core/`, lowest first: each may import those above it in this list, and `configs/`. */
const ROOMS = [
  'random',
  'graph',
  'artifacts',
  'pictures',
  'envs',
  'episodes',
  'policy',
  'corrector',
  'learner',
  'records',
  'tensorboard',
  'tracking',
  'report',
];

/** The folders beside `core/`, lowest first: each may import those it names. */
const FOLDERS: Readonly<Record<string, readonly string[]>> = {
  configs: [],
  core: ['configs'],
  activities: ['configs', 'core'],
  workflows: ['configs', 'core', 'activities'], // types of activities alone: the test of loaded files says so
  workers: ['configs', 'core', 'activities', 'workflows'],
  scripts: ['configs', 'core', 'activities', 'workflows', 'workers'],
  cli: ['configs', 'core', 'workflows', 'workers', 'scripts'],
  environments: ['configs', 'core'],
  examples: ['configs', 'core'],
  bench: ['configs', 'core', 'activities', 'workflows', 'workers', 'scripts', 'cli'],
  test: ['configs', 'core', 'environments', 'activities', 'workflows', 'workers', 'scripts', 'cli', 'bench'],
};
/** What workflow code may load: it runs in Temporal's deterministic sandbox. */
const DETERMINISTIC_FOLDERS = ['workflows', 'configs', 'core/random', 'core/episodes'];
const DETERMINISTIC_PACKAGES = ['@temporalio/workflow', '@temporalio/common'];

const imports = importsOfProject();
/** `core/graph` of `core/graph/ops/movement.ts`, `cli` of `cli/main.ts`. */
const folderOf = (file: string) => file.split('/', file.startsWith('core/') ? 2 : 1).join('/');
/** What is loaded with a file: its imports without those of types. */
const loads = (file: string) =>
  imports
    .get(file)!
    .filter(({ typeOnly }) => !typeOnly)
    .map(({ target }) => target);

/** Why this import must not be; null where it may. */
function objection(file: string, target: string): string | null {
  const [from, to] = [file, target].map((path) => path.split('/'));
  if (!(from[0] in FOLDERS)) return `${from[0]} has no row in this test's table`;
  if (from[0] === to[0] && from[0] !== 'core') return null;
  if (from[0] !== 'core') return FOLDERS[from[0]].includes(to[0]) ? null : `${from[0]} -> ${to[0]}`;
  if (to[0] === 'configs') return null;
  if (to[0] !== 'core') return `core -> ${to[0]}`;
  const [room, other] = [from[1], to[1]].map((name) => ROOMS.indexOf(name));
  if (room < 0) return `core/${from[1]} has no place in this test's list`;
  return room >= other ? null : `${from[1]} -> ${to[1]}`;
}

test('imports point one way, including types', (t) => {
  t.true(imports.size > 100);
  const wrong: string[] = [];
  for (const [file, targets] of imports)
    for (const { target } of targets) {
      const problem = imports.has(target) ? objection(file, target) : null;
      if (problem !== null) wrong.push(`${file} -> ${target} (${problem})`);
    }
  t.deepEqual(wrong, []);
});

test('everything that a workflow loads, directly or indirectly, is deterministic', (t) => {
  const wrong: string[] = [];
  const seen = new Set<string>();
  const visit = (file: string, way: readonly string[]) => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const target of loads(file)) {
      const allowed = imports.has(target)
        ? DETERMINISTIC_FOLDERS.includes(folderOf(target))
        : DETERMINISTIC_PACKAGES.includes(target) || /^configs\/.*\.json$/.test(target);
      if (!allowed) wrong.push([...way, file, target].join(' -> '));
      else if (imports.has(target)) visit(target, [...way, file]);
    }
  };
  for (const file of imports.keys()) if (folderOf(file) === 'workflows') visit(file, []);
  t.true(seen.has('workflows/queues.ts'));
  t.deepEqual(wrong, []);
});

test('the schema of a configuration needs zod and pure values alone', (t) => {
  t.deepEqual(
    loads('configs/schema.ts').filter((target) => target !== 'zod' && folderOf(target) !== 'configs'),
    [],
  );
});

test('no file imports itself indirectly', (t) => {
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
  t.deepEqual(
    readImports('cli/x.ts', text),
    expected.map(([target, typeOnly]): Import => ({ target, typeOnly })),
  );
});
