import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { packagesProblem } from '../../scripts/packages.mjs';

type Packages = Record<string, { version: string; optional?: boolean; os?: string[] }>;

/** A project whose lockfile and whose npm record of the installation name these packages. */
function project(locked: Packages, installed: Packages | null): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'gtr-packages-'));
  writeFileSync(
    path.join(folder, 'package-lock.json'),
    JSON.stringify({ packages: { '': { version: '0.1.0' }, ...locked } }),
  );
  mkdirSync(path.join(folder, 'node_modules'));
  if (installed !== null)
    writeFileSync(path.join(folder, 'node_modules', '.package-lock.json'), JSON.stringify({ packages: installed }));
  return folder;
}

const zod = { 'node_modules/zod': { version: '4.6.7' } };
const elsewhere = process.platform === 'linux' ? 'darwin' : 'linux';

test('an installation that matches has no problem; packages of other platforms are rightly absent', (t) => {
  t.is(packagesProblem(project(zod, zod)), null);
  t.is(
    packagesProblem(
      project({ ...zod, 'node_modules/fsevents': { version: '2.0.0', optional: true, os: [elsewhere] } }, zod),
    ),
    null,
  );
});

test('what differs is named', (t) => {
  t.regex(packagesProblem(project(zod, null))!, /not installed/); // interrupted: npm writes its record last
  t.is(
    packagesProblem(project({ ...zod, 'node_modules/a/node_modules/@b/c': { version: '1.0.0' } }, zod)),
    '@b/c is not installed',
  );
  t.is(
    packagesProblem(project(zod, { 'node_modules/zod': { version: '4.6.6' } })),
    'zod is 4.6.6, not the locked 4.6.7',
  );
  t.regex(
    packagesProblem(project(zod, { ...zod, 'node_modules/left': { version: '1.0.0' } }))!,
    /left does not belong here/,
  );
  const native = { 'node_modules/native': { version: '1.0.0', optional: true, os: [elsewhere] } };
  // carried over from another machine
  t.regex(packagesProblem(project({ ...zod, ...native }, { ...zod, ...native }))!, /native does not belong here/);
});

test('this checkout is installed as its lockfile says', (t) => {
  t.is(packagesProblem(path.resolve(import.meta.dirname, '../..')), null);
});
