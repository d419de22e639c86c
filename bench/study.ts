/**
 * The study of docs/results.md, docs/results-search.md, docs/results-grids.md and docs/results-alfworld.md: trains
 * every arm with every seed as ordinary runs, evaluates their final policies on fixed deals, and writes tables and
 * figures from their records. Resumable: finished runs are not repeated, and an open run continues.
 *
 * npm run bench -- study [--seeds 1,2,3] [--only points24/gtr,ezpoints] [--set a.b=c ...] [--table]   (--table: only
 * write the tables)
 */
import { parseArgs } from 'node:util';
import { activityDependencies } from '../workers/installation.ts';
import { STUDY_GAMES, studyRuns } from './study/arms.ts';
import { readOutcomes } from './study/outcomes.ts';
import { type StudyPage, writePage } from './study/pages.ts';
import { say, trainAndEvaluate, withInstallation } from './study/run-study.ts';

const { values: options } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1,2,3' },
    only: { type: 'string', default: '' },
    set: { type: 'string', multiple: true, default: [] },
    table: { type: 'boolean', default: false },
  },
});
const runs = { seeds: options.seeds.split(',').map(Number), changes: options.set };
const CORE = ['gtr', 'ppo', 'mild-ppo', 'sft'];
const ABLATIONS = ['gtr', 'no-dagger', 'no-cut', 'masked'];
/** The pages with results. */
const PAGES: readonly Omit<StudyPage, 'bench'>[] = [
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
    page: 'results-grids',
    games: ['frozenlake', 'sokoban'],
    panels: (['frozenlake', 'sokoban'] as const).flatMap((game) => [
      { title: `${STUDY_GAMES[game].title}: success while training`, metric: 'episode/success', game },
      { title: `${STUDY_GAMES[game].title}: thoughts that aim rightly`, metric: 'thought/validGoalRate', game },
    ]),
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

if (!options.table)
  await withInstallation((client) =>
    trainAndEvaluate(client, studyRuns({ ...runs, only: options.only.split(',').filter(Boolean) })),
  );
const { store } = activityDependencies();
const outcomes = await readOutcomes(store, studyRuns(runs));
for (const page of PAGES)
  for (const file of await writePage(store, outcomes, { ...page, bench: 'study' })) say(`Written: ${file}`);
