/** Members of families whose pictures are squares of one size: whole pictures or tiles. */
import type { VlmConfig } from '../../vlm-config.ts';
import type { ModelFamily } from '../model-family.ts';

type Shared = 'partsStep' | 'positionAxes' | 'positions' | 'pictureFeeds';

/** Text and image tokens count up on one axis; a part is `imageSize` pixels a side, and missing parts are zero. */
export function squareParts<C extends VlmConfig & { vision: { imageSize: number } }>(): Pick<ModelFamily<C>, Shared> {
  return {
    partsStep: () => 1,
    positionAxes: 1,
    positions: (_, promptIds) => ({ axes: [Array.from(promptIds, (__, index) => index)], next: promptIds.length }),
    pictureFeeds({ vision }, pictures, { parts }, newPixels) {
      const length = parts * 3 * vision.imageSize ** 2;
      const pixels = newPixels(pictures.length * length);
      for (const [index, picture] of pictures.entries()) {
        pixels.set(picture.pixels, index * length);
        pixels.fill(0, index * length + picture.pixels.length, (index + 1) * length);
      }
      return { pixels };
    },
  };
}
