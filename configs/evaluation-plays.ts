/** The parts of an evaluation. */
import type { MixedOptions } from './mixture.ts';
import type { RunConfig } from './schema.ts';

/** One way of decoding on one set of deals. */
export type Play = { options: object; temperature: number };

/** In order: each way of decoding on the evaluation deals and on the held-out ones. */
export function plays(config: RunConfig): Play[] {
  const { evaluation, rollout } = config;
  const temperatures = { sampled: [rollout.temperature], greedy: [0], both: [rollout.temperature, 0] }[
    evaluation.decoding
  ];
  return temperatures.flatMap((temperature) => evaluationDeals(config).map((options) => ({ options, temperature })));
}

/**
 * Options of the evaluation deals, and of the held-out ones if there are any. Of a mixture: those of each environment
 * (`MixedOptions`), on held-out deals of those that have some.
 */
export function evaluationDeals(
  config: Pick<RunConfig, 'environment' | 'evaluation'> & Pick<Partial<RunConfig>, 'environments'>,
): object[] {
  const { environment, environments, evaluation } = config;
  if (environments === undefined)
    return [evaluation.options, ...(evaluation.heldOut === null ? [] : [evaluation.heldOut])].map((options) => ({
      ...environment.options,
      ...options,
    }));
  const mixed = (deals: 'options' | 'heldOut'): MixedOptions => ({
    members: environments.map(({ options, share, evaluation: own }) => ({
      options: { ...options, ...own[deals] },
      share: own[deals] === null ? 0 : share,
    })),
  });
  return [mixed('options'), ...(hasHeldOut(config) ? [mixed('heldOut')] : [])];
}

/** Whether there is a second evaluation on held-out deals. */
export function hasHeldOut({
  environments,
  evaluation,
}: Pick<RunConfig, 'evaluation'> & Pick<Partial<RunConfig>, 'environments'>): boolean {
  return [evaluation, ...(environments ?? []).map((one) => one.evaluation)].some(({ heldOut }) => heldOut !== null);
}
