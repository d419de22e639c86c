/** Judges a wave with a free teacher: one activity a wave. */
import { setImmediate } from 'node:timers/promises';
import { getJson, putJson } from '../core/artifacts/codecs.ts';
import type { ArtifactRef, ArtifactStore } from '../core/artifacts/store.ts';
import type { RunConfig } from '../configs/schema.ts';
import { type EpisodeProgress, judgeEpisode, NOT_JUDGED_YET } from '../core/corrector/judge-episode.ts';
import { makeTeacher } from '../core/corrector/teachers.ts';
import { type CorrectorCounts, NO_COUNTS } from '../core/episodes/corrector-counts.ts';
import type { Episode, EpisodeJudgement } from '../core/episodes/episode.ts';
import { byEnvironment } from '../core/envs/mixture.ts';
import { loadTokenizer, type PolicyTokenizer } from '../core/policy/tokenizer.ts';
import { modelFolder } from '../configs/project-folder.ts';
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
        let tokenizer: PolicyTokenizer | null = null;
        const canSay = (text: string) => (tokenizer ??= loadTokenizer(modelFolder(config.model.base))).canSay(text);
        const teacherOf = byEnvironment(config, (own) => makeTeacher(own, canSay));
        let calls = 0;
        const judged: EpisodeProgress[] = [];
        for (const episode of episodes) {
          await setImmediate(); // heartbeats go on
          const teacher = teacherOf(episode.states[0]);
          judged.push(
            await judgeEpisode(config, iteration, episode, NOT_JUDGED_YET, async (request) => {
              calls++;
              return {
                verdict: (await teacher.judge(request)).verdict,
                source: teacher.isExact ? { by: 'solver' } : { by: 'teacher', key: null },
              };
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
