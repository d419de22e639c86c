/** Reading once what a run's environments will be drawn from. */
import { Faults } from '../../configs/faults.ts';
import type { RunConfig } from '../../configs/schema.ts';
import { gameByName } from './registry.ts';

/** Checks the environments of training and of evaluations. Returns notes; throws `ConfigError` for all faults. */
export async function checkEnvironments({
  environment,
  evaluation,
}: {
  environment: Pick<RunConfig['environment'], 'name' | 'options'>;
  evaluation: Pick<RunConfig['evaluation'], 'episodes' | 'options' | 'heldOut'>;
}): Promise<string[]> {
  const game = gameByName(environment.name);
  const faults = new Faults();
  const notes = new Set<string>();
  const told = new Set<string>();
  for (const [index, others] of [{}, evaluation.options, evaluation.heldOut ?? {}].entries()) {
    const options = game.parseOptions({ ...environment.options, ...others });
    const isPlayed = index === 0 || evaluation.episodes > 0;
    const found = isPlayed ? await game.check?.(options) : undefined;
    for (const note of found?.notes ?? []) notes.add(note);
    for (const fault of found?.faults ?? [])
      if (!told.has(fault)) {
        told.add(fault);
        faults.add(fault);
      }
  }
  faults.check();
  return [...notes];
}
