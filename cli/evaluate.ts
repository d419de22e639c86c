/** `gtr evaluate`: a policy, or the solver, on fixed deals, with intervals. */
import type { Client } from '@temporalio/client';
import { type Command, InvalidArgumentError } from 'commander';
import { type RunConfig, runConfigSchema } from '../configs/schema.ts';
import type { evaluate, EvaluateInput } from '../workflows/evaluate.ts';
import { checkModelFolders } from './check-model.ts';
import { applyChanges, readConfig } from './config-file.ts';
import { UsageError } from './errors.ts';
import { evaluationLines } from './evaluation-lines.ts';
import { readRun } from './read-run.ts';
import { startRun } from './start-run.ts';
import { withClient, workflowResult } from './temporal.ts';
import { collect } from './train.ts';

type Options = { config?: string; policy: string; episodes?: number; set: string[]; json?: boolean };

/** What is evaluated, and how it is called. */
type Evaluated = { config: RunConfig; policy: EvaluateInput['policy']; name: string };

export function register(program: Command): void {
  program
    .command('evaluate')
    .description('evaluate a policy on fixed deals, sampled and greedy')
    .option('--config <file>', 'run configuration that names environment, model and evaluation; not needed for a run')
    .option(
      '--policy <ref>',
      '`start` (the checkpoint itself), RUN (after its last whole iteration), RUN@K (after K iterations), or `solver`',
      'start',
    )
    .option('--episodes <n>', 'episodes of each set of deals', positiveInteger)
    .option('--set <a.b=c...>', 'change fields of the configuration', collect, [])
    .option('--json', 'one JSON object')
    .action(async (options: Options) => {
      const result = await withClient(async (client) => {
        const { config, policy, name } = await resolve(client, options);
        if (policy !== 'solver') checkModelFolders(config.model);
        const handle = await startRun<typeof evaluate>(
          client,
          'evaluate',
          `evaluate-${name}-${Date.now()}`,
          [{ config, policy }],
          `evaluate ${name}`,
        );
        return {
          evaluated: name,
          environment: config.environment,
          evaluation: config.evaluation,
          ...(await workflowResult<Awaited<ReturnType<typeof evaluate>>>(client, handle.workflowId)),
        };
      });
      process.stdout.write(options.json ? `${JSON.stringify(result, null, 2)}\n` : evaluationLines(result));
    });
}

async function resolve(client: Client, { config: file, policy, episodes, set }: Options): Promise<Evaluated> {
  const changes = [
    'evaluation.decoding=both',
    ...set,
    ...(episodes === undefined ? [] : [`evaluation.episodes=${episodes}`]),
  ];
  if (policy === 'start' || policy === 'solver') {
    if (file === undefined)
      throw new UsageError(`--policy ${policy}: give --config, which names the environment and the model.`);
    return {
      config: readConfig(runConfigSchema, file, changes),
      policy: policy === 'start' ? null : policy,
      name: policy,
    };
  }
  const [, run, at] = /^(.+?)(?:@(\d+))?$/.exec(policy)!;
  const known = await readRun(client, run);
  const config =
    file === undefined
      ? applyChanges(runConfigSchema, known.config, changes, `the configuration of run ${run}`)
      : readConfig(runConfigSchema, file, changes);
  const { iterations } = known.records;
  const done = at === undefined ? iterations.length : Number(at);
  if (done > iterations.length)
    throw new UsageError(
      `--policy ${policy}: run ${run} has done ${iterations.length} iterations; name one of ${run}@0 to ` +
        `${run}@${iterations.length}.`,
    );
  return { config, policy: iterations[done - 1]?.policy ?? null, name: `${run}@${done}` };
}

function positiveInteger(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError('must be a whole number from 1.');
  return number;
}
