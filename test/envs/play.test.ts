/** Playing in the terminal, with lines in the place of a person. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import test, { type ExecutionContext } from 'ava';
import { alfworld, type AlfworldEnvironment } from '../../core/envs/alfworld/alfworld.ts';
import { decodePng } from '../../core/pictures/png.ts';
import { play } from '../../core/envs/play.ts';

async function played(
  t: ExecutionContext,
  name: string,
  lines: readonly string[],
  options: object = {},
): Promise<{ said: string; picture: Buffer }> {
  const folder = mkdtempSync(path.join(tmpdir(), 'gtr-play-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const output = new PassThrough();
  const said = text(output);
  await play(name, { seed: 1, options, folder, input: Readable.from(lines.map((line) => `${line}\n`)), output });
  output.end();
  return { said: await said, picture: readFileSync(path.join(folder, `${name}.png`)) };
}

test(
  'a household game to its end: what is seen and can be done is shown at ' + 'every step, nonsense is asked again',
  async (t) => {
    const { plan } = (
      alfworld.start({ seed: 1, episode: 0 }, alfworld.parseOptions({})) as AlfworldEnvironment
    ).advice()!;
    const { said, picture } = await played(t, 'alfworld', ['fly away', ...plan]);
    t.regex(said, /^task: .+\nhistory: \(empty\)\nfeedback: Welcome home\./);
    t.regex(said, /\nActions: close|\nActions: examine|\nActions: go to /);
    t.regex(said, /"fly away" names no single action/);
    t.regex(said, /The episode is terminated; total reward 5\d/);
    t.is(said.split('Picture: ').length - 1, plan.length);
    t.is(decodePng(picture, [0, 0, 0]).width, 300);
  },
);

test('a card game fits on a line', async (t) => {
  const { said } = await played(t, 'points24', ['+', '=']);
  t.regex(said, /^formula: \(empty\)\nPicture: .*\nActions: 1 {2}2 {2}3/);
  t.regex(said, /The episode is terminated; total reward -1/);
});
