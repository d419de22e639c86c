/**
 * The study of docs/results.md, docs/results-search.md and docs/results-alfworld.md: trains every arm with every seed
 * as ordinary runs, evaluates what they end with on fixed deals, and writes table and figure from their records.
 * Resumable: what is done is not done again, a run under way goes on.
 *
 * npm run bench -- study [--seeds 1,2,3] [--only points24/gtr,ezpoints] [--set a.b=c ...] [--table]   (--table: only
 * write what there is)
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { type Client, WorkflowFailedError, WorkflowNotFoundError } from '@temporalio/client';
import { workersAnswer } from '../cli/workers-answer.ts';
import { startRun } from '../cli/start-run.ts';
import { Supervisor, WORKER_ROLES } from '../cli/supervisor.ts';
import { withClient, workflowResult } from '../cli/temporal.ts';
import { startInstallation } from '../cli/up.ts';
import { activityDependencies, gtrHome } from '../workers/installation.ts';
import type { evaluate } from '../workflows/evaluate.ts';
import type { train } from '../workflows/train.ts';
import { type StudyGame, type StudyRun, studyRuns } from './study/arms.ts';
import { studyFigure } from './study/figure.ts';
import { evaluationId, readEvaluation, readOutcomes, startId } from './study/outcomes.ts';
import { gameTables } from './study/tables.ts';

const { values: options } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1,2,3' },
    only: { type: 'string', default: '' },
    set: { type: 'string', multiple: true, default: [] },
    table: { type: 'boolean', default: false },
  },
});
const runs = { seeds: options.seeds.split(',').map(Number), changes: options.set };
const say = (line: string) => process.stdout.write(`${line}\n`);
const DOCS = path.resolve(import.meta.dirname, '../docs');
const CORE = ['gtr', 'ppo', 'mild-ppo', 'sft'];
const ABLATIONS = ['gtr', 'no-dagger', 'no-cut', 'masked'];
/** The pages with results, the games on each, and the panels of its figure; `arms`: all, if not said. */
const PAGES: readonly {
  page: string;
  games: readonly StudyGame[];
  panels: readonly { title: string; metric: string; game: StudyGame; arms?: readonly string[] }[];
}[] = [
  {
    page: 'results',
    games: ['points24', 'ezpoints', 'numberline'],
    panels: [
      { title: 'Points24: success while training', metric: 'episode/success', game: 'points24', arms: CORE },
      { title: 'EZPoints: success while training', metric: 'episode/success', game: 'ezpoints' },
      {
        title: 'Points24: thoughts that aim at a right formula',
        metric: 'thought/validGoalRate',
        game: 'points24',
        arms: CORE,
      },
      { title: 'Points24: cards read right', metric: 'thought/perceptionRate', game: 'points24', arms: CORE },
      { title: 'EZPoints: cards read right', metric: 'thought/perceptionRate', game: 'ezpoints', arms: CORE },
      { title: 'NumberLine: success while training', metric: 'episode/success', game: 'numberline' },
      {
        title: 'Points24: actions that follow the thought',
        metric: 'thought/agreementRate',
        game: 'points24',
        arms: ABLATIONS,
      },
      {
        title: 'Points24: ablations, success while training',
        metric: 'episode/success',
        game: 'points24',
        arms: ABLATIONS,
      },
      {
        title: 'Points24: responses of the asked-for form',
        metric: 'response/wellFormedRate',
        game: 'points24',
        arms: CORE,
      },
      {
        title: 'Points24: the quickstart, success while training',
        metric: 'episode/success',
        game: 'points24',
        arms: ['longer'],
      },
    ],
  },
  {
    page: 'results-search',
    games: ['points24-search'],
    panels: [
      { title: 'Success while training', metric: 'episode/success', game: 'points24-search' },
      { title: 'Thoughts that aim at a right formula', metric: 'thought/validGoalRate', game: 'points24-search' },
    ],
  },
  {
    page: 'results-alfworld',
    games: ['alfworld'],
    panels: [
      { title: 'Success while training', metric: 'episode/success', game: 'alfworld' },
      { title: 'Thoughts that aim rightly', metric: 'thought/validGoalRate', game: 'alfworld' },
      { title: 'Sight and hand told right', metric: 'thought/perceptionRate', game: 'alfworld' },
      { title: 'Actions that can be read', metric: 'action/legalRate', game: 'alfworld' },
    ],
  },
];

if (!options.table) await trainAndEvaluate(studyRuns({ ...runs, only: options.only.split(',').filter(Boolean) }));
await writeResults();

async function trainAndEvaluate(runs: readonly StudyRun[]): Promise<void> {
  const supervisor = new Supervisor(gtrHome(), say);
  // Ctrl-C: everything stops in order; the same command goes on.
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void supervisor.stop().then(() => process.exit(130)));
  try {
    if (!(await workersAnswer())) await startInstallation(supervisor, { server: true, roles: WORKER_ROLES });
    await withClient(async (client) => {
      for (const game of new Set(runs.map(({ arm }) => arm.game))) {
        const { config } = runs.find(({ arm }) => arm.game === game)!;
        await resultOf<typeof evaluate>(client, 'evaluate', startId(game), { config, policy: null });
      }
      for (const { id, config } of runs) {
        const { policy } = await resultOf<typeof train>(client, 'train', id, {
          ...config,
          evaluation: { ...config.evaluation, episodes: 0 },
        });
        const { success, low, high, heldOut } = await resultOf<typeof evaluate>(client, 'evaluate', evaluationId(id), {
          config,
          policy,
        });
        say(
          `${id}: success ${share(success)} (${share(low)} to ${share(high)})${heldOut === null ? '' : `, held out ${share(heldOut.success)} (${share(heldOut.low)} to ${share(heldOut.high)})`}`,
        );
      }
    });
  } finally {
    await supervisor.stop();
  }
}

/** The result of a workflow that was started under this id before, or is started now. */
async function resultOf<W extends typeof train | typeof evaluate>(
  client: Client,
  type: string,
  id: string,
  input: Parameters<W>[0],
): Promise<Awaited<ReturnType<W>>> {
  const known = await client.workflow
    .getHandle(id)
    .describe()
    .catch((error: unknown) => {
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
    throw new Error(
      `${id} ended without a result (${error.cause?.message ?? error.message}); look at it in the Web UI, and ` +
        `delete it with \`temporal workflow delete\` to have it made again`,
    );
  }
}

/**
 * Fills the generated part of each page and draws its figure, with all arms and seeds that are finished; a page of
 * which nothing is finished stays as it is.
 */
async function writeResults(): Promise<void> {
  const { store } = activityDependencies();
  const outcomes = await readOutcomes(store, studyRuns(runs));
  for (const { page, games, panels } of PAGES) {
    if (!outcomes.some(({ arm }) => games.includes(arm.game))) continue;
    const tables = await Promise.all(
      games.map(async (game) =>
        gameTables(
          game,
          await readEvaluation(store, startId(game)),
          outcomes.filter(({ arm }) => arm.game === game),
        ),
      ),
    );
    const file = path.join(DOCS, `${page}.md`);
    const text = readFileSync(file, 'utf8');
    const [before, , after] = text.split(/<!-- tables(?: end)?: npm run bench -- study -->\n/);
    if (after === undefined) throw new Error(`${file} lacks the marks between which the tables are written.`);
    writeFileSync(
      file,
      `${before}<!-- tables: npm run bench -- study -->\n${tables.join('\n')}<!-- tables end: npm run bench -- ` +
        `study -->\n${after}`,
    );
    const shown = panels.map(({ title, metric, game, arms }) => ({
      title,
      metric,
      outcomes: outcomes.filter(({ arm }) => arm.game === game && (arms === undefined || arms.includes(arm.name))),
    }));
    writeFileSync(path.join(DOCS, `${page}.svg`), studyFigure(shown));
    say(`Written: ${file}, ${path.join(DOCS, `${page}.svg`)}`);
  }
}

function share(value: number): string {
  return `${(100 * value).toFixed(1)} %`;
}
