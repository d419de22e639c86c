/** README against the disk: its tree and its commands. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';

const project = path.resolve(import.meta.dirname, '../..');
const readme = readFileSync(path.join(project, 'README.md'), 'utf8');
const tree = /## The tree\n+```\n([^]*?)```/
  .exec(readme)![1]
  .trim()
  .split('\n')
  .map((line) => (line.startsWith('  ') ? `core/${line.trim().split(/\s+/)[0]}` : line.split(/\s+/)[0]));
/** Top-level entries that a tree for readers leaves out. */
const UNNAMED = new Set(['node_modules', 'package.json', 'package-lock.json', 'tsconfig.json', 'LICENSE']);

test("every entry of README's tree is on the disk, and every folder is in the tree", (t) => {
  for (const entry of tree) t.true(existsSync(path.join(project, entry)), entry);
  const folders = readdirSync(project, { withFileTypes: true }).filter(
    (entry) => entry.isDirectory() && !entry.name.startsWith('.') && !UNNAMED.has(entry.name),
  );
  for (const { name } of folders) t.true(tree.includes(`${name}/`), `${name}/ is not in the tree`);
});

/** README, and the pages that list verbs and configurations. */
const commands = ['README.md', 'docs/commands.md', 'docs/configuration.md']
  .map((file) => readFileSync(path.join(project, file), 'utf8'))
  .join('\n');

test('every verb and configuration that README and its pages name exists', (t) => {
  const verbs = [...commands.matchAll(/^\.\/gtr (\w+)|\s\.\/gtr (\w+)/gm)].map(([, first, second]) => first ?? second);
  const sources = readdirSync(path.join(project, 'cli'))
    .map((name) => readFileSync(path.join(project, 'cli', name), 'utf8'))
    .join('\n');
  t.true(verbs.length > 10);
  for (const verb of verbs) t.regex(sources, new RegExp(`(command\\('|verb\\(')${verb}\\b`), verb);
  for (const [file] of commands.matchAll(/configs\/[\w.-]+\.(json|ts)/g))
    t.true(existsSync(path.join(project, file)), file);
});

test('a .ts file that the line of a folder names is in it', (t) => {
  const lines = /## The tree\n+```\n([^]*?)```/
    .exec(readme)![1]
    .trim()
    .split('\n')
    .filter((line) => /^\S+\/\s/.test(line));
  const named = lines.flatMap((line) =>
    [...line.matchAll(/(?<=\s)[\w/-]+\.ts\b/g)].map(([file]) => `${line.split('/')[0]}/${file}`),
  );
  t.true(named.length > 0);
  t.deepEqual(
    named.filter((file) => !existsSync(path.join(project, file))),
    [],
  );
});

test("every npm command that README names is a script or npm's own", (t) => {
  const { scripts } = JSON.parse(readFileSync(path.join(project, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const named = [...readme.matchAll(/npm (?:run )?([a-z][\w-]*)/g)].map(([, name]) => name);
  t.true(named.includes('start') && named.includes('test'));
  t.deepEqual(
    named.filter((name) => !(name in scripts) && !['ci', 'install'].includes(name)),
    [],
  );
});
