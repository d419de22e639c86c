/** The light ends of judging a wave by a paid teacher: what needs no question before it, its verdicts as one artifact after it. */
import { getJson, putJson } from '../artifacts/codecs.ts';
import type { ArtifactRef } from '../artifacts/store.ts';
import type { RunConfig } from '../configs/schema.ts';
import { LATER } from '../corrector/correct-episode.ts';
import { type EpisodeProgress, judgeEpisode, NOT_JUDGED_YET } from '../corrector/judge-episode.ts';
import { Ledger } from '../corrector/ledger.ts';
import { PaidJudge } from '../corrector/paid-judge.ts';
import type { Teacher } from '../corrector/teacher.ts';
import { makeTeacher } from '../corrector/make-teacher.ts';
import { addCounts, type CorrectorCounts, NO_COUNTS } from '../learner/corrector-counts.ts';
import type { Episode } from '../learner/trajectory.ts';
import { loadTokenizer } from '../policy/tokenizer.ts';
import { type ActivityDependencies, activity } from './activity.ts';
import { modelFolder } from './agent-cache.ts';
import { type CorrectEpisodesInput, type CorrectEpisodesResult, putJudgements } from './correct-episodes-locally.ts';

/** What the thoughts of one wave are judged by. `progress`: of each episode, before anyone was asked. `payer`: the wave's name in the ledger. */
export type JudgingContext = { config: RunConfig; iteration: number; payer: string; episodes: ArtifactRef; progress: EpisodeProgress[] };

/** `open`: episodes (their slots) that need questions. `thoughtUsd`: the most that one thought may cost, null where the model's price is unknown. */
export type OpenWaveResult = { context: ArtifactRef; open: number[]; thoughtUsd: number | null; counts: CorrectorCounts };

export type CloseWaveInput = { context: ArtifactRef; judged: Record<number, ArtifactRef> };

export function createWaveActivities({ store }: ActivityDependencies) {
  return {
    /** Judges what the solver (`verified-skip`) and the ledger know, up to the first question of each episode. */
    openWave: activity(async ({ config, iteration, wave, payer }: CorrectEpisodesInput & { payer: string }): Promise<OpenWaveResult> => {
      const judge = new PaidJudge(config, openTeacher(config), new Ledger(store));
      let counts = NO_COUNTS;
      let thoughtUsd: number | null = 0;
      const progress: EpisodeProgress[] = [];
      for (const [slot, episode] of (await getJson<Episode[]>(store, wave.episodes)).entries()) {
        progress.push(
          await judgeEpisode(config, iteration, episode, NOT_JUDGED_YET, async (request, step) => {
            const known = await judge.known(request, `${payer}/${slot}/${step}`);
            if (known !== null) counts = addCounts(counts, known.counts);
            else thoughtUsd = largest(thoughtUsd, judge.mostUsd(request));
            return known ?? LATER;
          }),
        );
      }
      return {
        context: await putJson(store, 'judging', { config, iteration, payer, episodes: wave.episodes, progress } satisfies JudgingContext),
        open: progress.flatMap(({ done }, slot) => (done ? [] : slot)),
        thoughtUsd,
        counts,
      };
    }),

    /** The verdicts of a judged wave; `judged`: episodes that were asked about. */
    closeWave: activity(async ({ context, judged }: CloseWaveInput): Promise<Pick<CorrectEpisodesResult, 'judgements' | 'keptSteps'>> => {
      const { progress } = await getJson<JudgingContext>(store, context);
      return await putJudgements(store, await Promise.all(progress.map((known, slot) => (judged[slot] === undefined ? known : getJson<EpisodeProgress>(store, judged[slot])))));
    }),
  };
}

export type WaveActivities = ReturnType<typeof createWaveActivities>;

/** The teacher of a run, who is told what its policy can say. */
export function openTeacher(config: RunConfig): Teacher {
  const tokenizer = loadTokenizer(modelFolder(config.model.base));
  return makeTeacher(config, (text) => tokenizer.canSay(text));
}

function largest(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : Math.max(a, b);
}
