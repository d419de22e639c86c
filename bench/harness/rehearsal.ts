/** The rehearsal server as a separate process, for tests. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultRule } from '../../core/corrector/rehearsal/faults.ts';
import type { LoggedRequest } from '../../core/corrector/rehearsal/server.ts';

/** Silence after which no request can be in flight. */
const SETTLED_MS = 1500;

const PROJECT = path.resolve(import.meta.dirname, '../..');

export type RehearsalProcess = {
  /** For OPENAI_BASE_URL. */
  url: string;
  /**
   * The requests that ended so far, in the order in which they ended, without those that only asked whether the server
   * is there.
   */
  log(): LoggedRequest[];
  /** Waits until no request is in flight: an answer on its way to a killed worker is lost, and asked for again. */
  settled(): Promise<void>;
  /** Replaces the scripted faults; numbers of requests continue. */
  setFaults(faults: Partial<FaultRule>[]): Promise<void>;
  stop(): Promise<void>;
};

/** Starts `gtr fake-openai` on a free port; `args`: further arguments of the verb. */
export async function startRehearsal({
  faults = [],
  args = [],
}: { faults?: Partial<FaultRule>[]; args?: string[] } = {}): Promise<RehearsalProcess> {
  const folder = mkdtempSync(path.join(tmpdir(), 'gtr-rehearsal-'));
  const [logFile, faultsFile] = [path.join(folder, 'log.jsonl'), path.join(folder, 'faults.json')];
  writeFileSync(faultsFile, JSON.stringify(faults));
  const child = spawn(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      path.join(PROJECT, 'cli/main.ts'),
      'fake-openai',
      '--port',
      '0',
      '--log',
      logFile,
      '--faults',
      faultsFile,
      ...args,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const url = await firstLine(child).then((line) => /http:\S+\/v1/.exec(line)?.[0]);
  if (url === undefined) throw new Error('the rehearsal server did not start');
  const log = () =>
    readFileSync(logFile, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as LoggedRequest)
      .filter(({ number }) => number > 0);
  return {
    url,
    log,
    async settled() {
      for (let before = -1; before !== log().length; await sleep(SETTLED_MS)) before = log().length;
    },
    async setFaults(next) {
      const answer = await fetch(url.replace('/v1', '/faults'), { method: 'POST', body: JSON.stringify(next) });
      if (!answer.ok) throw new Error(await answer.text());
    },
    async stop() {
      const exit = new Promise((resolve) => child.once('exit', resolve));
      child.kill();
      await exit;
      rmSync(folder, { recursive: true });
    },
  };
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    createInterface({ input: child.stdout! }).once('line', resolve);
    child.once('exit', (code) => reject(new Error(`the rehearsal server ended with exit code ${code}`)));
  });
}
