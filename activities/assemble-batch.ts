/**
 * Turns judged waves into what the update trains on: kept steps with PPO targets, and the aggregated correction rows.
 */
import { resultOwner } from './resume-points.ts';
import { getJson, putJson } from '../core/artifacts/codecs.ts';
import type { ArtifactRef, ArtifactStore } from '../core/artifacts/store.ts';
import type { RunConfig } from '../configs/schema.ts';
import type { CorrectionManifest, CorrectionRow, PpoSample } from '../core/learner/batch.ts';
import { ppoSamples } from '../core/learner/ppo-samples.ts';
import { type KeptSegment, selectKeptSteps } from '../core/learner/kept-steps.ts';
import type { Metrics } from '../core/episodes/metrics.ts';
import type { Episode, EpisodeJudgement, Thought } from '../core/episodes/episode.ts';
import { loadPromptTemplate } from '../core/policy/prompt-template.ts';
import { renderResponse } from '../core/policy/response.ts';
import { loadTokenizer } from '../core/policy/tokenizer.ts';
import { type ActivityDependencies, activity } from './activity.ts';
import type { TeacherAnswers } from './ask-merged-teacher.ts';
import { modelFolder } from '../configs/project-folder.ts';

export type AssembleBatchInput = {
  config: RunConfig;
  iteration: number;
  waves: { wave: ArtifactRef; judgements: ArtifactRef }[];
  /** Manifest of the rows of earlier iterations; null before the first. */
  corrections: ArtifactRef | null;
  /** What the teacher made of the run's own checkpoints says of the kept steps. */
  teacherAnswers?: ArtifactRef;
};
/** `metrics`: of the targets and the rows. */
export type AssembleBatchResult = { batch: ArtifactRef; corrections: ArtifactRef; metrics: Metrics };

/** The stored batch. */
export type Batch = { samples: PpoSample[] };

export function createBatchActivities({ store }: ActivityDependencies) {
  return {
    assembleBatch: activity(
      async ({
        config,
        iteration,
        waves,
        corrections,
        teacherAnswers,
      }: AssembleBatchInput): Promise<AssembleBatchResult> => {
        const segments = await keptSegments(store, config, waves);
        const answers = teacherAnswers === undefined ? {} : await getJson<TeacherAnswers>(store, teacherAnswers);
        const { samples, metrics } = ppoSamples(segments, config, answers.kl);
        const rows = correctionRows(segments, config, answers.thoughts);
        const earlier = corrections === null ? [] : (await getJson<CorrectionManifest>(store, corrections)).iterations;
        const manifest: CorrectionManifest = {
          iterations: [
            ...earlier,
            { iteration, rows: rows.length, file: await putJson(store, 'correction-rows', rows) },
          ],
        };
        return {
          batch: await putJson(store, 'batch', { samples } satisfies Batch, resultOwner('batch')),
          corrections: await putJson(store, 'corrections', manifest),
          metrics: {
            ...spread(
              'reward',
              segments.flatMap(({ rewards }) => rewards),
            ),
            ...spread(
              'return',
              samples.map((sample) => sample.return),
            ),
            ...spread(
              'value',
              samples.map(({ oldValue }) => oldValue),
            ),
            ...metrics,
            'corrections/new': rows.length,
            'corrections/rows': manifest.iterations.reduce((sum, part) => sum + part.rows, 0),
          },
        };
      },
    ),
  };
}

export type BatchActivities = ReturnType<typeof createBatchActivities>;

/** The steps of judged waves that an iteration trains on. */
export async function keptSegments(
  store: ArtifactStore,
  { rollout }: RunConfig,
  waves: AssembleBatchInput['waves'],
): Promise<KeptSegment[]> {
  const loaded = await Promise.all(
    waves.map(async ({ wave, judgements }) => ({
      episodes: await getJson<Episode[]>(store, wave),
      judgements: await getJson<EpisodeJudgement[]>(store, judgements),
    })),
  );
  return selectKeptSteps(
    loaded.flatMap(({ episodes, judgements }) =>
      episodes.map((episode, slot) => ({ episode, judgement: judgements[slot] })),
    ),
    rollout.envStepsPerIteration,
  );
}

/** Mean, standard deviation, least and greatest value of each step's number; null where there are no steps. */
function spread(name: string, values: readonly number[]): Metrics {
  if (values.length === 0)
    return Object.fromEntries(['mean', 'std', 'min', 'max'].map((figure) => [`${name}/${figure}`, null]));
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return {
    [`${name}/mean`]: mean,
    [`${name}/std`]: Math.sqrt(variance),
    [`${name}/min`]: Math.min(...values),
    [`${name}/max`]: Math.max(...values),
  };
}

/**
 * Each corrected thought as a row: prompt + corrected thought + the agent's own action (the corrector's with action
 * cloning). With `confirmed` the thoughts that were right too, as they are. `references`: of a teacher who writes a
 * thought about each kept step instead.
 */
function correctionRows(
  segments: readonly KeptSegment[],
  config: RunConfig,
  references?: readonly (Thought | null)[],
): CorrectionRow[] {
  const { keys } = loadPromptTemplate(config.model.prompt, config.environment.name);
  const tokenizer = loadTokenizer(modelFolder(config.model.base));
  const { actionCloning, confirmed } = config.sft;
  let index = 0;
  return segments.flatMap(({ episode, judgement, rewards }) =>
    judgement.verdicts.slice(0, rewards.length).flatMap((verdict, t) => {
      const { thought, action } = episode.steps[t];
      const reference = references?.[index++] ?? null;
      const [better, next] =
        reference !== null
          ? [reference, action]
          : verdict.outcome === 'corrected'
            ? [verdict.correction, verdict.action]
            : verdict.outcome === 'correct' && confirmed
              ? [thought!, action]
              : [null, action];
      if (better === null) return [];
      const text = renderResponse(better, actionCloning ? next : action, keys);
      const responseIds = [...tokenizer.encode(text), tokenizer.endId];
      return [
        {
          state: episode.states[t],
          responseIds,
          trainedTokens:
            actionCloning && reference === null
              ? responseIds.length
              : tokenizer.splitResponse(responseIds).thoughtTokens,
        },
      ];
    }),
  );
}
