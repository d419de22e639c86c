/** The teacher that is made of a run's own checkpoints (GTR-Turbo): merged by TIES, and again as the run goes on. */
import { modelFolder } from '../configs/project-folder.ts';
import type { RunConfig } from '../configs/schema.ts';
import type { ArtifactRef } from '../core/artifacts/store.ts';
import { mergePolicies } from '../core/policy/checkpoint/merge-policies.ts';
import { openCheckpoint } from '../core/policy/checkpoint/open-checkpoint.ts';
import { mergeWeights } from '../core/policy/ties-merge.ts';
import { asParameters, startParameters, trainedParameters } from '../core/policy/trained-parameters.ts';
import { getTrained, putTrained } from '../core/records/policy-state.ts';
import { type MergedTeacher, readRunRecords } from '../core/records/run-records.ts';
import { type ActivityDependencies, activity } from './activity.ts';
import { resultOwner } from './resume-points.ts';

export type MergeTeacherInput = { config: RunConfig; runId: string; iteration: number };

export function createTeacherActivities({ store }: ActivityDependencies) {
  return {
    /**
     * The teacher of an iteration, from the records of those before: the same again, or the earlier teacher merged with
     * the policies since; before there are any the start model.
     */
    mergeTeacher: activity(async ({ config, runId, iteration }: MergeTeacherInput): Promise<MergedTeacher> => {
      const { interval, until, method, weights, alpha, density } = config.turbo.merge;
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
      const teacher = mergePolicies({
        start,
        policies,
        weights: mergeWeights(weights, policies.length, { standsFor: Math.max(1, standsFor), alpha }),
        density,
        method,
      });
      return { policy: await putTrained(store, teacher, owner), checkpoints: standsFor + since.length };
    }),
  };
}

export type TeacherActivities = ReturnType<typeof createTeacherActivities>;
