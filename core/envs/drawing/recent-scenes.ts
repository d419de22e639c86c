/**
 * Scenes that were drawn lately: an episode shows the same cards step after step, and an update sees each step again in
 * every epoch.
 */
import type { RgbImage } from '../../pictures/rgb-image.ts';

/**
 * What all of them may take: 682 scenes of 64 pixels a side, or 31 of 300. Their pixels as a policy sees them take four
 * times as much again.
 */
const MOST_BYTES = 8 * 2 ** 20;

const scenes = new Map<string, RgbImage>();
let bytes = 0;

/**
 * The scene that `name` (all that it depends on) stands for: the very image as last time, or drawn. Nobody may write
 * into it.
 */
export function drawnOnce(name: string, draw: () => RgbImage): RgbImage {
  const known = scenes.get(name);
  const scene = known ?? draw();
  scenes.delete(name);
  scenes.set(name, scene); // the newest use stands last
  if (known === undefined) bytes += scene.data.length;
  for (const [oldest, { data }] of scenes) {
    if (bytes <= MOST_BYTES) break;
    scenes.delete(oldest);
    bytes -= data.length;
  }
  return scene;
}
