/** `gtr watch`: one line per iteration and a progress bar inside it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import type { Command } from 'commander';
import { Interval } from '../core/records/interval.ts';
import { doingText } from '../core/episodes/doing.ts';
import { correctorLine } from '../core/episodes/corrector-counts.ts';
import type { IterationProgress } from '../workflows/iteration.ts';
import type { IterationSummary } from '../workflows/train-state.ts';
import type { SuccessRate } from '../core/learner/evaluation-part.ts';
import type { TrainResult } from '../core/records/train-result.ts';
import type { Progress } from '../workflows/run-contract.ts';
import { doingOf } from './doing.ts';
import { type GpuWorkers, gpuWorkers, gpuWorkersText } from './gpu-workers.ts';
import { withClient, workflowResult } from './temporal.ts';
import { quoted } from './quoted.ts';
import { troubleOf } from './trouble.ts';

export function register(program: Command): void {
  program
    .command('watch <run>')
    .description('follow a run: one line per iteration')
    .action(async (run: string) => {
      await withClient((client) => followRun(client, run));
    });
}

/** Seconds between two lines on the progress within an iteration, if no bar shows it. */
const PRINT_SECONDS = 30;

/** Time between two queries of a run. */
const INTERVAL_MS = 1000;

/**
 * Prints a run's progress until it ends, also across restarts of the server; returns its result. Ctrl-C only stops
 * watching.
 */
export async function followRun(client: Client, run: string): Promise<TrainResult> {
  const finished = workflowResult<TrainResult>(client, run);
  let ended = false;
  finished.then(
    () => (ended = true),
    () => (ended = true),
  );
  const printed = new Interval(PRINT_SECONDS);
  let told: string | undefined;
  let device: string | null = null;
  let shown = 0;
  let lastPhase = '';
  let lastHalt: string | null = null;
  let lastTrouble: string | null = null;
  let workers: GpuWorkers | null = null;
  let looks = 0;
  for (;;) {
    const progress = await queryProgress(client, run);
    if (progress !== null) {
      if (progress.device !== device && progress.device !== undefined) {
        device = progress.device;
        if (device !== null) print(`computes on ${device}`);
      }
      for (const summary of progress.summaries.slice(shown)) print(iterationLine(summary, progress.iterations));
      shown = Math.max(shown, progress.summaries.length);
      if (progress.halted !== null && progress.halted !== lastHalt)
        print(`paused by itself: ${progress.halted} (\`./gtr resume ${quoted(run)}\` continues it)`);
      lastHalt = progress.halted;
      if (looks % LOOKS_PER_WORKERS === 0) {
        const now = await gpuWorkers(client, [run, `${run}/iteration-${progress.iteration}`]).catch(() => workers);
        if (now !== null && now.there !== (workers?.there ?? 1)) print(gpuWorkersText(now));
        workers = now;
      }
      if (++looks % LOOKS_PER_TROUBLE === 0) {
        const trouble = await troubleOf(client, run).catch(() => null);
        if (trouble !== null && trouble !== lastTrouble) print(`waiting: ${trouble}`);
        lastTrouble = trouble;
      }
      const phase = `${progress.status}: ${progress.phase}`;
      const [doing] = await doingOf(client, [run, `${run}/iteration-${progress.iteration}`]);
      if (process.stdout.isTTY)
        drawBar(
          [
            phase,
            ...(workers === null ? [] : [`${workers.working} of ${workers.there} GPU workers`]),
            ...(doing === undefined ? [] : [doingText(doing)]),
          ].join(': '),
          await iterationShare(client, run, progress),
        );
      else if (doing !== undefined && (doing.doing !== told || doing.toldSecondsAgo !== undefined) && printed.due()) {
        print(doingText(doing));
        told = doing.doing;
      }
      if (!process.stdout.isTTY && phase !== lastPhase && progress.status !== 'running') print(phase);
      lastPhase = phase;
    }
    if (ended) break;
    await Promise.race([sleep(INTERVAL_MS), finished.catch(() => {})]);
  }
  clearBar();
  const result = await finished;
  print(resultLines(result));
  return result;
}

/** One iteration of a run as a line of text. */
function iterationLine(
  { iteration, success, correctedRate, reward, seconds }: IterationSummary,
  iterations: number,
): string {
  const width = String(iterations).length;
  return (
    `iteration ${String(iteration + 1).padStart(width)}/${iterations}  success ${percent(success)}  corrected ` +
    `${percent(correctedRate)}  reward ${reward.toFixed(2).padStart(6)}  ${seconds.toFixed(1)} s`
  );
}

/** The end of a run as text. */
export function resultLines({ status, iterations, envSteps, evaluation, policy, corrector }: TrainResult): string {
  const rate = ({ success, low, high, episodes }: SuccessRate) =>
    `success ${percent(success)} (95 %: ${percent(low)} to ${percent(high)}, ${episodes} episodes)`;
  const line = (name: string, part: TrainResult['evaluation']['start']) =>
    part === null
      ? []
      : [
          `${name}: ${rate(part)}` +
            (part.heldOut === null
              ? ''
              : `; held-out deals ${percent(part.heldOut.success)} (${percent(part.heldOut.low)} to ` +
                `${percent(part.heldOut.high)})`),
          ...Object.entries(part.byEnvironment ?? {}).map(([label, own]) => `  ${label}: ${rate(own)}`),
        ];
  return [
    `${status} after ${iterations} iterations, ${envSteps} environment steps, policy ${policy.sha256.slice(0, 12)}`,
    ...(corrector.requests + corrector.skipped + corrector.ledgerHits === 0 ? [] : [correctorLine(corrector)]),
    ...line('start', evaluation.start),
    ...line('final', evaluation.final),
  ].join('\n');
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1).padStart(5)} %`;
}

/** Progress queries between two counts of the run's workers. */
const LOOKS_PER_WORKERS = 5;
/** Progress queries between two checks of what the run waits for. */
const LOOKS_PER_TROUBLE = 10;

async function queryProgress(client: Client, run: string): Promise<Progress | null> {
  try {
    return await client.workflow.getHandle(run).query<Progress>('progress');
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) throw error;
    return null; // no worker answers, or the run has not begun: look again later
  }
}

/** Share of the running iteration that is done: half for the kept steps, half for the epochs. */
async function iterationShare(client: Client, run: string, { iteration, status }: Progress): Promise<number> {
  if (status !== 'running') return 0;
  try {
    const { keptSteps, envSteps, epochs, epochsInAll } = await client.workflow
      .getHandle(`${run}/iteration-${iteration}`)
      .query<IterationProgress>('progress');
    return Math.min(1, keptSteps / envSteps) / 2 + epochs / epochsInAll / 2;
  } catch {
    return 0; // between two iterations there is none
  }
}

const BAR_WIDTH = 24;

function drawBar(text: string, share: number): void {
  const filled = Math.round(share * BAR_WIDTH);
  const line = `[${'#'.repeat(filled)}${'.'.repeat(BAR_WIDTH - filled)}] ${text}`;
  // A line that wraps could not be overwritten.
  process.stdout.write(`\r\u001b[K${line.slice(0, process.stdout.columns - 1)}`);
}

function clearBar(): void {
  if (process.stdout.isTTY) process.stdout.write('\r\u001b[K');
}

function print(text: string): void {
  clearBar();
  process.stdout.write(`${text}\n`);
}
