/**
 * The study of docs/results-pretrained.md: a pretrained language model of 135 million parameters, joined to a vision
 * tower of this project, learns EZPoints from the expert (`gtr sft`) and is then trained by GTR, by PPO only and by SFT
 * rows only, with LoRA and thoughts in natural language. Resumable: finished work is not repeated, and an open run
 * continues.
 *
 * npm run bench -- pretrained [--python PATH] [--seeds 1] [--only pretrained/gtr] [--set a.b=c ...] [--table]
 * (--python: an interpreter that has the packages of bench/pretrained/prepare.ts; --table: only write the tables)
 */
import path from 'node:path';
import { parseArgs } from 'node:util';
import { readConfig } from '../cli/config-file.ts';
import { sftConfigSchema } from '../configs/schema.ts';
import { activityDependencies, gtrHome } from '../workers/installation.ts';
import type { sft } from '../workflows/sft.ts';
import { readDiskCurve, recordDisk } from './pretrained/disk-curve.ts';
import { diskTable } from './pretrained/disk-table.ts';
import { assembledCheckpoint } from './pretrained/prepare.ts';
import { type Arm, coreArms, studyRuns } from './study/arms.ts';
import { readOutcomes } from './study/outcomes.ts';
import { type StudyPage, writePage } from './study/pages.ts';
import { resultOf, say, trainAndEvaluate, withInstallation } from './study/run-study.ts';

const { values: options } = parseArgs({
  options: {
    python: { type: 'string' },
    seeds: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
    set: { type: 'string', multiple: true, default: [] },
    table: { type: 'boolean', default: false },
  },
});
const game = 'pretrained';
const PAGE: StudyPage = {
  page: 'results-pretrained',
  bench: 'pretrained',
  games: [game],
  panels: [
    { title: 'Success while training', metric: 'episode/success', game },
    { title: 'Thoughts that aim at a right formula', metric: 'thought/validGoalRate', game },
    { title: 'Cards read right', metric: 'thought/perceptionRate', game },
    { title: 'Responses of the asked-for form', metric: 'response/wellFormedRate', game },
  ],
};
/** Supervised rows of the paper leave out the actions. */
const clonedActions: Arm = {
  game,
  name: 'gtr-actions',
  title: 'GTR, actions cloned too',
  changes: ['sft.actionCloning=true'],
};
const folder = path.join(gtrHome(), 'pretrained');
const start = path.join(folder, 'start');
const diskFile = path.join(folder, 'disk.jsonl');
const runs = {
  seeds: options.seeds.split(',').map(Number),
  changes: [`model.base=${start}`, ...options.set],
  groups: [[...coreArms(game), clonedActions]],
};

if (!options.table) {
  const assembled = await assembledCheckpoint(folder, options.python, say);
  await withInstallation(async (client) => {
    const running = async () => {
      const names: string[] = [];
      for await (const { workflowId } of client.workflow.list({ query: 'ExecutionStatus = "Running"' }))
        names.push(workflowId);
      return names.sort()[0] ?? '';
    };
    const stop = recordDisk(diskFile, path.join(gtrHome(), 'artifacts'), running);
    try {
      const config = readConfig(sftConfigSchema, 'sft-pretrained-ezpoints', [`model.base=${assembled}`]);
      const { loss, steps } = await resultOf<typeof sft>(client, 'sft', 'study/pretrained/sft-start', {
        config,
        out: start,
      });
      say(`${start}: ${steps} optimizer steps, loss ${loss?.toFixed(3)}`);
      await trainAndEvaluate(client, studyRuns({ ...runs, only: options.only.split(',').filter(Boolean) }));
    } finally {
      stop();
    }
  });
}
const { store } = activityDependencies();
const outcomes = await readOutcomes(store, studyRuns(runs));
for (const file of await writePage(store, outcomes, PAGE, diskTable(readDiskCurve(diskFile)))) say(`Written: ${file}`);
