/**
 * The model's parts of an iteration, each measured separately in this process: CPU time, which other work hardly
 * affects.
 */
import { modelFolder } from '../../configs/project-folder.ts';
import type { RunConfig } from '../../configs/schema.ts';
import { gameByName } from '../../core/envs/registry.ts';
import { initAdam } from '../../core/learner/adam.ts';
import { referenceThoughts } from '../../core/learner/reference-thoughts.ts';
import { scoreAnswers } from '../../core/learner/score-answers.ts';
import { updateEpoch } from '../../core/learner/update-epoch.ts';
import { Agent } from '../../core/policy/agent.ts';
import { playEpisodes } from '../../core/policy/rollout.ts';
import { untargetedSample } from '../../core/learner/ppo-samples.ts';

/**
 * CPU seconds for this many steps. `update`: an epoch of PPO alone; `updateBoth`: with one of the teacher's rows for
 * each step.
 */
export type Parts = {
  steps: number;
  sample: number;
  logprobs: number;
  thoughts: number;
  update: number;
  updateBoth: number;
};

/** With `episodes` episodes of four steps, one lane. Each part is done twice; the first time compiles its graphs. */
export async function measureParts(given: RunConfig, episodes: number): Promise<Parts> {
  const config = { ...given, engine: { ...given.engine, lanes: 1 } };
  const game = gameByName(config.environment.name);
  const options = game.parseOptions(config.environment.options);
  const agent = await Agent.open(config, modelFolder);
  try {
    const start = agent.engine.initialParameters(config.seed);
    const twice = async <T>(work: () => Promise<T>): Promise<[T, number]> => {
      await agent.setPolicy(start, 'start');
      await work();
      await agent.setPolicy(start, 'start');
      const { user } = process.cpuUsage();
      const made = await work();
      return [made, (process.cpuUsage().user - user) / 1e6];
    };
    const settings = {
      ...config.rollout,
      episodes,
      groupSize: 1,
      maxEpisodeSteps: 4,
      thoughtCoef: config.ppo.thoughtCoef,
      keepTokenLogprobs: true,
      leaveAfterFailure: false,
    };
    const key = { seed: config.seed, iteration: 0, firstEpisode: 0 };
    const [played, sample] = await twice(() => playEpisodes(agent, game, options, key, settings));
    const steps = played.episodes.flatMap(({ states, steps: own }) =>
      own.map((step, at) => ({ state: states[at], step })),
    );
    const wellFormed = steps.filter(({ step }) => step.thought !== null);
    const thoughtsOf = wellFormed.map(({ state, step }) => ({
      state,
      responseIds: step.responseIds.slice(0, step.thoughtTokens),
    }));
    const [, logprobs] = await twice(() => scoreAnswers(agent, game, options, thoughtsOf, config.rollout.temperature));
    const states = steps.map(({ state }) => state);
    const [, thoughts] = await twice(() =>
      referenceThoughts(agent, game, options, states, { config, iteration: 0, from: 0 }),
    );
    const samples = steps.map(({ state, step }) => ({ ...untargetedSample(state, step), advantage: 1, return: 1 }));
    const rows = wellFormed.map(({ state, step }) => ({
      state,
      responseIds: step.responseIds,
      trainedTokens: step.thoughtTokens,
    }));
    const epoch = (sftRows: typeof rows) =>
      twice(async () =>
        updateEpoch(
          {
            agent,
            game,
            options,
            config: { ...config, algorithm: sftRows.length > 0 ? 'gtr-turbo-sft' : 'ppo' },
            samples,
            rows: sftRows,
            key: { iteration: 0, epoch: 0 },
            lr: config.optimizer.lr,
            sftCoef: sftRows.length > 0 ? 1 : 0,
          },
          { parameters: start.slice(), adam: initAdam(start.length), step: 0, skippedInARow: 0, sums: {} },
        ),
      );
    const [, update] = await epoch([]);
    const [, updateBoth] = await epoch(rows);
    return { steps: steps.length, sample, logprobs, thoughts, update, updateBoth };
  } finally {
    await agent.close();
  }
}
