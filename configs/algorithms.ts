/** The algorithms. One record each, read everywhere instead of comparing names. */

/**
 * What an algorithm does (spec.md section 2).
 *
 * - `judges`: a teacher judges thoughts, and corrected ones become rows.
 * - `cuts`: episodes that leave the way to the target are cut (`corrector.cut`).
 * - `advantages`: against the value head's answers (GAE), or against the group of episodes from the same start (GRPO).
 * - `merged`: what is asked of a teacher made of the run's own checkpoints (GTR-Turbo): how far the policy lies from it,
 *   or thoughts, which become rows.
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
    summary: 'groups of episodes from the same start, compared with each other; no value head, no corrector, no cut',
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
    summary: "PPO, whose advantages fall with the distance from a teacher merged of the run's own checkpoints",
    judges: false,
    cuts: false,
    advantages: 'gae',
    merged: 'kl',
    losses: { policy: 1, value: 1, sft: 0 },
  },
  'gtr-turbo-sft': {
    summary: "PPO + thoughts of a teacher merged of the run's own checkpoints",
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
