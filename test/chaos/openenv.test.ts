/**
 * A run against an OpenEnv server whose workers, server and connections die ends as the undisturbed one.
 * `GTR_OPENENV_PYTHON=PYTHON`: against examples/gymnasium-server.py, where openenv-core and gymnasium are installed.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { FaultSwitch } from '../../bench/chaos/fault-switch.ts';
import { faultIn } from '../../bench/chaos/kill-matrix.ts';
import { outcomeWithKills, undisturbedOutcome } from '../../bench/chaos/kills.ts';
import { differences } from '../../bench/chaos/outcome.ts';
import { type Installation, startInstallation } from '../../bench/harness/installation.ts';
import { freePort } from '../../cli/free-port.ts';
import { PROJECT } from '../../configs/project-folder.ts';
import { startGameServer } from '../envs/openenv/game-server.ts';

const PYTHON = process.env.GTR_OPENENV_PYTHON;

/** `drop`: closes all connections; `restart`: the server is down for a moment. */
type Server = { url: string; actions: object; drop(): Promise<void>; restart(): Promise<void>; stop(): void };

async function countingServer(): Promise<Server> {
  const port = await freePort();
  let server = await startGameServer({ port });
  return {
    url: server.url,
    actions: { up: { action: 'one' }, down: { action: 'two' }, left: { action: 'one' }, right: { action: 'two' } },
    drop: async () => server.kill(),
    async restart() {
      server.stop();
      await sleep(300); // it stays away for a while
      server = await startGameServer({ port });
    },
    stop: () => server.stop(),
  };
}

async function gymnasiumServer(python: string): Promise<Server> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const start = async () => {
    const child = spawn(python, [path.join(PROJECT, 'examples/gymnasium-server.py'), '--port', String(port)], {
      stdio: 'ignore',
    });
    while (!(await fetch(`${url}/health`).catch(() => null))?.ok) await sleep(200);
    return child;
  };
  let child = await start();
  const restart = async () => {
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
    child = await start();
  };
  return {
    url,
    actions: { left: { action: 0 }, down: { action: 1 }, right: { action: 2 }, up: { action: 3 } },
    drop: restart,
    restart,
    stop: () => child.kill('SIGKILL'),
  };
}

let installation: Installation;
let server: Server;
test.before(async () => {
  server = PYTHON === undefined ? await countingServer() : await gymnasiumServer(PYTHON);
});
test.after.always(async () => {
  await installation?.stop();
  server?.stop();
});

test('kills of workers and of the game server change no policy, row, metric or record', async (t) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'gtr-openenv-'));
  const prompt = path.join(folder, 'prompt.json');
  const keys = ['player', 'holes', 'thoughts', 'action'];
  await writeFile(
    prompt,
    JSON.stringify({ environment: 'openenv', prompt: '<image>_', chat: false, keys, thought: { thoughts: '{next}' } }),
  );
  const changes = [
    'algorithm=ppo',
    'environment.name=openenv',
    `environment.options=${JSON.stringify({ url: server.url, actions: server.actions, picture: PYTHON && 'picture' })}`,
    'environment.maxEpisodeSteps=8',
    'model.base=models/frozenlake-tiny',
    `model.prompt=${prompt}`,
    'rollout.maxNewTokens=20',
    'rollout.envStepsPerIteration=32',
    'rollout.episodesPerWave=8',
    'envSteps=64',
    'evaluation.episodes=8',
    `durability.heartbeatSeconds=${PYTHON === undefined ? 2 : 15}`,
  ];
  const faults = await FaultSwitch.open(folder);
  installation = await startInstallation();
  const undisturbed = await undisturbedOutcome('undisturbed', changes);
  const blows = [() => server.drop(), () => server.restart(), () => server.drop()];
  const outcome = await outcomeWithKills(
    installation.supervisor,
    faults,
    'killed',
    [
      { fault: faultIn('evaluatePolicy', 'written'), victim: 'orchestrator' }, // the worker that plays goes on
      { fault: faultIn('rolloutWave', 'written'), victim: 'gpu' },
      { fault: faultIn('rolloutWave', 'written'), victim: 'server' },
    ],
    changes,
    () => blows.shift()!(),
  );
  t.deepEqual(differences(undisturbed, outcome), []);
  t.is(undisturbed.metrics.length, 2);
});
