/** Users' pictures are what Pillow's `convert("RGB")` makes of them (scripts/golden/pictures.py). */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { readPicture } from '../../core/pictures/read-picture.ts';

type Case = { name: string; width: number; height: number; file: string; rgb: string };
const cases = JSON.parse(readFileSync(path.resolve(import.meta.dirname, '../golden/pictures.json'), 'utf8')) as Case[];
const folder = mkdtempSync(path.join(tmpdir(), 'gtr-pictures-'));
test.after.always(() => rmSync(folder, { recursive: true, force: true }));

/** Levels by which decoders of lossy files may differ. */
const TOLERANCE = 3;

for (const { name, width, height, file, rgb } of cases)
  test(`as Pillow reads it: ${name}`, async (t) => {
    const target = path.join(folder, name);
    writeFileSync(target, Buffer.from(file, 'base64'));
    const read = await readPicture(target);
    t.deepEqual([read.width, read.height, read.data.length], [width, height, width * height * 3]);
    const expected = Buffer.from(rgb, 'base64');
    const worst = read.data.reduce((most, level, at) => Math.max(most, Math.abs(level - expected[at])), 0);
    t.true(worst <= (/png|lossless|alpha|profile\.webp/.test(name) ? 0 : TOLERANCE), `${worst} levels`);
  });

test('a truncated or missing file is refused by name', async (t) => {
  for (const { name, file } of cases) {
    const bytes = Buffer.from(file, 'base64');
    const target = path.join(folder, `cut-${name}`);
    writeFileSync(target, bytes.subarray(0, Math.floor(bytes.length * 0.7)));
    await t.throwsAsync(
      readPicture(target),
      { name: 'ConfigError', message: /cut-.*: cannot be read as a picture \(/ },
      name,
    );
  }
  writeFileSync(path.join(folder, 'empty.png'), '');
  await t.throwsAsync(readPicture(path.join(folder, 'empty.png')), { name: 'ConfigError' });
  await t.throwsAsync(readPicture(path.join(folder, 'none.png')), { name: 'ConfigError', message: /ENOENT/ });
});
