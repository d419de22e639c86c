/**
 * The study of docs/results-turbo.md: teachers merged from a run's own checkpoints compared with PPO, GRPO and GTR, and
 * the effect of each part of such a teacher. Resumable: finished runs are not repeated, and an open run continues.
 *
 * npm run bench -- turbo [--seeds 1,2,3] [--only ezpoints/turbo-kl] [--set a.b=c ...] [--table]   (--table: only write
 * the tables)
 */
import { parseArgs } from 'node:util';
import { activityDependencies } from '../workers/installation.ts';
import { studyRuns } from './study/arms.ts';
import { readOutcomes } from './study/outcomes.ts';
import { type StudyPage, writePage } from './study/pages.ts';
import { say, trainAndEvaluate, withInstallation } from './study/run-study.ts';
import { alarmTable } from './turbo/alarm-table.ts';
import { TURBO_GROUPS } from './turbo/arms.ts';

const { values: options } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1,2,3' },
    only: { type: 'string', default: '' },
    set: { type: 'string', multiple: true, default: [] },
    table: { type: 'boolean', default: false },
  },
});
const runs = { seeds: options.seeds.split(',').map(Number), changes: options.set, groups: TURBO_GROUPS };
const CORE = ['turbo-ppo', 'turbo-grpo', 'turbo-gtr', 'turbo-kl', 'turbo-sft', 'turbo-sft-light'];
const PAGE: StudyPage = {
  page: 'results-turbo',
  bench: 'turbo',
  games: ['numberline', 'ezpoints', 'points24'],
  panels: [
    { title: 'NumberLine: success while training', metric: 'episode/success', game: 'numberline', arms: CORE },
    { title: 'EZPoints: success while training', metric: 'episode/success', game: 'ezpoints', arms: CORE },
    { title: 'Points24: success while training', metric: 'episode/success', game: 'points24', arms: CORE },
    {
      title: 'Points24: thoughts that aim at a right formula',
      metric: 'thought/validGoalRate',
      game: 'points24',
      arms: CORE,
    },
  ],
};

if (!options.table)
  await withInstallation((client) =>
    trainAndEvaluate(client, studyRuns({ ...runs, only: options.only.split(',').filter(Boolean) })),
  );
const { store } = activityDependencies();
const outcomes = await readOutcomes(store, studyRuns(runs));
for (const file of await writePage(store, outcomes, PAGE, alarmTable(outcomes))) say(`Written: ${file}`);
