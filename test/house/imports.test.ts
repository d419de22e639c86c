/** Imports point one way (design: cli -> workers -> activities -> domain -> graph, artifacts), and workflows stay pure. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';

const project = path.resolve(import.meta.dirname, '../..');
/** Lower layers know nothing of higher ones. `report` reads what activities wrote. */
const LAYERS: readonly (readonly string[])[] = [['random', 'artifacts', 'graph', 'configs'], ['envs', 'policy', 'corrector', 'learner'], ['activities'], ['report'], ['workflows'], ['workers'], ['scripts'], ['cli', 'bench']];
const levelOf = (folder: string) => LAYERS.findIndex((layer) => layer.includes(folder));

type Import = { file: string; folder: string; target: string; targetFolder: string; typeOnly: boolean };

function importsOf(folder: string): Import[] {
  const files = readdirSync(path.join(project, folder), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  return files.flatMap((name) => {
    const file = path.join(folder, name);
    const text = readFileSync(path.join(project, file), 'utf8');
    return [...text.matchAll(/^(?:import|export)(\s+type)?\s[^;]*?from '(\.[^']+)'/gm)].map(([, type, target]) => {
      const resolved = path.relative(project, path.resolve(project, path.dirname(file), target));
      return { file, folder, target: resolved, targetFolder: resolved.split(path.sep)[0], typeOnly: type !== undefined };
    });
  });
}

const imports = LAYERS.flat().flatMap(importsOf);

test('no file imports a value from a layer above its own', (t) => {
  t.true(imports.length > 200);
  // Folder paths and verdict types are shared downwards; the configuration's types serve every layer.
  const upward = imports.filter(({ folder, targetFolder, typeOnly }) => !typeOnly && levelOf(targetFolder) > levelOf(folder) && levelOf(targetFolder) >= 0);
  const allowed = (line: Import) => line.target === 'workflows/queues.ts' || line.file.startsWith('cli/') || line.target.startsWith('scripts/');
  t.deepEqual(upward.filter((line) => !allowed(line)).map(({ file, target }) => `${file} -> ${target}`), []);
});

test('workflows import types, each other, and pure values only', (t) => {
  const values = imports.filter(({ folder, typeOnly, targetFolder }) => folder === 'workflows' && !typeOnly && targetFolder !== 'workflows');
  t.deepEqual([...new Set(values.map(({ target }) => target))], ['configs/schema.ts']);
});
