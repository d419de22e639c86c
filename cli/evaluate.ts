/** `gtr evaluate`: policies, the solver and external models on the same fixed deals, with intervals. */
import type { Client } from '@temporalio/client';
import { type Command, InvalidArgumentError } from 'commander';
import { type RunConfig, runConfigSchema } from '../configs/schema.ts';
import type { ArtifactRef } from '../core/artifacts/store.ts';
import { storeId } from '../core/artifacts/store-id.ts';
import { loadPromptTemplate } from '../core/policy/prompt-template.ts';
import { activityDependencies } from '../workers/installation.ts';
import type { evaluate, EvaluateInput, EvaluateResult } from '../workflows/evaluate.ts';
import { checkModelFolders } from './check-model.ts';
import { applyChanges, readConfig } from './config-file.ts';
import { UsageError } from './errors.ts';
import { type Evaluated, evaluationLines, evaluationTable } from './evaluation-lines.ts';
import { withAnyInstallation } from './own-installation.ts';
import { readRun } from './read-run.ts';
import { startRun } from './start-run.ts';
import type { WorkerRole } from './supervisor.ts';
import { withClientIfAny, workflowResult } from './temporal.ts';
import { collect } from './train.ts';

type Options = { config?: string; policy: string[]; prompt?: string; episodes?: number; set: string[]; json?: boolean };

/** What is evaluated, and its name. */
type Candidate = { config: RunConfig; policy: EvaluateInput['policy']; name: string };

export function register(program: Command): void {
  program
    .command('evaluate')
    .description('evaluate a policy on fixed deals, sampled and greedy; starts a server if there is none')
    .option('--config <file>', 'run configuration that names environment, model and evaluation; not needed for a run')
    .option(
      '--policy <ref>',
      '`start` (the checkpoint itself, the default), RUN (after its last whole iteration), RUN@K (after K ' +
        'iterations), `solver`, or `openai:MODEL` (a model behind a server of chat completions); several make ' +
        'a table',
      collect,
      [],
    )
    .option(
      '--prompt <template>',
      "prompt template for external models; default: the configuration's, or the environment's own where that " +
        'is worded for a tiny model (`chat: false`)',
    )
    .option('--episodes <n>', 'episodes of each set of deals', positiveInteger)
    .option('--set <a.b=c...>', 'change fields of the configuration', collect, [])
    .option('--json', 'one JSON object')
    .action(async ({ policy, json, ...options }: Options) => {
      const names = policy.length === 0 ? ['start'] : policy;
      // Checks all of them before any is evaluated or paid for.
      const candidates = await withClientIfAny((client) => resolveAll(client, names, options));
      const results = await withAnyInstallation([...new Set(candidates.flatMap(rolesOf))], async (client) => {
        const evaluated: Evaluated[] = [];
        for (const [index, candidate] of candidates.entries())
          evaluated.push(await evaluateOne(client, candidate, `${Date.now()}${index === 0 ? '' : `-${index}`}`));
        return evaluated;
      });
      const [first] = results;
      const shown = results.length === 1 ? first : { policies: results };
      process.stdout.write(
        json
          ? `${JSON.stringify(shown, null, 2)}\n`
          : results.length === 1
            ? evaluationLines(first)
            : evaluationTable(results),
      );
    });
}

async function evaluateOne(client: Client, { config, policy, name }: Candidate, mark: string): Promise<Evaluated> {
  const { store } = activityDependencies();
  const id = `evaluate-${name}-${mark}`;
  const stored = isStored(policy);
  if (stored) await store.hold({ run: id, slot: 'evaluated' }, policy); // the run may release it meanwhile
  const attributes = stored ? { GtrStore: await storeId(store) } : {};
  await startRun<typeof evaluate>(client, 'evaluate', id, [{ config, policy }], `evaluate ${name}`, attributes);
  const result = await workflowResult<EvaluateResult>(client, id);
  for (const { run, slot, ref } of await store.holds(id)) await store.release({ run, slot }, ref);
  const { environment, environments, evaluation } = config;
  return { evaluated: name, environment, environments, evaluation, ...result };
}

/** The workers needed to evaluate it. */
function rolesOf({ policy }: Candidate): WorkerRole[] {
  if (policy === 'solver') return ['orchestrator'];
  return ['orchestrator', policy === null || isStored(policy) ? 'gpu' : 'corrector'];
}

function isStored(policy: Candidate['policy']): policy is ArtifactRef {
  return policy !== null && typeof policy === 'object' && 'sha256' in policy;
}

const MODEL = /^openai:(.+)$/;

/** Without --config: the configuration of the first run that is named; it also holds for policies that are not runs. */
async function resolveAll(
  client: Client | null,
  names: readonly string[],
  { config: file, episodes, set, prompt }: Omit<Options, 'policy' | 'json'>,
): Promise<Candidate[]> {
  const changes = [
    'evaluation.decoding=both',
    ...set,
    ...(episodes === undefined ? [] : [`evaluation.episodes=${episodes}`]),
  ];
  const isRun = (name: string) => name !== 'start' && name !== 'solver' && !MODEL.test(name);
  const runs = new Map<string, Candidate>();
  for (const name of names) if (isRun(name)) runs.set(name, await resolveRun(client, name, file, changes));
  const [firstRun] = runs.values();
  return names.map((name) => {
    const run = runs.get(name);
    if (run !== undefined) return run;
    if (file === undefined && firstRun === undefined)
      throw new UsageError(`--policy ${name}: give --config, which names the environment and the model.`);
    const config = file === undefined ? firstRun.config : readConfig(runConfigSchema, file, changes);
    const [, model] = MODEL.exec(name) ?? [];
    if (model !== undefined) {
      const worded = wordedFor(config, prompt);
      // An external model is asked once for each step, at corrector.openai.temperature.
      const evaluation = { ...config.evaluation, decoding: 'sampled' as const };
      return {
        config: { ...worded, evaluation },
        policy: { openai: model },
        name,
      };
    }
    if (name === 'start') checkModelFolders(config.model);
    return { config, policy: name === 'start' ? null : 'solver', name };
  });
}

/**
 * The configuration for an external model, with the wording `prompt` (null: the configuration's, or the environment's
 * own if that is worded for a tiny model). Throws `ConfigError` or `UsageError`.
 */
function wordedFor(config: RunConfig, prompt: string | undefined): RunConfig {
  const asked = ({ name }: { name: string }, configured: string | null) => {
    const { chat } = loadPromptTemplate(configured, name);
    const chosen = prompt ?? (chat ? configured : null);
    loadPromptTemplate(chosen, name);
    return chosen;
  };
  const { environment, environments, model } = config;
  if (environments === undefined) return { ...config, model: { ...model, prompt: asked(environment, model.prompt) } };
  if (prompt !== undefined)
    throw new UsageError('--prompt: a mixture has several environments; set environments.N.prompt of each instead.');
  return { ...config, environments: environments.map((one) => ({ ...one, prompt: asked(one, one.prompt) })) };
}

async function resolveRun(
  client: Client | null,
  policy: string,
  file: string | undefined,
  changes: readonly string[],
): Promise<Candidate> {
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
  if (iterations[done - 1]?.policy.removed) {
    const whole = iterations.flatMap(({ iteration, policy: one }) => (one.removed ? [] : [`${run}@${iteration + 1}`]));
    throw new UsageError(
      `--policy ${policy}: the weights of that iteration were not kept (checkpoints.keepLast, ` +
        `checkpoints.keepEvery); name one of ${whole.join(', ')}, or ${run}@0.`,
    );
  }
  checkModelFolders(config.model);
  return { config, policy: iterations[done - 1]?.policy ?? null, name: `${run}@${done}` };
}

function positiveInteger(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError('must be a whole number, 1 or more.');
  return number;
}
