/** Pictures of any size against transformers' image processors: grids, tiles, and pixels bit for bit. */
import { cpSync, existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { comparePixels } from '../../core/policy/conformance-pixels.ts';

const golden = path.resolve(import.meta.dirname, '../golden/pixels');
const shared = path.resolve(import.meta.dirname, '../../../shared/vlm-reference/pixels');

for (const folder of [golden, shared].filter((each) => existsSync(each)))
  test(`${path.basename(path.dirname(folder))}: layouts are equal, and so are the bytes`, async (t) => {
    const lines = await Array.fromAsync(comparePixels(folder));
    t.true(lines.length >= 5);
    for (const { picture, passed, found } of lines) {
      t.true(passed, `${picture}: ${found}`);
      t.regex(found, /the same bytes$/);
    }
  });

test('a different layout, value or size is reported', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'gtr-pixels-'));
  cpSync(golden, folder, { recursive: true });
  const file = path.join(folder, 'pixels.json');
  const recorded = JSON.parse(readFileSync(file, 'utf8')) as { entries: Record<string, unknown>[] };
  const found = async (changes: object) => {
    const [first, ...others] = recorded.entries;
    writeFileSync(file, JSON.stringify({ ...recorded, entries: [{ ...first, ...changes }, ...others] }));
    const [line] = await Array.fromAsync(comparePixels(folder));
    return line;
  };
  t.like(await found({ sha256_float32: 'other' }), { passed: true });
  const grid = recorded.entries[0].grid_thw as number[];
  const turned = await found({ grid_thw: [grid[0], grid[2] + 1, grid[1]] });
  t.false(turned.passed);
  t.regex(turned.found, /^grid_thw is \[1,/);
  const shifted = await found({ sha256_float32: 'other', stride: 11 });
  t.false(shifted.passed);
  t.regex(shifted.found, /worst error/);
});
