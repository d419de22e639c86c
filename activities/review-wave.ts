/**
 * The light part of judging a wave by a paid teacher: settles thoughts that need no question, finds those to ask about,
 * and at the end stores the verdicts as one artifact.
 */
import { getJson, putJson } from '../core/artifacts/codecs.ts';
import type { ArtifactRef } from '../core/artifacts/store.ts';
import type { RunConfig } from '../configs/schema.ts';
import { LATER } from '../core/corrector/correct-episode.ts';
import { type EpisodeProgress, judgeEpisode, NOT_JUDGED_YET } from '../core/corrector/judge-episode.ts';
import { Ledger } from '../core/corrector/ledger.ts';
import { makePaidTeacher } from '../core/corrector/teachers.ts';
import { likelyKept, mostKept } from '../core/corrector/needed-steps.ts';
import { PaidJudge } from '../core/corrector/paid-judge.ts';
import type { PaidTeacher } from '../core/corrector/teacher.ts';
import { addCounts, type CorrectorCounts, NO_COUNTS } from '../core/episodes/corrector-counts.ts';
import { byEnvironment } from '../core/envs/mixture.ts';
import { loadTokenizer } from '../core/policy/tokenizer.ts';
import { type ActivityDependencies, activity } from './activity.ts';
import { modelFolder } from '../configs/project-folder.ts';
import { type CorrectEpisodesInput, type CorrectEpisodesResult, putJudgements } from './correct-episodes-locally.ts';
import { getSampled, type RolloutWaveResult } from './roll-out-wave.ts';

/**
 * The context for judging the thoughts of one wave. `payer`: the wave's name in the ledger. `progress`: that of each
 * episode before any question; `upTo`: how many of its steps are judged now.
 */
export type JudgingContext = {
  config: RunConfig;
  iteration: number;
  payer: string;
  wave: Pick<RolloutWaveResult, 'over' | 'episodes'>;
  closed: boolean[];
  progress: EpisodeProgress[];
  upTo: number[];
};

/**
 * `needed`: kept steps for which the wave is judged. `context`: that of the last review; null: this is the first.
 * `judged`: progress of episodes that were asked about since, by slot. `underWay`: slots with an open question.
 */
export type ReviewWaveInput = CorrectEpisodesInput & {
  payer: string;
  needed: number;
  context: ArtifactRef | null;
  judged: Record<number, ArtifactRef>;
  underWay: number[];
};

/**
 * Progress of an episode: `judged` of the `upTo` steps that are to be judged now; `done`: no more questions about it.
 */
export type EpisodeReview = { judged: number; upTo: number; done: boolean };

/**
 * `thoughtUsd`: the most that one of the open thoughts may cost; null if the model's price is unknown. `closed`: the
 * verdicts, once enough of a complete wave is judged; `whole`: all of it is judged.
 */
export type ReviewWaveResult = {
  context: ArtifactRef;
  episodes: EpisodeReview[];
  thoughtUsd: number | null;
  counts: CorrectorCounts;
  closed: (Pick<CorrectEpisodesResult, 'judgements' | 'keptSteps'> & { whole: boolean }) | null;
};

export function createReviewActivities({ store }: ActivityDependencies) {
  return {
    /**
     * Judges what the solver (`verified-skip`) and the ledger know of the episodes that are needed, up to the first
     * question of each.
     */
    reviewWave: activity(
      async ({
        config,
        iteration,
        wave,
        payer,
        needed,
        context,
        judged,
        underWay,
      }: ReviewWaveInput): Promise<ReviewWaveResult> => {
        const ledger = new Ledger(store);
        const judgeOf = byEnvironment(config, (own) => new PaidJudge(own, openTeacher(own), ledger));
        const longest = byEnvironment(config, ({ environment }) => environment.maxEpisodeSteps);
        const { episodes, closed } = await getSampled(store, wave);
        const likely = await likelyKept(config, iteration, episodes, closed);
        const before = context === null ? [] : (await getJson<JudgingContext>(store, context)).progress;
        const progress: EpisodeProgress[] = [];
        const reviews: EpisodeReview[] = [];
        let counts = NO_COUNTS;
        let thoughtUsd: number | null = 0;
        let left = needed;
        for (const [slot, episode] of episodes.entries()) {
          const upTo = Math.min(Math.max(left, 0), episode.steps.length);
          const soFar =
            judged[slot] === undefined
              ? (before[slot] ?? NOT_JUDGED_YET)
              : await getJson<EpisodeProgress>(store, judged[slot]);
          const now = underWay.includes(slot)
            ? soFar
            : await judgeEpisode(
                config,
                iteration,
                episode,
                soFar,
                async (request, step) => {
                  const judge = judgeOf(episode.states[0]);
                  const known = await judge.known(request, `${payer}/${slot}/${step}`);
                  if (known !== null) counts = addCounts(counts, known.counts);
                  else thoughtUsd = largest(thoughtUsd, judge.mostUsd(request));
                  return known ?? LATER;
                },
                { upTo, over: closed[slot] },
              );
          progress.push(now);
          reviews.push({ judged: now.verdicts.length, upTo, done: now.done });
          left -= mostKept(likely[slot], now, longest(episode.states[0]));
        }
        const open = reviews.some(({ judged: steps, upTo, done }) => !done && steps < upTo);
        return {
          context: await putJson(store, 'judging', {
            config,
            iteration,
            payer,
            wave: { over: wave.over, episodes: wave.episodes },
            closed,
            progress,
            upTo: reviews.map(({ upTo }) => upTo),
          } satisfies JudgingContext),
          episodes: reviews,
          thoughtUsd,
          counts,
          closed:
            open || !wave.over
              ? null
              : { ...(await putJudgements(store, progress)), whole: progress.every(({ done }) => done) },
        };
      },
    ),
  };
}

export type ReviewActivities = ReturnType<typeof createReviewActivities>;

/** The teacher of a run, with its policy's vocabulary. */
export function openTeacher(config: RunConfig): PaidTeacher {
  const tokenizer = loadTokenizer(modelFolder(config.model.base));
  return makePaidTeacher(config, (text) => tokenizer.canSay(text));
}

function largest(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : Math.max(a, b);
}
