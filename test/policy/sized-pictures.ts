/** Random pictures of given grids, and a prompt row for each, as a checkpoint's family counts its tokens. */
import { familyOf } from '../../core/policy/families/registry.ts';
import type { Picture } from '../../core/policy/families/model-family.ts';
import type { VlmConfig } from '../../core/policy/vlm-config.ts';
import { RandomStream } from '../../core/random/counter.ts';

/** Prompts: two words, the picture, `wordsBehind` words; answers of four words. A function of its arguments. */
export function sizedPictures(
  config: VlmConfig,
  grids: readonly Picture['grid'][],
  { seed, wordsBehind }: { seed: number; wordsBehind: number },
): { pictures: Picture[]; rows: { image: number; promptIds: number[]; responseIds: number[] }[] } {
  const family = familyOf(config);
  const random = new RandomStream({ seed, purpose: 'test' });
  const words = (count: number) => Array.from({ length: count }, () => 5 + random.below(200));
  const pictures = grids.map((grid) => ({
    grid,
    pixels: Float32Array.from({ length: family.pictureValues(config, grid) }, () => random.normal()),
  }));
  const rows = grids.map((grid, image) => ({
    image,
    promptIds: [
      ...words(2),
      ...new Array<number>(family.imageTokens(config, grid)).fill(config.imageTokenId),
      ...words(wordsBehind),
    ],
    responseIds: words(4),
  }));
  return { pictures, rows };
}
