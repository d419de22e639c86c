/** `gtr track`: a run's curves at MLflow, Trackio or Weights & Biases, made from its records. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import type { RunConfig } from '../configs/schema.ts';
import { TRACKERS, type TrackerName } from '../configs/trackers.ts';
import { openTracker } from '../core/tracking/open-tracker.ts';
import { TrackerError } from '../core/tracking/tracker.ts';
import { trackRun } from '../core/tracking/track-run.ts';
import { activityDependencies } from '../workers/installation.ts';
import { UsageError } from './errors.ts';
import { lookAtRun, readRun, type RunState } from './read-run.ts';
import { withClientIfAny } from './temporal.ts';
import { ContinuedTracking, trackerOf, whileSendingAlone } from './tracking.ts';

const NAMES = Object.keys(TRACKERS).filter((name) => name !== 'none');

export function register(program: Command): void {
  program
    .command('track [run]')
    .description("send a run's curves to a tracker, from its records: whatever the tracker lacks")
    .addOption(new Option('--to <tracker>', 'the tracker, instead of the one that the run names').choices(NAMES))
    .option('--follow', 'continue until the run has ended; without a run: all runs that name a tracker, until Ctrl-C')
    .action(async (run: string | undefined, { to, follow }: { to?: TrackerName; follow?: boolean }) => {
      const say = (line: string) => process.stdout.write(`${line}\n`);
      if (run !== undefined) return await (follow ? followOne(run, to, say) : sendOne(run, to, say));
      if (!follow) throw new UsageError('gtr track: name a run, or follow all of them with --follow.');
      const tracking = new ContinuedTracking(say, (_, config) => to ?? trackerOf(config));
      await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
      await tracking.stop();
    });
}

type Say = (line: string) => void;

async function sendOne(run: string, to: TrackerName | undefined, say: Say): Promise<void> {
  const { home, store } = activityDependencies();
  const { status, records, config } = await withClientIfAny((client) => readRun(client, run));
  const name = nameOf(run, config, to);
  try {
    const tracker = openTracker(name, process.env, home);
    const sent = await whileSendingAlone(() => trackRun(store, run, { status, records }, { name, tracker }));
    say(`${run}: ${sent} new points sent to ${name}, ${tracker.place}`);
  } catch (error) {
    if (!(error instanceof TrackerError)) throw error;
    throw new Error(`${run} was not sent to ${name}: ${error.message}`, { cause: error });
  }
}

/** Pause between two checks whether the run has ended. */
const LOOK_MS = 2000;

async function followOne(run: string, to: TrackerName | undefined, say: Say): Promise<void> {
  const name = nameOf(run, (await withClientIfAny((client) => readRun(client, run))).config, to);
  const tracking = new ContinuedTracking(say, (runId) => (runId === run ? name : null));
  let interrupted = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => (interrupted = true));
  while (!interrupted && isOpen((await withClientIfAny((client) => lookAtRun(client, run)))?.status))
    await sleep(LOOK_MS);
  await tracking.stop();
}

function isOpen(status: RunState | undefined): boolean {
  return status === 'running' || status === 'paused';
}

function nameOf(run: string, config: RunConfig, to: TrackerName | undefined): TrackerName {
  const name = to ?? trackerOf(config);
  if (name === null)
    throw new UsageError(`${run} names no tracker (\`tracking\` is none); choose one with --to ${NAMES.join('|')}.`);
  return name;
}
