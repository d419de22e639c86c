import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { temporalCliPath } from '../../scripts/temporal-cli.ts';
import { cachedTemporal, findTemporal, isNewEnough } from '../../scripts/temporal-version.mjs';

test('1.5.1 and later do; a CLI built from source is judged by its server', (t) => {
  t.true(isNewEnough('temporal version 1.5.1 (Server 1.29.1, UI 2.42.1)'));
  t.true(isNewEnough('temporal version 1.10.0 (Server 1.40.0, UI 2.50.0)')); // 10 > 5, though '1' < '5'
  t.true(isNewEnough('temporal version 2.0.0'));
  t.false(isNewEnough('temporal version 1.5.0 (Server 1.29.0, UI 2.41.0)'));
  t.false(isNewEnough('temporal version 1.4.9 (Server 1.30.0, UI 2.41.0)'));
  t.true(isNewEnough('temporal version 0.0.0-DEV (Server 1.29.1, UI 2.42.1)'));
  t.false(isNewEnough('temporal version 0.0.0-DEV (Server 1.28.3, UI 2.42.1)'));
  t.false(isNewEnough('temporal version 0.0.0-DEV'));
  t.false(isNewEnough('command not found'));
  t.false(isNewEnough(null));
});

test.serial(
  'PATH comes first if new enough, then the cache; without either one sentence names the mending command',
  (t) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'gtr-temporal-'));
    const { PATH, XDG_CACHE_HOME } = process.env;
    t.teardown(() => void Object.assign(process.env, { PATH, XDG_CACHE_HOME: XDG_CACHE_HOME ?? '' }));
    const fake = (file: string, version: string) => {
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, `#!/bin/sh\necho "temporal version ${version} (Server 1.29.1, UI 2.42.1)"\n`);
      chmodSync(file, 0o755);
      return file;
    };
    Object.assign(process.env, { PATH: `${folder}/bin:/usr/bin:/bin`, XDG_CACHE_HOME: `${folder}/cache` });
    t.is(cachedTemporal(), `${folder}/cache/gtr/temporal-1.5.1/temporal`);
    t.is(findTemporal(), null);
    t.throws(() => temporalCliPath(), { message: /npm run set-up/ });

    const old = fake(`${folder}/bin/temporal`, '1.4.0');
    t.is(findTemporal(), null);
    const cached = fake(cachedTemporal(), '1.5.1');
    t.is(temporalCliPath(), cached);
    t.is(fake(old, '1.6.0'), temporalCliPath());
  },
);
