/**
 * Records the bridge's answers while the original text environment (AlfredTWEnv) plays the two games of the tests.
 *
 * ALFWORLD_PYTHON=<a Python with textworld[pddl]==1.7.0 and alfworld==0.4.2> node scripts/golden/alfworld-bridge.ts
 */
import { copyFileSync, globSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readText } from '../../core/envs/alfworld/conformance.ts';
import {
  SimulatorProcess,
  type SimulatorRequest,
  simulatorCommand,
} from '../../core/envs/alfworld/simulator-process.ts';
import type { GameFile } from '../../core/envs/alfworld/text-game.ts';

const tests = path.resolve(import.meta.dirname, '../../test/envs/alfworld');
const root = mkdtempSync(path.join(tmpdir(), 'gtr-bridge-'));
const simulator = new SimulatorProcess(simulatorCommand('textworld'));
const lines = globSync('games/*/*', { cwd: tests })
  .sort()
  .flatMap((trial) => {
    // The original reads unpacked files.
    const folder = path.join(root, path.basename(trial));
    mkdirSync(folder);
    const game = readText(path.join(tests, trial, 'game.tw-pddl'));
    writeFileSync(path.join(folder, 'game.tw-pddl'), game);
    copyFileSync(path.join(tests, trial, 'traj_data.json'), path.join(folder, 'traj_data.json'));
    const commands = ['inventory', 'look', ...(JSON.parse(game) as GameFile).walkthrough!];
    const requests: SimulatorRequest[] = [
      { op: 'start', folder },
      ...commands.map((command): SimulatorRequest => ({ op: 'step', command })),
    ];
    return requests.map((request) => ({
      request: request.op === 'start' ? { ...request, folder: path.basename(folder) } : request,
      reply: simulator.ask(request),
    }));
  });
writeFileSync(path.join(tests, 'bridge-transcript.jsonl'), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
simulator.end();
rmSync(root, { recursive: true });
process.stdout.write(`${lines.length} requests and replies\n`);
