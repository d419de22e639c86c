/** Reading once what a run's environments will be drawn from. */
import { Faults } from '../../configs/faults.ts';
import { evaluationDeals } from '../../configs/evaluation-plays.ts';
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
  const options = [{}, ...(evaluation.episodes > 0 ? [evaluation.options, evaluation.heldOut ?? {}] : [])];
  return await checkGames(
    environment.name,
    options.map((others) => ({ ...environment.options, ...others })),
  );
}

/** The same for an evaluation apart from any run: of the deals that it plays alone. */
export async function checkEvaluatedGames(config: Pick<RunConfig, 'environment' | 'evaluation'>): Promise<string[]> {
  return await checkGames(config.environment.name, evaluationDeals(config));
}

async function checkGames(name: string, deals: readonly object[]): Promise<string[]> {
  const game = gameByName(name);
  const faults = new Faults();
  const notes = new Set<string>();
  const told = new Set<string>();
  for (const options of deals) {
    const found = await game.check?.(game.parseOptions(options));
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
