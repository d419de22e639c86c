/** Pictures of states for files. */
import type { Played } from '../../configs/mixture.ts';
import { encodePng } from '../pictures/png.ts';
import type { JsonState } from './env.ts';
import { trainingGame } from './with-history.ts';

/** The observation of a state as a PNG of `size` x `size` pixels. */
export function drawState(config: Played, state: JsonState, size: number): Buffer {
  const { game, options } = trainingGame(config);
  return encodePng(game.fromState(state, options).observe(size));
}
