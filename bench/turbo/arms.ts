/** The arms of the study of merged teachers: algorithms, and what may make a merged teacher good or bad. */
import { type Arm, MILD_RATE, type StudyGame } from '../study/arms.ts';

/** Eight iterations of the small games; Points24 has six, as its configuration says. */
const SMALL_GAMES = ['envSteps=2048'];
const KL = 'algorithm=gtr-turbo-kl';
const SFT = 'algorithm=gtr-turbo-sft';

const CORE = [
  ['ppo', 'PPO only', ['algorithm=ppo']],
  ['grpo', 'GRPO', ['algorithm=grpo']],
  ['gtr', 'GTR (solver)', []],
  ['kl', 'Turbo-KL', [KL]],
  ['sft', 'Turbo-SFT', [SFT]],
  ['sft-light', 'Turbo-SFT, SFT weight 1', [SFT, 'sft.coef=1']],
] as const;

const ABLATIONS = [
  ['kl-start', 'Turbo-KL, the start as teacher', [KL, 'turbo.merge.until=0']],
  ['kl-frozen', 'Turbo-KL, frozen after the first merge', [KL, 'turbo.merge.until=1']],
  ['kl-linear', 'Turbo-KL, linear mean', [KL, 'turbo.merge.method=linear']],
  ['kl-all', 'Turbo-KL, thought and action tokens', [KL, 'turbo.kl.tokens=all']],
  ['kl-noise', 'Turbo-KL, thought tokens and action noise', [KL, 'turbo.kl.tokens=thought-and-noise']],
  ['kl-unclipped', 'Turbo-KL, no clip', [KL, 'turbo.kl.clip=none']],
  ['sft-start', 'Turbo-SFT, the start as teacher', [SFT, 'turbo.merge.until=0']],
  ['sft-frozen', 'Turbo-SFT, frozen after the first merge', [SFT, 'turbo.merge.until=1']],
] as const;

const MILD_CORE = CORE.filter(([name]) => ['ppo', 'grpo', 'kl', 'sft'].includes(name)).map(
  ([name, title, changes]) => [`mild-${name}`, `${title}, learning rate 1e-4`, [...changes, ...MILD_RATE]] as const,
);

type Line = readonly [name: string, title: string, changes: readonly string[]];

function armsOf(game: StudyGame, lines: readonly Line[]): Arm[] {
  const steps = game === 'points24' ? [] : SMALL_GAMES;
  return lines.map(([name, title, changes]) => ({
    game,
    name: `turbo-${name}`,
    title,
    changes: [...steps, ...changes],
  }));
}

/**
 * The most important first. No ablations on Points24: with the study's rate Turbo-KL loses every deal there, as PPO
 * alone does, so a part of it that is left out shows nothing.
 */
export const TURBO_GROUPS: readonly (readonly Arm[])[] = [
  armsOf('numberline', CORE),
  armsOf('ezpoints', CORE),
  armsOf('points24', CORE),
  armsOf('points24', MILD_CORE),
  armsOf('ezpoints', ABLATIONS),
  armsOf('numberline', ABLATIONS),
];
