/** What the study compares: algorithms and ablations as changes of one committed configuration per game. */
import { readConfig } from '../../cli/config-file.ts';
import { type RunConfig, runConfigSchema } from '../../configs/schema.ts';

export type StudyGame = 'points24' | 'ezpoints';

/** One line of the tables: the same start, seeds and environment steps as its neighbours, other `changes`. */
export type Arm = { game: StudyGame; name: string; title: string; changes: readonly string[] };

const core = (game: StudyGame): Arm[] => [
  { game, name: 'gtr', title: 'GTR', changes: [] },
  { game, name: 'ppo', title: 'PPO only', changes: ['algorithm=ppo'] },
  { game, name: 'sft', title: 'SFT rows only', changes: ['algorithm=sft'] },
];

/** Groups of arms, the most important first; within a group seed after seed, so that there is always something to compare. */
const GROUPS: readonly (readonly Arm[])[] = [
  core('points24'),
  core('ezpoints'),
  [
    { game: 'points24', name: 'no-dagger', title: 'GTR without DAgger', changes: ['sft.dagger=false'] },
    { game: 'points24', name: 'no-cut', title: 'GTR without cut', changes: ['corrector.cut=false'] },
    { game: 'points24', name: 'cloned', title: 'GTR with action cloning', changes: ['sft.actionCloning=true'] },
  ],
];

/** One training run of the study. */
export type StudyRun = { id: string; arm: Arm; seed: number; config: RunConfig };

/** The study's runs in the order of their importance; `only`: prefixes of `game/arm`, none: all. */
export function studyRuns({ seeds, only = [], changes = [] }: { seeds: readonly number[]; only?: readonly string[]; changes?: readonly string[] }): StudyRun[] {
  return GROUPS.flatMap((group) =>
    seeds.flatMap((seed) =>
      group
        .filter(({ game, name }) => only.length === 0 || only.some((prefix) => `${game}/${name}`.startsWith(prefix)))
        .map((arm) => ({ id: `study/${arm.game}/${arm.name}/${seed}`, arm, seed, config: readConfig(runConfigSchema, `study-${arm.game}`, [...arm.changes, ...changes, `seed=${seed}`]) })),
    ),
  );
}
