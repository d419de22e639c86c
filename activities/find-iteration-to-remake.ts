/**
 * Finds what must run again when artifacts of a run are missing or damaged: intact inputs give the same bytes.
 */
import { findReferences, reach } from '../core/artifacts/references.ts';
import type { RunConfig } from '../configs/schema.ts';
import { type ActivityDependencies, activity } from './activity.ts';
import { goesOnWith } from '../core/records/retention.ts';
import { type IterationRecord, readRunRecords } from '../core/records/run-records.ts';

export type FindIterationToRemakeInput = { runId: string; /** Iterations that the run has done. */ iterations: number };

/** `start`: what the iteration began with; null for the first, which begins with what opening the model gives. */
export type IterationToRemake = {
  iteration: number;
  config: RunConfig;
  start: Pick<IterationRecord, 'policy' | 'optimizer' | 'corrections' | 'keptPerWave' | 'ahead'> | null;
};

export function createRemakeActivities({ store }: ActivityDependencies) {
  return {
    /** The iteration after the newest one with intact results; null when that is the last one. */
    findIterationToRemake: activity(
      async ({ runId, iterations }: FindIterationToRemakeInput): Promise<IterationToRemake | null> => {
        const records = (await readRunRecords(store, runId)).iterations.slice(0, iterations);
        for (let newest = records.length; newest > 0; newest--) {
          const { iteration, config, policy, optimizer, corrections, keptPerWave, ahead } = records[newest - 1];
          const goesOn = goesOnWith(records, iteration + 1, config);
          if (goesOn.some(({ removed }) => removed)) continue;
          const roots = [...goesOn, corrections, ...findReferences(ahead?.waves)];
          const reached = await reach(store, new Map([[`records ${runId}`, roots]]), 'all');
          if (![...reached.values()].every(({ problem }) => problem === null)) continue;
          return newest === records.length
            ? null
            : {
                iteration: newest,
                config: records[newest].config,
                start: { policy, optimizer, corrections, keptPerWave, ahead },
              };
        }
        return records.length === 0 ? null : { iteration: 0, config: records[0].config, start: null };
      },
    ),
  };
}

export type RemakeActivities = ReturnType<typeof createRemakeActivities>;
