/** README against the disk: its tree and its commands. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';

const project = path.resolve(import.meta.dirname, '../..');
const readme = readFileSync(path.join(project, 'README.md'), 'utf8');
const tree = /## The tree\n+```\n([^]*?)```/.exec(readme)![1].trim().split('\n').map((line) => line.split(/\s+/)[0]);
/** Top-level entries that a tree for readers leaves out. */
const UNNAMED = new Set(['node_modules', 'package.json', 'package-lock.json', 'tsconfig.json', 'LICENSE']);

test('every entry of README\'s tree is on the disk, and every folder is in the tree', (t) => {
  for (const entry of tree) t.true(existsSync(path.join(project, entry)), entry);
  const folders = readdirSync(project, { withFileTypes: true }).filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && !UNNAMED.has(entry.name));
  for (const { name } of folders) t.true(tree.includes(`${name}/`), `${name}/ is not in the tree`);
});

test('every verb and configuration that README names exists', (t) => {
  const verbs = [...readme.matchAll(/^\.\/gtr (\w+)|\s\.\/gtr (\w+)/gm)].map(([, first, second]) => first ?? second);
  const sources = readdirSync(path.join(project, 'cli')).map((name) => readFileSync(path.join(project, 'cli', name), 'utf8')).join('\n');
  t.true(verbs.length > 10);
  for (const verb of verbs) t.regex(sources, new RegExp(`(command\\('|verb\\(')${verb}\\b`), verb);
  for (const [file] of readme.matchAll(/configs\/[\w.-]+\.(json|ts)/g)) t.true(existsSync(path.join(project, file)), file);
});
