/**
 * The bridge to the original simulator, against recorded replies of the original; crashes, states, refusals.
 */
import { chmodSync, cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { alfworld } from '../../../core/envs/alfworld/alfworld.ts';
import { endIdleSimulators } from '../../../core/envs/alfworld/bridged-environment.ts';
import { decodePng } from '../../../core/pictures/png.ts';
import type { Environment } from '../../../core/envs/env.ts';

const root = mkdtempSync(path.join(tmpdir(), 'gtr-bridge-'));
const diesAt = path.join(root, 'dies-at');

test.before(() => {
  cpSync(path.join(import.meta.dirname, 'games'), path.join(root, 'json_2.1.1/valid_unseen'), { recursive: true });
  // In the place of Python: what is called as `python bridge.py thor 300` runs the double.
  const python = path.join(root, 'python');
  writeFileSync(
    python,
    `#!/bin/sh\nexec '${process.execPath}' --disable-warning=ExperimentalWarning ` +
      `'${path.join(import.meta.dirname, 'simulator-double.ts')}' "$@"\n`,
  );
  chmodSync(python, 0o755);
  Object.assign(process.env, { ALFWORLD_DATA: root, ALFWORLD_PYTHON: python, DOUBLE_DIES_ONCE_AT: diesAt });
});
test.after.always(() => {
  endIdleSimulators();
  rmSync(root, { recursive: true });
});

const start = (simulator: string, taskTypes: readonly string[] = ['pick_heat_then_place_in_recep']): Environment =>
  alfworld.start(
    { seed: 1, episode: 0 },
    alfworld.parseOptions({ source: 'data', split: 'unseen', simulator, taskTypes }),
  );

const commands = (folder: string): string[] => {
  const lines = readFileSync(path.join(import.meta.dirname, 'bridge-transcript.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { request: { folder?: string; command: string } });
  const first = lines.findIndex(({ request }) => request.folder === folder);
  const length = lines.slice(first + 1).findIndex(({ request }) => request.folder !== undefined);
  return lines.slice(first + 1, length < 0 ? undefined : first + 1 + length).map(({ request }) => request.command);
};
const WALK = commands('trial_T20260409_044000_501699');

/** Both say the same at every step; what the native engine's last step was rewarded with. */
function walkBoth(t: ExecutionContext, bridged: Environment, native: Environment): void {
  t.deepEqual(bridged.promptValues(), native.promptValues());
  for (const command of WALK) {
    const [a, b] = [bridged.step(command), native.step(command)];
    t.is(a.stop, b.stop);
    t.deepEqual(bridged.promptValues(), native.promptValues());
    t.deepEqual(bridged.legalActions(), native.legalActions());
  }
  t.true(alfworld.outcome({ start: bridged.state(), end: bridged.state() }, 0).success);
}

test.serial(
  'the bridge plays a recorded game of the original text environment step by step as the native engine does',
  (t) => {
    const bridged = start('textworld');
    walkBoth(t, bridged, start('native'));
    t.throws(() => bridged.step('look'), { message: 'alfworld: the episode is over' });
    bridged.close!();
  },
);

test.serial('a simulator that dies is restarted, and the episode continues where it was', (t) => {
  const bridged = start('textworld');
  const [fourth] = WALK.slice(3);
  writeFileSync(diesAt, fourth);
  walkBoth(t, bridged, start('native'));
  t.false(existsSync(diesAt), 'it died');
  bridged.close!();
});

test.serial('a state with its picture is shown without a simulator, and continued with one', (t) => {
  const bridged = start('thor');
  for (const command of WALK.slice(0, 2)) bridged.step(command);
  bridged.close!();
  const python = process.env['ALFWORLD_PYTHON'];
  process.env['ALFWORLD_PYTHON'] = '/nowhere/python';
  const copy = alfworld.fromState(JSON.parse(JSON.stringify(bridged.state())), alfworld.parseOptions({}));
  t.deepEqual(copy.promptValues(), bridged.promptValues());
  t.is(
    copy.observe(64).data[0],
    decodePng(Buffer.from(bridged.state().picture as string, 'base64'), [0, 0, 0]).data[0],
  );
  process.env['ALFWORLD_PYTHON'] = python;
  t.is(copy.step(WALK[2]).stop, null);
  t.notDeepEqual(copy.observe(300), bridged.observe(300));
  copy.close!();
});

test.serial('a missing Python and a refusing simulator are reported in one sentence', (t) => {
  endIdleSimulators();
  const python = process.env['ALFWORLD_PYTHON'];
  process.env['ALFWORLD_PYTHON'] = '/nowhere/python';
  t.throws(() => start('thor'), {
    name: 'SimulatorLostError',
    message: /spawn \/nowhere\/python ENOENT.*ALFWORLD_PYTHON must name a Python/,
  });
  process.env['ALFWORLD_PYTHON'] = python;
  const bridged = start('textworld');
  t.throws(() => bridged.step('help'), {
    name: 'AlfworldGameError',
    message: /The simulator textworld cannot be used: for .* it says KeyError: no such request/,
  });
});

test("only the data set's games can be played by a simulator", (t) => {
  t.throws(() => alfworld.parseOptions({ simulator: 'thor' }), {
    name: 'ConfigError',
    message: /simulator: thor plays the data set's games only/,
  });
});

test('a picture made by bridge.py is read', (t) => {
  // png(numpy.arange(12).reshape(2, 2, 3)) of bridge.py
  const recorded =
    'iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAFklEQVR4nGNgYGRiZmFlYGPn4OTiBgABOwBDwl3VSwAAAABJRU5ErkJggg==';
  const { width, height, data } = decodePng(Buffer.from(recorded, 'base64'), [0, 0, 0]);
  t.deepEqual([width, height, [...data]], [2, 2, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]]);
});
