/**
 * A GPU worker that takes the time of a large policy and plays without one: the game, its thoughts and everything else
 * are real.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type ActivityDependencies, activity } from '../../activities/activity.ts';
import { Interval } from '../../core/records/interval.ts';
import { modelFolder } from '../../configs/project-folder.ts';
import type { ThoughtMeasureActivities } from '../../activities/measure-thoughts.ts';
import type { PreparationActivities } from '../../activities/prepare-run.ts';
import { EPISODES_PER_ITERATION, putSampled, type RolloutActivities } from '../../activities/roll-out-wave.ts';
import type { UpdateActivities } from '../../activities/update-policy.ts';
import { getJson, putJson } from '../../core/artifacts/codecs.ts';
import { storeId } from '../../core/artifacts/store-id.ts';
import { type RunConfig } from '../../configs/schema.ts';
import { asksPaidTeacher } from '../../configs/teachers.ts';
import { expertOf } from '../../core/corrector/experts.ts';
import { gameByName } from '../../core/envs/registry.ts';
import type { Episode } from '../../core/episodes/episode.ts';
import { loadPromptTemplate } from '../../core/policy/prompt-template.ts';
import { renderResponse } from '../../core/policy/response.ts';
import type { RolloutProgress } from '../../core/policy/rollout.ts';
import { loadTokenizer } from '../../core/policy/tokenizer.ts';
import { RandomStream } from '../../core/random/counter.ts';

/** Seconds of a large policy: one step of all environments, and the update per kept step, all epochs together. */
export type Pace = { roundSeconds: number; updateSecondsPerStep: number };

/** Share of thoughts with a valid goal; the others follow a naive habit. */
const RIGHT = 0.5;

export function pretendPolicyActivities(
  { store }: ActivityDependencies,
  { roundSeconds, updateSecondsPerStep }: Pace,
): Pick<
  PreparationActivities & RolloutActivities & ThoughtMeasureActivities & UpdateActivities,
  'prepareRun' | 'rolloutWave' | 'measureThoughts' | 'updatePolicy'
> {
  return {
    prepareRun: activity(async () => ({
      policy: await putJson(store, 'policy', {}),
      optimizer: await putJson(store, 'optimizer', {}),
      modelSha256: 'none',
      trainedParameters: 0,
      store: await storeId(store),
    })),

    rolloutWave: activity(async ({ config, iteration, wave, policy, soFar }) => {
      const started = performance.now();
      const episodes = Array.from({ length: config.rollout.episodesPerWave }, (_, slot) =>
        play(
          config,
          iteration,
          iteration * EPISODES_PER_ITERATION + wave * config.rollout.episodesPerWave + slot,
          policy.sha256,
        ),
      );
      const rounds = Math.max(...episodes.map(({ steps }) => steps.length));
      const handOver = asksPaidTeacher(config) ? new Interval(config.corrector.handOverSeconds) : null;
      let round = soFar === undefined ? 0 : (await getJson<RolloutProgress>(store, soFar.episodes)).round;
      do {
        await sleep(roundSeconds * 1000);
        round++;
      } while (round < rounds && !handOver?.due());
      const progress = after(round, episodes);
      const steps = progress.episodes.flatMap((episode) => episode.steps);
      const { seconds } = took(started);
      return {
        wave,
        ...(await putSampled(store, iteration, wave, progress)),
        envSteps: steps.length,
        responseTokens: steps.reduce((sum, { responseIds }) => sum + responseIds.length, 0),
        seconds: (soFar?.seconds ?? 0) + seconds,
        modelSeconds: (soFar?.seconds ?? 0) + seconds,
      };
    }),

    measureThoughts: activity(async () => ({ metrics: {}, seconds: 0, modelSeconds: 0 })),

    updatePolicy: activity(async ({ config, policy, optimizer }) => {
      const started = performance.now();
      await sleep((updateSecondsPerStep * config.rollout.envStepsPerIteration * 1000) / config.ppo.epochs);
      return { policy, optimizer, metrics: {}, ...took(started) };
    }),
  };
}

/** The episodes after this many rounds. */
function after(round: number, whole: readonly Episode[]): RolloutProgress {
  const closed = whole.map(({ steps }) => steps.length <= round);
  const episodes = whole.map((episode, slot) =>
    closed[slot]
      ? episode
      : { ...episode, states: episode.states.slice(0, round + 1), steps: episode.steps.slice(0, round), stop: null },
  );
  return { round, episodes, closed, over: !closed.includes(false) };
}

/** Reports all of it as the model's time. */
function took(started: number): { seconds: number; modelSeconds: number } {
  const seconds = (performance.now() - started) / 1000;
  return { seconds, modelSeconds: seconds };
}

function play(config: RunConfig, iteration: number, number: number, sampledBy: string): Episode {
  const game = gameByName(config.environment.name);
  const template = loadPromptTemplate(config.model.prompt, config.environment.name);
  const tokenizer = loadTokenizer(modelFolder(config.model.base));
  const expert = expertOf(config.environment.name);
  const environment = game.start({ seed: config.seed, episode: number }, game.parseOptions(config.environment.options));
  const random = new RandomStream({ seed: config.seed, purpose: 'pretended thoughts', iteration, episode: number });
  const episode: Episode = { episode: number, states: [environment.state()], steps: [], stop: null, bootstrapValue: 0 };
  while (
    episode.stop === null &&
    episode.steps.length < config.environment.maxEpisodeSteps &&
    episode.steps.at(-1)?.reward !== game.cut.reward
  ) {
    const plan =
      (random.uniform() < RIGHT ? expert.bestPlan(environment, null) : null) ?? expert.naivePlan(environment);
    const thought = plan.word(template.thought);
    const responseIds = tokenizer.encode(renderResponse(thought, plan.action, template.keys));
    const { reward, stop } = environment.step(plan.action);
    const { text, thoughtTokens } = tokenizer.splitResponse(responseIds);
    episode.steps.push({
      responseIds,
      text,
      thoughtTokens,
      thought,
      action: plan.action,
      legal: true,
      logprob: -1,
      value: 0,
      sampledBy,
      reward,
    });
    episode.states.push(environment.state());
    episode.stop = stop;
  }
  return episode;
}
