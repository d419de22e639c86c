/** What an evaluation plays. */
import type { RunConfig } from './schema.ts';

/** One way of decoding on one set of deals. */
export type Play = { options: object; temperature: number };

/** In order: each way of decoding on the evaluation deals and on the held-out ones. */
export function plays({ environment, evaluation, rollout }: RunConfig): Play[] {
  const temperatures = { sampled: [rollout.temperature], greedy: [0], both: [rollout.temperature, 0] }[
    evaluation.decoding
  ];
  return temperatures.flatMap((temperature) =>
    evaluationDeals({ environment, evaluation }).map((options) => ({ options, temperature })),
  );
}

/** Options of the evaluation deals, and of the held-out ones if there are some. */
export function evaluationDeals({ environment, evaluation }: Pick<RunConfig, 'environment' | 'evaluation'>): object[] {
  return [evaluation.options, ...(evaluation.heldOut === null ? [] : [evaluation.heldOut])].map((options) => ({
    ...environment.options,
    ...options,
  }));
}
