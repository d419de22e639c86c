/** What the study compares: algorithms and ablations as changes of one committed configuration per game. */
import { readConfig } from '../../cli/config-file.ts';
import { type RunConfig, runConfigSchema } from '../../configs/schema.ts';

const DEALS = {
  deals: 'deals',
  sets: ['seen deals', 'held-out deals'],
  seenRightly: 'cards read right',
  byGroup: false,
} as const;

/**
 * The games of the study with their configurations, the tables' words for deals, for the two sets of an evaluation and
 * for correct perception, and whether tables show success by kind of deal.
 */
export const STUDY_GAMES = {
  points24: { title: 'Points24', config: 'study-points24', ...DEALS },
  ezpoints: { title: 'EZPoints', config: 'study-ezpoints', ...DEALS },
  numberline: { title: 'NumberLine', config: 'study-numberline', ...DEALS },
  'points24-search': { title: 'Points24 with thoughts that search', config: 'points24-search-tiny', ...DEALS },
  pretrained: { title: 'EZPoints with SmolLM2-135M', config: 'pretrained-ezpoints', ...DEALS },
  frozenlake: {
    title: 'FrozenLake',
    config: 'frozenlake-tiny',
    deals: 'maps',
    sets: ['maps', 'held-out maps'],
    seenRightly: 'place and holes read right',
    byGroup: true,
  },
  sokoban: {
    title: 'Sokoban',
    config: 'sokoban-tiny',
    deals: 'rooms',
    sets: ['rooms', 'held-out rooms'],
    seenRightly: 'places read right',
    byGroup: false,
  },
  alfworld: {
    title: 'Household tasks',
    config: 'alfworld-tiny',
    deals: 'games',
    sets: ['games of `seen`', 'games of `unseen`'],
    seenRightly: 'sight and hand told right',
    byGroup: true,
  },
} as const;
export type StudyGame = keyof typeof STUDY_GAMES;

/** One line of the tables: the same start, seeds and environment steps as its neighbours, other `changes`. */
export type Arm = { game: StudyGame; name: string; title: string; changes: readonly string[] };

/** A fifth of the learning rate that suits corrected thoughts on Points24; it suits PPO alone better. */
export const MILD_RATE = ['optimizer.lr=1e-4', 'optimizer.lrEnd=1e-5'] as const;

export const coreArms = (game: StudyGame): Arm[] => [
  { game, name: 'gtr', title: 'GTR', changes: [] },
  { game, name: 'ppo', title: 'PPO only', changes: ['algorithm=ppo'] },
  { game, name: 'sft', title: 'SFT rows only', changes: ['algorithm=sft'] },
];

/** Household tasks: both algorithms with learning rates around the one that suits them. */
function household(envSteps: number, prefix = ''): Arm[] {
  const arms = [
    ['mild-gtr', 2e-4],
    ['gtr', 5e-4],
    ['ppo-2e-4', 2e-4],
    ['mild-ppo', 1e-4],
    ['ppo', 5e-4],
  ] as const;
  return arms.map(([name, lr]) => {
    const algorithm = name.endsWith('gtr') ? 'gtr' : 'ppo';
    return {
      game: 'alfworld',
      name: `${prefix}${name}`,
      title: `${algorithm === 'gtr' ? 'GTR' : 'PPO only'}, rate ${lr.toExponential()}, ${envSteps} steps`,
      changes: [`algorithm=${algorithm}`, `envSteps=${envSteps}`, `optimizer.lr=${lr}`, `optimizer.lrEnd=${lr / 10}`],
    };
  });
}

/** FrozenLake and Sokoban: GTR beside PPO from the same start. */
function grid(game: StudyGame, changes: readonly string[] = []): Arm[] {
  return [
    { game, name: 'gtr', title: 'GTR', changes },
    { game, name: 'ppo', title: 'PPO only', changes: ['algorithm=ppo', ...changes] },
  ];
}

/**
 * Groups of arms, the most important first; within a group seed after seed, so that runs can be compared early.
 */
const GROUPS: readonly (readonly Arm[])[] = [
  coreArms('points24'),
  coreArms('ezpoints'),
  coreArms('numberline'),
  coreArms('points24-search'),
  [
    {
      game: 'points24-search',
      name: 'mild-ppo',
      title: 'PPO only, learning rate 6e-5',
      changes: ['algorithm=ppo', 'optimizer.lr=6e-5', 'optimizer.lrEnd=6e-6'],
    },
  ],
  [{ game: 'points24', name: 'longer', title: 'GTR, twice the steps (the quickstart)', changes: ['envSteps=6144'] }],
  grid('frozenlake'),
  grid('sokoban', ['envSteps=1280', 'evaluation.episodes=200']),
  household(768, 'short-'),
  household(3840),
  [
    { game: 'ezpoints', name: 'sparse-gtr', title: 'GTR, a tenth judged', changes: ['corrector.judgedShare=0.1'] },
    {
      game: 'ezpoints',
      name: 'sparse-sft',
      title: 'SFT rows only, a tenth judged',
      changes: ['corrector.judgedShare=0.1', 'algorithm=sft'],
    },
  ],
  [
    {
      game: 'points24',
      name: 'mild-ppo',
      title: 'PPO only, learning rate 1e-4',
      changes: ['algorithm=ppo', ...MILD_RATE],
    },
    { game: 'points24', name: 'no-dagger', title: 'GTR without DAgger', changes: ['sft.dagger=false'] },
    { game: 'points24', name: 'no-cut', title: 'GTR without cut', changes: ['corrector.cut=false'] },
    {
      game: 'points24',
      name: 'masked',
      title: 'GTR, action masked as in the paper',
      changes: ['sft.actionCloning=false'],
    },
  ],
];

/** One training run of the study. */
export type StudyRun = { id: string; arm: Arm; seed: number; config: RunConfig };

/**
 * Runs in the order of their importance; `only`: prefixes of `game/arm`; empty: all. `groups`: the study's by default.
 */
export function studyRuns({
  seeds,
  only = [],
  changes = [],
  groups = GROUPS,
}: {
  seeds: readonly number[];
  only?: readonly string[];
  changes?: readonly string[];
  groups?: readonly (readonly Arm[])[];
}): StudyRun[] {
  return groups.flatMap((group) =>
    seeds.flatMap((seed) =>
      group
        .filter(({ game, name }) => only.length === 0 || only.some((prefix) => `${game}/${name}`.startsWith(prefix)))
        .map((arm) => ({
          id: `study/${arm.game}/${arm.name}/${seed}`,
          arm,
          seed,
          config: readConfig(runConfigSchema, STUDY_GAMES[arm.game].config, [
            ...arm.changes,
            ...changes,
            `seed=${seed}`,
          ]),
        })),
    ),
  );
}
