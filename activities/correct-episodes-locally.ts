/** Judges a wave with the exact solver, which is free: one activity a wave. */
import { setImmediate } from 'node:timers/promises';
import { getJson, putJson } from '../core/artifacts/codecs.ts';
import type { ArtifactRef, ArtifactStore } from '../core/artifacts/store.ts';
import type { RunConfig } from '../configs/schema.ts';
import { type EpisodeProgress, judgeEpisode, NOT_JUDGED_YET } from '../core/corrector/judge-episode.ts';
import { SolverTeacher } from '../core/corrector/solver-teacher.ts';
import { type CorrectorCounts, NO_COUNTS } from '../core/episodes/corrector-counts.ts';
import type { Episode, EpisodeJudgement } from '../core/episodes/episode.ts';
import { byEnvironment } from '../core/envs/mixture.ts';
import { loadPromptTemplate } from '../core/policy/prompt-template.ts';
import { type ActivityDependencies, activity } from './activity.ts';
import type { RolloutWaveResult } from './roll-out-wave.ts';

export type CorrectEpisodesInput = { config: RunConfig; iteration: number; wave: RolloutWaveResult };
/** `keptSteps`: kept steps, as far as the wave was judged. */
export type CorrectEpisodesResult = {
  judgements: ArtifactRef;
  keptSteps: number;
  counts: CorrectorCounts;
  seconds: number;
};

export function createCorrectionActivities({ store }: ActivityDependencies) {
  return {
    correctEpisodesLocally: activity(
      async ({ config, iteration, wave }: CorrectEpisodesInput): Promise<CorrectEpisodesResult> => {
        const started = performance.now();
        const episodes = await getJson<Episode[]>(store, wave.episodes);
        const teacherOf = byEnvironment(
          config,
          ({ environment: { name }, model }) => new SolverTeacher(name, loadPromptTemplate(model.prompt, name).thought),
        );
        let calls = 0;
        const judged: EpisodeProgress[] = [];
        for (const episode of episodes) {
          await setImmediate(); // heartbeats go on
          const teacher = teacherOf(episode.states[0]);
          judged.push(
            await judgeEpisode(config, iteration, episode, NOT_JUDGED_YET, async (request) => {
              calls++;
              return { verdict: (await teacher.judge(request)).verdict, source: { by: 'solver' } };
            }),
          );
        }
        return {
          ...(await putJudgements(store, judged)),
          counts: { ...NO_COUNTS, calls },
          seconds: (performance.now() - started) / 1000,
        };
      },
    ),
  };
}

export type CorrectionActivities = ReturnType<typeof createCorrectionActivities>;

/** The judgements of all episodes of a wave, as one artifact. */
export async function putJudgements(
  store: ArtifactStore,
  judged: readonly EpisodeProgress[],
): Promise<Pick<CorrectEpisodesResult, 'judgements' | 'keptSteps'>> {
  const judgements = judged.map(({ verdicts, cut, sources, done }): EpisodeJudgement => ({
    verdicts,
    cut,
    sources,
    ...(done ? {} : { partial: true }),
  }));
  return {
    judgements: await putJson(store, 'judgements', judgements),
    keptSteps: judgements.reduce((sum, { verdicts }) => sum + verdicts.length, 0),
  };
}
