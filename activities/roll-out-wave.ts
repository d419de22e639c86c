/** Samples one wave of episodes with the policy, in parts if a paid teacher judges them meanwhile. */
import { getJson, putJson } from '../core/artifacts/codecs.ts';
import type { ArtifactRef, ArtifactStore } from '../core/artifacts/store.ts';
import { algorithmOf } from '../configs/algorithms.ts';
import { mostEpisodeSteps } from '../configs/mixture.ts';
import type { RunConfig } from '../configs/schema.ts';
import { asksPaidTeacher } from '../configs/teachers.ts';
import { trainingGame } from '../core/envs/with-history.ts';
import type { Episode } from '../core/episodes/episode.ts';
import { playEpisodes, type RolloutProgress, type RolloutSettings } from '../core/policy/rollout.ts';
import { type ActivityDependencies, activity, type Heartbeat } from './activity.ts';
import { Interval } from '../core/records/interval.ts';
import { type AgentCache, usePolicy } from './agent-cache.ts';
import { countWork } from './count-work.ts';
import { ResumePoints, resultOwner, type WorkSlot } from './resume-points.ts';
import { RolloutPace, roundOf } from './pace.ts';

/** `soFar`: the result of earlier parts of the wave. */
export type RolloutWaveInput = {
  config: RunConfig;
  iteration: number;
  wave: number;
  policy: ArtifactRef;
  soFar?: RolloutWaveResult;
};

/** `episodes`: those of a wave that is `over`, else its `RolloutProgress`; seconds cover all parts. */
export type RolloutWaveResult = {
  wave: number;
  over: boolean;
  episodes: ArtifactRef;
  envSteps: number;
  responseTokens: number;
  seconds: number;
  modelSeconds: number;
};

/** Episodes of one iteration are numbered from iteration * this. */
export const EPISODES_PER_ITERATION = 1 << 16;

/** How episodes of a run are sampled for training. */
export function rolloutSettings(config: RunConfig): RolloutSettings {
  const { advantages, cuts, merged } = algorithmOf(config);
  const { episodesPerWave, groupSize, maxNewTokens, temperature, repetitionPenalty, penalizePrompt } = config.rollout;
  return {
    episodes: episodesPerWave,
    groupSize: advantages === 'group' ? groupSize : 1,
    maxEpisodeSteps: mostEpisodeSteps(config),
    maxNewTokens,
    temperature,
    repetitionPenalty,
    penalizePrompt,
    thoughtCoef: config.ppo.thoughtCoef,
    keepTokenLogprobs: merged === 'kl',
    leaveAfterFailure: cuts && config.corrector.cut,
  };
}

export function createRolloutActivities({ store }: ActivityDependencies, agents: AgentCache) {
  return {
    rolloutWave: activity(
      async (
        { config, iteration, wave, policy, soFar }: RolloutWaveInput,
        beat: Heartbeat<ArtifactRef>,
      ): Promise<RolloutWaveResult> => {
        const started = performance.now();
        const agent = await agents.get(config);
        const before = agent.engine.seconds;
        await usePolicy(store, agent, policy);
        const { game, options } = trainingGame(config);
        const points = new ResumePoints(beat, store, waveName(iteration, wave), config.durability);
        const handOver = asksPaidTeacher(config) ? new Interval(config.corrector.handOverSeconds) : null;
        const pace = new RolloutPace(mostEpisodeSteps(config));
        points.tell({ doing: `wave ${wave + 1}: begins` });
        const progress = await playEpisodes(
          agent,
          game,
          options,
          {
            seed: config.seed,
            iteration,
            firstEpisode: iteration * EPISODES_PER_ITERATION + wave * config.rollout.episodesPerWave,
          },
          rolloutSettings(config),
          {
            resume:
              (await beat.resume((point) => getJson<RolloutProgress>(store, point))) ??
              (soFar && (await getJson<RolloutProgress>(store, soFar.episodes))),
            onRound: async (reached) => {
              points.tell({ doing: `wave ${wave + 1}: ${roundOf(reached)}`, ...pace.of(reached) });
              if (beat.interrupted || points.due())
                await points.reach((owner) => putJson(store, 'rollout-progress', reached, owner));
              beat.throwIfInterrupted();
              if (handOver?.due()) return 'suspend';
            },
          },
        );
        const steps = progress.episodes.flatMap((episode) => episode.steps);
        const responseTokens = steps.reduce((sum, { responseIds }) => sum + responseIds.length, 0);
        if (progress.over) {
          countWork('gtr_env_steps', steps.length);
          countWork('gtr_response_tokens', responseTokens);
        }
        return {
          wave,
          ...(await putSampled(store, iteration, wave, progress)),
          envSteps: steps.length,
          responseTokens,
          seconds: (soFar?.seconds ?? 0) + (performance.now() - started) / 1000,
          modelSeconds: (soFar?.modelSeconds ?? 0) + agent.engine.seconds - before,
        };
      },
    ),
  };
}

export type RolloutActivities = ReturnType<typeof createRolloutActivities>;

function waveName(iteration: number, wave: number): string {
  return `wave-${iteration}-${wave}`;
}

/** The iteration that a piece of work samples for; null: none. */
export function sampledFor({ name }: Pick<WorkSlot, 'name'>): number | null {
  const [, iteration] = /^wave-(\d+)-\d+$/.exec(name) ?? [];
  return iteration === undefined ? null : Number(iteration);
}

/** Stores the samples of a wave. */
export async function putSampled(
  store: ArtifactStore,
  iteration: number,
  wave: number,
  progress: RolloutProgress,
): Promise<Pick<RolloutWaveResult, 'over' | 'episodes'>> {
  const { over, episodes } = progress;
  const stored = over
    ? putJson(store, 'episodes', episodes)
    : putJson(store, 'rollout-progress', progress, resultOwner(waveName(iteration, wave)));
  return { over, episodes: await stored };
}

/** The samples of a wave so far; `closed`: finished episodes. */
export async function getSampled(
  store: ArtifactStore,
  { over, episodes }: Pick<RolloutWaveResult, 'over' | 'episodes'>,
): Promise<Pick<RolloutProgress, 'episodes' | 'closed'>> {
  if (!over) return await getJson<RolloutProgress>(store, episodes);
  const sampled = await getJson<Episode[]>(store, episodes);
  return { episodes: sampled, closed: sampled.map(() => true) };
}
