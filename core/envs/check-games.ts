/** Checks, before a run, the files that its environments are drawn from. */
import { Faults } from '../../configs/faults.ts';
import { evaluationDeals } from '../../configs/evaluation-plays.ts';
import { ownConfigs } from '../../configs/mixture.ts';
import type { RunConfig } from '../../configs/schema.ts';
import { gameByName } from './registry.ts';

type Checked = Pick<RunConfig, 'environment'> &
  Pick<Partial<RunConfig>, 'environments'> & {
    evaluation: Pick<RunConfig['evaluation'], 'episodes' | 'options' | 'heldOut'>;
  };

/** Checks the environments of training and of evaluations. Returns notes; throws `ConfigError` for all faults. */
export async function checkEnvironments(config: Checked): Promise<string[]> {
  return await checkGames(
    ownConfigs(config).map(({ environment: { name, options }, evaluation }) => ({
      name,
      deals: [{}, ...(evaluation.episodes > 0 ? [evaluation.options, evaluation.heldOut ?? {}] : [])].map((others) => ({
        ...options,
        ...others,
      })),
    })),
  );
}

/** The same for an evaluation outside a run: checks only the deals that it plays. */
export async function checkEvaluatedGames(
  config: Pick<RunConfig, 'environment' | 'environments' | 'evaluation'>,
): Promise<string[]> {
  return await checkGames(
    ownConfigs(config).map((own) => ({ name: own.environment.name, deals: evaluationDeals(own) })),
  );
}

async function checkGames(games: readonly { name: string; deals: readonly object[] }[]): Promise<string[]> {
  const faults = new Faults();
  const notes = new Set<string>();
  const told = new Set<string>();
  for (const { name, deals } of games) {
    const game = gameByName(name);
    for (const options of deals) {
      const parsed = game.parseOptions(options);
      const found = await game.check?.(parsed);
      for (const note of found?.notes ?? []) notes.add(note);
      for (const fault of found?.faults ?? [])
        if (!told.has(fault)) {
          told.add(fault);
          faults.add(fault);
        }
    }
  }
  faults.check();
  return [...notes];
}
