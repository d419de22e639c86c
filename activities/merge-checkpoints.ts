/** The teacher made from a run's own checkpoints (GTR-Turbo): a TIES merge, repeated during the run. */
import { modelFolder } from '../configs/project-folder.ts';
import type { RunConfig } from '../configs/schema.ts';
import type { ArtifactRef } from '../core/artifacts/store.ts';
import { mergeInThread } from '../core/policy/checkpoint/merge-in-thread.ts';
import { openCheckpoint } from '../core/policy/checkpoint/open-checkpoint.ts';
import { mergeWeights } from '../core/policy/ties-merge.ts';
import { asParameters, startParameters, trainedParameters } from '../core/policy/trained-parameters.ts';
import { loraScale } from '../core/policy/vlm-config.ts';
import { getTrained, putTrained } from '../core/records/policy-state.ts';
import { type MergedTeacher, readRunRecords } from '../core/records/run-records.ts';
import { type ActivityDependencies, activity } from './activity.ts';
import { resultOwner } from './resume-points.ts';

/**
 * Elements of adapted layers over which the distance between the two merges is measured: this takes seconds for any
 * model.
 */
const DISTANCE_OVER = 2 ** 24;

export type MergeCheckpointsInput = { config: RunConfig; runId: string; iteration: number };

export function createMergeActivities({ store }: ActivityDependencies) {
  return {
    /**
     * The teacher of an iteration, from the records of those before: the same one, or the earlier teacher merged with
     * the policies since; until then the start model.
     */
    mergeCheckpoints: activity(async ({ config, runId, iteration }: MergeCheckpointsInput): Promise<MergedTeacher> => {
      const { interval, until, adapters, weights, alpha, method, density } = config.turbo.merge;
      const done = (await readRunRecords(store, runId)).iterations.filter((record) => record.iteration < iteration);
      const earlier = done.at(-1)?.teacher ?? null;
      const frozen = until !== null && iteration > until;
      if (earlier !== null && (frozen || iteration % interval !== 0)) return earlier;

      const { model, seed } = config;
      const adapter = model.adapter === null ? null : modelFolder(model.adapter);
      const checkpoint = openCheckpoint(modelFolder(model.base), adapter);
      const names = trainedParameters(checkpoint, model.train, model.valueHead);
      const start = asParameters(names, startParameters(checkpoint, names, seed));
      const owner = resultOwner('teacher');
      const since = done.slice(-interval).map(({ policy }) => policy);
      if (since.length === 0) return { policy: await putTrained(store, start, owner), checkpoints: 0 };

      const standsFor = earlier?.checkpoints ?? 0;
      const merged: ArtifactRef[] = [...(standsFor > 0 ? [earlier!.policy] : []), ...since];
      const policies = await Promise.all(merged.map((ref) => getTrained(store, ref)));
      const products = model.train.kind === 'lora' && adapters === 'product';
      const teacher = await mergeInThread({
        merge: {
          start,
          policies,
          weights: mergeWeights(weights, policies.length, { standsFor: Math.max(1, standsFor), alpha }),
          density,
          method,
        },
        products: products ? { weights: checkpoint.parameters, scale: loraScale(model.train) } : null,
        distanceOver: model.train.kind === 'lora' && !products ? DISTANCE_OVER : null,
      });
      return {
        policy: await putTrained(store, teacher.merged, owner),
        checkpoints: standsFor + since.length,
        ...(products ? { whole: true } : {}),
        ...(teacher.factorDistance === null ? {} : { factorDistance: teacher.factorDistance }),
      };
    }),
  };
}

export type MergeActivities = ReturnType<typeof createMergeActivities>;
