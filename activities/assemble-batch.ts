/**
 * Turns judged waves into a batch for the update: kept steps with PPO targets, and the aggregated correction rows.
 */
import { resultOwner } from './resume-points.ts';
import { getJson, putJson } from '../core/artifacts/codecs.ts';
import type { ArtifactRef, ArtifactStore } from '../core/artifacts/store.ts';
import type { RunConfig } from '../configs/schema.ts';
import type { CorrectionManifest, CorrectionRow, PpoSample } from '../core/learner/batch.ts';
import { ppoSamples } from '../core/learner/ppo-samples.ts';
import { LARGEST_KL } from '../core/learner/teacher-kl.ts';
import { type KeptSegment, selectKeptSteps } from '../core/learner/kept-steps.ts';
import type { Metrics } from '../core/episodes/metrics.ts';
import type { Episode, EpisodeJudgement, Thought } from '../core/episodes/episode.ts';
import { byEnvironment } from '../core/envs/mixture.ts';
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
  /** Answers of the teacher merged from the run's own checkpoints about the kept steps, wave by wave. */
  teacherAnswers?: ArtifactRef[];
};
/** `metrics`: those of the targets and the rows. */
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
        const segments = await keptSegments(store, waves, config.rollout.envStepsPerIteration);
        const { kl, thoughts } = await allAnswers(store, teacherAnswers ?? []);
        const { samples, metrics } = ppoSamples(segments, config, kl);
        const rows = correctionRows(segments, config, thoughts);
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
            ...(kl === undefined ? {} : klMetrics(kl)),
            ...(thoughts === undefined ? {} : thoughtMetrics(thoughts)),
            'corrections/new': rows.length,
            'corrections/rows': manifest.iterations.reduce((sum, part) => sum + part.rows, 0),
          },
        };
      },
    ),
  };
}

export type BatchActivities = ReturnType<typeof createBatchActivities>;

/** The answers of all waves in one list, without waves that were not asked about. */
async function allAnswers(store: ArtifactStore, waves: readonly ArtifactRef[]): Promise<TeacherAnswers> {
  const answers = await Promise.all(waves.map((wave) => getJson<TeacherAnswers>(store, wave)));
  if (answers.length === 0) return {};
  return answers[0].kl === undefined
    ? { thoughts: answers.flatMap(({ thoughts }) => thoughts!) }
    : { kl: answers.flatMap(({ kl }) => kl!) };
}

/** The first `envSteps` kept steps of judged waves. */
export async function keptSegments(
  store: ArtifactStore,
  waves: AssembleBatchInput['waves'],
  envSteps: number,
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
    envSteps,
  );
}

function klMetrics(kl: NonNullable<TeacherAnswers['kl']>): Metrics {
  const measured = kl.filter((one) => one !== null);
  return {
    'teacher/kl': mean(measured),
    'teacher/klMax': measured.length === 0 ? null : measured.reduce((most, one) => Math.max(most, one)),
    'teacher/klCapped': mean(measured.map((one) => (one >= LARGEST_KL ? 1 : 0))),
  };
}

function thoughtMetrics(thoughts: NonNullable<TeacherAnswers['thoughts']>): Metrics {
  return { 'teacher/wellFormedRate': mean(thoughts.map((thought) => (thought === null ? 0 : 1))) };
}

function mean(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Mean, standard deviation, minimum and maximum over the steps; null if there are no steps. */
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
 * cloning). With `confirmed` also the thoughts that were right, unchanged. `references`: thoughts of a teacher that
 * writes one about each kept step instead.
 */
function correctionRows(
  segments: readonly KeptSegment[],
  config: RunConfig,
  references?: readonly (Thought | null)[],
): CorrectionRow[] {
  const keysOf = byEnvironment(
    config,
    ({ model, environment }) => loadPromptTemplate(model.prompt, environment.name).keys,
  );
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
      const text = renderResponse(better, actionCloning ? next : action, keysOf(episode.states[t]));
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
