/** Pictures of states for files. */
import type { RunConfig } from '../../configs/schema.ts';
import { encodePng } from '../pictures/png.ts';
import type { JsonState } from './env.ts';
import { gameByName } from './registry.ts';

/** The observation of a state as a PNG of `size` x `size` pixels. */
export function drawState({ environment }: Pick<RunConfig, 'environment'>, state: JsonState, size: number): Buffer {
  const game = gameByName(environment.name);
  return encodePng(game.fromState(state, game.parseOptions(environment.options)).observe(size));
}
