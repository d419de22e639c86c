/** What an agent is shown in an environment. */
import type { Environment } from '../envs/env.ts';
import type { PastView } from '../envs/with-history.ts';
import type { RgbImage } from '../pictures/rgb-image.ts';

/** `past`: earlier steps, oldest first; absent where the prompt shows none. */
export type Observation = {
  image: RgbImage;
  promptValues: Readonly<Record<string, string>>;
  past?: readonly PastView[];
  /** In a mixture: the index of the environment in `environments`. */
  member?: number;
};

/** `size`: pixels of its picture. */
export function observationIn(
  environment: Pick<Environment, 'observe' | 'promptValues' | 'past' | 'member'>,
  size: number,
): Observation {
  const past = environment.past?.() ?? [];
  return {
    image: environment.observe(size),
    promptValues: environment.promptValues(),
    ...(past.length === 0 ? {} : { past }),
    ...(environment.member === undefined ? {} : { member: environment.member.index }),
  };
}
