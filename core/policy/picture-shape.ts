/** The shape of the pictures in a graph. */
import type { Grid, PictureShape } from './families/model-family.ts';
import { familyOf } from './families/registry.ts';
import type { VlmConfig } from './vlm-config.ts';

/**
 * The shape for pictures with these grids; `rounded`: round the number of parts up even if all pictures have the same.
 */
export function pictureShape(config: VlmConfig, grids: readonly Grid[], rounded: boolean): PictureShape {
  const family = familyOf(config);
  const parts = grids.map((grid) => family.pictureParts(config, grid));
  const most = parts.reduce((one, other) => Math.max(one, other), 0);
  const step = rounded || parts.some((count) => count !== most) ? family.partsStep(config, most) : 1;
  const held = Math.ceil(most / step) * step;
  return { parts: held, padded: parts.some((count) => count !== held) };
}
