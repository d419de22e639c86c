/**
 * A long corrector queue: thoughts of scripted players wait, like waves of runs, while there is no corrector worker;
 * then one starts and asks the rehearsal server about each. Prints how long the queue was, how fast it drained, and
 * whether every thought was judged and asked about once.
 *
 * npm run bench -- queue [--thoughts 10000] [--wave 250]
 */
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { putJson } from '../core/artifacts/codecs.ts';
import { readConfig } from '../cli/config-file.ts';
import { startRun } from '../cli/start-run.ts';
import { withClient } from '../cli/temporal.ts';
import { parseConfig, type RunConfig, runConfigSchema, sftConfigSchema } from '../configs/schema.ts';
import { makeDemonstrations } from '../core/corrector/demonstrations.ts';
import { gameByName } from '../core/envs/registry.ts';
import type { Episode } from '../core/episodes/episode.ts';
import { loadPromptTemplate } from '../core/policy/prompt-template.ts';
import { parseResponse } from '../core/policy/response.ts';
import { startRehearsal } from './harness/rehearsal.ts';
import { startInstallation } from './harness/installation.ts';
import { activityDependencies } from '../workers/installation.ts';
import type { correctWave } from '../workflows/correct-wave.ts';
import { WORKFLOW_QUEUE } from '../workflows/queues.ts';
import type { train } from '../workflows/train.ts';
import { residentMebibytes } from './load/process-usage.ts';

const { values: options } = parseArgs({
  options: { thoughts: { type: 'string', default: '10000' }, wave: { type: 'string', default: '250' } },
});
const [thoughts, perWave] = [Number(options.thoughts), Number(options.wave)];
const LOOK_MS = 1000;

const rehearsal = await startRehearsal();
Object.assign(process.env, { OPENAI_BASE_URL: rehearsal.url, OPENAI_API_KEY: 'rehearsal' });
const installation = await startInstallation({ roles: ['orchestrator', 'gpu'] });
try {
  const config = readConfig(runConfigSchema, 'smoke', ['corrector.teacher=openai']);
  const { store } = activityDependencies();
  const episodes = await scriptedEpisodes(config, thoughts);
  await withClient(async (client) => {
    // The waves' run, which keeps the budget and stays paused.
    const run = await startRun<typeof train>(client, 'train', 'waiting', [config], 'queue');
    await run.signal('pause');
    const started = performance.now();
    const seconds = () => ((performance.now() - started) / 1000).toFixed(0);
    const waves = await Promise.all(
      Array.from({ length: Math.ceil(thoughts / perWave) }, async (_, wave) => {
        const own = episodes.slice(wave * perWave, (wave + 1) * perWave);
        const result = {
          wave,
          over: true,
          episodes: await putJson(store, 'episodes', own),
          envSteps: own.length,
          responseTokens: 0,
          seconds: 0,
          modelSeconds: 0,
        };
        return await client.workflow.start<typeof correctWave>('correctWave', {
          workflowId: `waiting/wave-${wave}`,
          taskQueue: WORKFLOW_QUEUE,
          args: [
            { config, iteration: 0, wave: result, runId: 'waiting', needed: Number.MAX_SAFE_INTEGER, paused: false },
          ],
        });
      }),
    );
    const waiting = async () =>
      (
        await Promise.all(
          waves.map(
            async (wave) =>
              (await wave.describe()).raw.pendingActivities?.filter(
                ({ activityType }) => activityType?.name === 'correctThought',
              ).length ?? 0,
          ),
        )
      ).reduce((sum, count) => sum + count, 0);
    while ((await waiting()) < thoughts) await sleep(LOOK_MS);
    console.log(
      `${thoughts} thoughts wait on the queue after ${seconds()} s; server ` +
        `${residentMebibytes(installation.supervisor.pidOf('server')!).toFixed(0)} MiB`,
    );

    const drained = performance.now();
    await installation.supervisor.startWorker('corrector');
    const results = await Promise.all(waves.map((wave) => wave.result()));
    const took = (performance.now() - drained) / 1000;
    const sum = (name: 'calls' | 'ledgerHits' | 'failures') =>
      results.reduce((total, { counts }) => total + counts[name], 0);
    console.log(
      `judged in ${took.toFixed(0)} s (${(thoughts / took).toFixed(0)} thoughts/s): ${sum('calls')} asked, ` +
        `${sum('ledgerHits')} known from one alike, ${sum('failures')} failures, ${rehearsal.log().length} requests ` +
        `received`,
    );
    for (const name of ['server', 'orchestrator', 'corrector'])
      console.log(`${name}: ${residentMebibytes(installation.supervisor.pidOf(name)!).toFixed(0)} MiB resident`);
    if (sum('calls') + sum('ledgerHits') !== thoughts || rehearsal.log().length !== 2 * sum('calls'))
      process.exitCode = 1;
  });
} finally {
  await installation.stop();
  await rehearsal.stop();
}

/** Episodes of one step, each by a player who follows a demonstration. */
async function scriptedEpisodes(config: RunConfig, count: number): Promise<Episode[]> {
  const { environment, model } = config;
  const template = loadPromptTemplate(model.prompt, environment.name);
  const game = gameByName(environment.name);
  const gameOptions = game.parseOptions(environment.options);
  const demonstrations = await makeDemonstrations(
    parseConfig(
      sftConfigSchema,
      { environment, model: { base: model.base, prompt: model.prompt }, demonstrations: { count } },
      path.basename(import.meta.filename),
    ),
  );
  return demonstrations.map(({ state, text }, episode) => {
    const { thought, actionText } = parseResponse(text, template.keys, true);
    const played = game.fromState(state, gameOptions);
    const action = game.readAction(actionText!, played.legalActions())!;
    const { reward, stop } = played.step(action);
    const step = {
      responseIds: [],
      text,
      thoughtTokens: 0,
      thought,
      action,
      legal: true,
      logprob: 0,
      value: 0,
      sampledBy: 'script',
      reward,
    };
    return { episode, states: [state, played.state()], steps: [step], stop, bootstrapValue: 0 };
  });
}
