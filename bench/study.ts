/**
 * The study of docs/results.md: trains every arm with every seed as ordinary runs, evaluates what they end with on fixed deals, and writes table and
 * figure from their records. Resumable: what is done is not done again, a run under way goes on.
 *
 * npm run bench -- study [--seeds 1,2,3] [--only points24/gtr,ezpoints] [--set a.b=c ...] [--table]   (--table: only write what there is)
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { type Client, WorkflowFailedError, WorkflowNotFoundError } from '@temporalio/client';
import { workersAnswer } from '../cli/quickstart.ts';
import { startRun } from '../cli/start-run.ts';
import { Supervisor, WORKER_ROLES } from '../cli/supervisor.ts';
import { withClient, workflowResult } from '../cli/temporal.ts';
import { startInstallation } from '../cli/up.ts';
import { activityDependencies, gtrHome } from '../workers/installation.ts';
import type { evaluate } from '../workflows/evaluate.ts';
import type { train } from '../workflows/train.ts';
import { STUDY_GAMES, type StudyGame, type StudyRun, studyRuns } from './study/arms.ts';
import { studyFigure } from './study/figure.ts';
import { evaluationId, readEvaluation, readOutcomes, startId } from './study/outcomes.ts';
import { gameTables } from './study/tables.ts';

const { values: options } = parseArgs({
  options: { seeds: { type: 'string', default: '1,2,3' }, only: { type: 'string', default: '' }, set: { type: 'string', multiple: true, default: [] }, table: { type: 'boolean', default: false } },
});
const runs = { seeds: options.seeds.split(',').map(Number), changes: options.set };
const say = (line: string) => process.stdout.write(`${line}\n`);
const DOCS = path.resolve(import.meta.dirname, '../docs');

if (!options.table) await trainAndEvaluate(studyRuns({ ...runs, only: options.only.split(',').filter(Boolean) }));
await writeResults();

async function trainAndEvaluate(runs: readonly StudyRun[]): Promise<void> {
  const supervisor = new Supervisor(gtrHome(), say);
  // Ctrl-C: everything stops in order; the same command goes on.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void supervisor.stop().then(() => process.exit(130)));
  try {
    if (!(await workersAnswer())) await startInstallation(supervisor, { server: true, roles: WORKER_ROLES });
    await withClient(async (client) => {
      for (const game of new Set(runs.map(({ arm }) => arm.game))) {
        const { config } = runs.find(({ arm }) => arm.game === game)!;
        await resultOf<typeof evaluate>(client, 'evaluate', startId(game), { config, policy: null });
      }
      for (const { id, config } of runs) {
        const { policy } = await resultOf<typeof train>(client, 'train', id, { ...config, evaluation: { ...config.evaluation, episodes: 0 } });
        const { success, low, high, heldOut } = await resultOf<typeof evaluate>(client, 'evaluate', evaluationId(id), { config, policy });
        say(`${id}: success ${share(success)} (${share(low)} to ${share(high)})${heldOut === null ? '' : `, held out ${share(heldOut.success)} (${share(heldOut.low)} to ${share(heldOut.high)})`}`);
      }
    });
  } finally {
    await supervisor.stop();
  }
}

/** The result of a workflow that was started under this id before, or is started now. */
async function resultOf<W extends typeof train | typeof evaluate>(client: Client, type: string, id: string, input: Parameters<W>[0]): Promise<Awaited<ReturnType<W>>> {
  const known = await client.workflow.getHandle(id).describe().catch((error: unknown) => {
    if (error instanceof WorkflowNotFoundError) return null;
    throw error;
  });
  if (known === null) {
    say(`${new Date().toISOString().slice(11, 19)}  ${id}`);
    await startRun(client, type, id, [input], '');
  }
  try {
    return await workflowResult<Awaited<ReturnType<W>>>(client, id);
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    throw new Error(`${id} ended without a result (${error.cause?.message ?? error.message}); look at it in the Web UI, and delete it with \`temporal workflow delete\` to have it made again`);
  }
}

/** Fills the generated part of docs/results.md and draws docs/results.svg, with all arms and seeds that are finished. */
async function writeResults(): Promise<void> {
  const { store } = activityDependencies();
  const outcomes = await readOutcomes(store, studyRuns(runs));
  const of = (game: StudyGame, ...names: string[]) => outcomes.filter(({ arm }) => arm.game === game && (names.length === 0 || names.includes(arm.name)));
  const tables = await Promise.all((Object.keys(STUDY_GAMES) as StudyGame[]).map(async (game) => gameTables(game, await readEvaluation(store, startId(game)), of(game))));
  const file = path.join(DOCS, 'results.md');
  const text = readFileSync(file, 'utf8');
  const [before, , after] = text.split(/<!-- tables(?: end)?: npm run bench -- study -->\n/);
  if (after === undefined) throw new Error(`${file} lacks the marks between which the tables are written.`);
  writeFileSync(file, `${before}<!-- tables: npm run bench -- study -->\n${tables.join('\n')}<!-- tables end: npm run bench -- study -->\n${after}`);
  const core = ['gtr', 'ppo', 'mild-ppo', 'sft'];
  writeFileSync(
    path.join(DOCS, 'results.svg'),
    studyFigure([
      { title: 'Points24: success while training', metric: 'episode/success', outcomes: of('points24', ...core) },
      { title: 'EZPoints: success while training', metric: 'episode/success', outcomes: of('ezpoints') },
      { title: 'Points24: thoughts that aim at a right formula', metric: 'thought/validGoalRate', outcomes: of('points24', ...core) },
      { title: 'Points24: cards read right', metric: 'thought/perceptionRate', outcomes: of('points24', ...core) },
      { title: 'EZPoints: cards read right', metric: 'thought/perceptionRate', outcomes: of('ezpoints', ...core) },
      { title: 'NumberLine: success while training', metric: 'episode/success', outcomes: of('numberline') },
      { title: 'Points24: actions that follow the thought', metric: 'thought/agreementRate', outcomes: of('points24') },
      { title: 'Points24: ablations, success while training', metric: 'episode/success', outcomes: of('points24', 'gtr', 'no-dagger', 'no-cut', 'masked') },
    ]),
  );
  say(`Written: ${file}, ${path.join(DOCS, 'results.svg')}`);
}

function share(value: number): string {
  return `${(100 * value).toFixed(1)} %`;
}
