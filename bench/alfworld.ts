/**
 * Loads and steps per second of the household games, with admissible commands, on random walks; compared with the
 * original engine when a Python that has textworld[pddl] 1.7.0 and alfworld 0.4.2 is named. CPU time of one process
 * each, because other work may share the machine.
 *
 * node bench/alfworld.ts [--games DIR] [--python PYTHON] [--steps 400] [--python-games 2] [--python-steps 40]
 */
import { execFileSync } from 'node:child_process';
import { globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { readText } from '../core/envs/alfworld/conformance.ts';
import { TextGame, type GameFile } from '../core/envs/alfworld/text-game.ts';
import { RandomStream } from '../core/random/counter.ts';
import { COMPARISON_ENVIRONMENT } from './engine/comparison-environment.ts';

const { values: options } = parseArgs({
  options: {
    games: { type: 'string', default: path.join(import.meta.dirname, '../test/envs/alfworld/games') },
    python: { type: 'string' },
    steps: { type: 'string', default: '400' },
    'python-games': { type: 'string', default: '2' },
    'python-steps': { type: 'string', default: '40' },
  },
});

/** The measurement of one engine: CPU seconds of `loads` loads and of `steps` steps. */
type Measured = { loads: number; loadSeconds: number; steps: number; stepSeconds: number; commands: number };

const files = globSync('**/game.tw-pddl{,.gz}', { cwd: options.games })
  .sort()
  .map((file) => JSON.parse(readText(path.join(options.games, file.replace(/\.gz$/, '')))) as GameFile);
if (files.length === 0) throw new Error(`No game.tw-pddl lies below ${options.games}.`);

/** CPU seconds of some work. */
function cpuSeconds(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

function measure(games: readonly GameFile[], stepsPerGame: number, repeats: number): Measured {
  const loaded: TextGame[] = [];
  const loadSeconds = cpuSeconds(() => {
    for (let i = 0; i < repeats; i++) for (const file of games) loaded.push(new TextGame(file));
  });
  const random = new RandomStream({ seed: 1, purpose: 'random walk' });
  let commands = 0;
  const stepSeconds = cpuSeconds(() => {
    for (const game of loaded) {
      const play = game.start();
      for (let step = 0; step < stepsPerGame; step++) {
        play.step(random.pick(play.commands));
        commands += play.commands.length;
      }
    }
  });
  const steps = loaded.length * stepsPerGame;
  return { loads: loaded.length, loadSeconds, steps, stepSeconds, commands: commands / steps };
}

const ORIGINAL = `
import json, random, sys, time, warnings
warnings.filterwarnings("ignore")
import textworld
from textworld.envs.pddl import PddlEnv
from alfworld.agents.environment.alfred_tw_env import AlfredDemangler, AlfredInfos
games, steps = sys.argv[2:], int(sys.argv[1])
infos = textworld.EnvInfos(admissible_commands=True, won=True)
load = walk = commands = 0
for game in games:
    random.seed(1)
    start = time.process_time()
    env = AlfredInfos(AlfredDemangler(PddlEnv(infos), shuffle=False)); env.load(game)
    load += time.process_time() - start
    state = env.reset()
    start = time.process_time()
    for _ in range(steps):
        state, _, _ = env.step(random.choice(state["admissible_commands"]))
        commands += len(state["admissible_commands"])
    walk += time.process_time() - start
count = len(games) * steps
print(json.dumps(dict(loads=len(games), loadSeconds=load, steps=count, stepSeconds=walk, commands=commands / count)))
`;

function measureOriginal(python: string, games: readonly GameFile[], steps: number): Measured {
  const folder = mkdtempSync(path.join(tmpdir(), 'gtr-bench-alfworld-'));
  try {
    const paths = games.map((game, i) => {
      const file = path.join(folder, `${i}.tw-pddl`);
      writeFileSync(file, JSON.stringify(game));
      return file;
    });
    const output = execFileSync(python, ['-c', ORIGINAL, String(steps), ...paths], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      env: COMPARISON_ENVIRONMENT,
    });
    return JSON.parse(output.trim().split('\n').at(-1)!) as Measured;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function report(name: string, { loads, loadSeconds, steps, stepSeconds, commands }: Measured): void {
  console.log(
    `${name}: ${(loads / loadSeconds).toFixed(1)} loads/s (${loads}), ${(steps / stepSeconds).toFixed(1)} steps/s ` +
      `(${steps}), ${commands.toFixed(1)} admissible commands`,
  );
}

const steps = Number(options.steps);
measure(files, steps, 2); // Compiled by the time it counts.
const ours = measure(files, steps, Math.ceil(48 / files.length));
report('this engine', ours);
if (options.python !== undefined) {
  const original = measureOriginal(
    options.python,
    files.slice(0, Number(options['python-games'])),
    Number(options['python-steps']),
  );
  report('TextWorld  ', original);
  const times = (a: number, b: number): string => `${Math.round(a / b).toLocaleString('en')} times`;
  console.log(
    `steps: ${times(ours.steps / ours.stepSeconds, original.steps / original.stepSeconds)}, loads: ` +
      `${times(ours.loads / ours.loadSeconds, original.loads / original.loadSeconds)}`,
  );
}
