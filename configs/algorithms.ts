/** The algorithms: one record each. Code reads the record and never compares names. */

/**
 * An algorithm (spec.md section 2).
 *
 * - `judges`: a teacher judges thoughts; corrected thoughts become rows.
 * - `cuts`: episodes that can no longer reach the target are cut (`corrector.cut`).
 * - `advantages`: measured against the value head (GAE), or against the group of episodes from the same start (GRPO).
 * - `merged`: what a teacher merged from the run's own checkpoints supplies (GTR-Turbo): log-probs, or thoughts, which
 *   become rows.
 * - `losses`: factors of the configured weights; 0 leaves a loss out.
 */
export type Algorithm = {
  summary: string;
  judges: boolean;
  cuts: boolean;
  advantages: 'gae' | 'group';
  merged: 'kl' | 'thoughts' | null;
  losses: { policy: 0 | 1; value: 0 | 1; sft: 0 | 1 };
};

export const ALGORITHMS = {
  gtr: {
    summary: 'PPO + corrected thoughts',
    judges: true,
    cuts: true,
    advantages: 'gae',
    merged: null,
    losses: { policy: 1, value: 1, sft: 1 },
  },
  ppo: {
    summary: 'no corrector, no cut',
    judges: false,
    cuts: false,
    advantages: 'gae',
    merged: null,
    losses: { policy: 1, value: 1, sft: 0 },
  },
  sft: {
    summary: 'corrected thoughts only',
    judges: true,
    cuts: true,
    advantages: 'gae',
    merged: null,
    losses: { policy: 0, value: 0, sft: 1 },
  },
  grpo: {
    summary: 'groups of episodes from the same start are compared; no value head, no corrector, no cut',
    judges: false,
    cuts: false,
    advantages: 'group',
    merged: null,
    losses: { policy: 1, value: 0, sft: 0 },
  },
  'gtr-grpo': {
    summary: 'grpo + corrected thoughts',
    judges: true,
    cuts: true,
    advantages: 'group',
    merged: null,
    losses: { policy: 1, value: 0, sft: 1 },
  },
  'gtr-turbo-kl': {
    summary: "PPO; advantages fall with the distance from a teacher merged from the run's own checkpoints",
    judges: false,
    cuts: false,
    advantages: 'gae',
    merged: 'kl',
    losses: { policy: 1, value: 1, sft: 0 },
  },
  'gtr-turbo-sft': {
    summary: "PPO + thoughts of a teacher merged from the run's own checkpoints",
    judges: false,
    cuts: false,
    advantages: 'gae',
    merged: 'thoughts',
    losses: { policy: 1, value: 1, sft: 1 },
  },
} as const satisfies Readonly<Record<string, Algorithm>>;

export type AlgorithmName = keyof typeof ALGORITHMS;

export function algorithmOf({ algorithm }: { algorithm: AlgorithmName }): Algorithm {
  return ALGORITHMS[algorithm];
}
