/**
 * A cache of recent scenes: an episode shows the same cards step after step, and every epoch sees each step again.
 */
import type { RgbImage } from '../../pictures/rgb-image.ts';

/**
 * Bytes for all of them: 682 scenes of 64 pixels a side, or 31 of 300. As float32 for a policy their pixels take four
 * times as much on top.
 */
const MOST_BYTES = 8 * 2 ** 20;

const scenes = new Map<string, RgbImage>();
let bytes = 0;

/**
 * The scene named `name`, which must hold everything that the scene depends on: the cached image, or a newly drawn one.
 * Nobody may write into it.
 */
export function drawnOnce(name: string, draw: () => RgbImage): RgbImage {
  const known = scenes.get(name);
  const scene = known ?? draw();
  scenes.delete(name);
  scenes.set(name, scene); // most recently used last
  if (known === undefined) bytes += scene.data.length;
  for (const [oldest, { data }] of scenes) {
    if (bytes <= MOST_BYTES) break;
    scenes.delete(oldest);
    bytes -= data.length;
  }
  return scene;
}
