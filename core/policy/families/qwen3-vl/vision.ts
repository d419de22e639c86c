/** The vision tower and mergers of Qwen3-VL. */
import type { GraphBuilder } from '../../../graph/builder.ts';
import { add, cast, gelu, geluTanh, mul } from '../../../graph/ops/elementwise.ts';
import { gatherRows } from '../../../graph/ops/movement.ts';
import { layerNorm } from '../../../graph/ops/neural.ts';
import type { Value } from '../../../graph/program.ts';
import type { GraphParameters } from '../../vlm/parameters.ts';
import type { ImageFeatures, InLayer, Picture, PictureShape } from '../model-family.ts';
import { patchCoordinates } from '../qwen-vl/patch-grid.ts';
import { VisionGraph } from '../qwen-vl/vision-parts.ts';
import type { Qwen3Config, Qwen3Vision } from './qwen3-vl.ts';

const EPSILON = 1e-6;

/** The four entries of the table around a patch. */
const CORNERS = [0, 1, 2, 3];

/** [images * cells, hidden of the decoder]. */
export function imageFeatures(
  g: GraphBuilder,
  parameters: GraphParameters,
  { vision }: Qwen3Config,
  shape: PictureShape & { images: number },
  inLayer: InLayer,
): ImageFeatures {
  const tower = new VisionGraph(g, parameters, vision, shape);
  const normed = (name: string, x: Value) =>
    cast(
      g,
      layerNorm(g, cast(g, x, 'float32'), parameters.get(`${name}.weight`), parameters.get(`${name}.bias`), EPSILON),
      x.dtype,
    );
  const activated = (activation: typeof gelu, x: Value) => cast(g, activation(g, cast(g, x, 'float32')), x.dtype);
  const merged = (name: string, cells: Value) =>
    parameters.linear(`${name}.linear_fc2`, activated(gelu, parameters.linear(`${name}.linear_fc1`, cells)));
  const embedded = tower.embedPatches();
  let x = add(g, embedded, cast(g, tablePositions(g, parameters, shape), embedded.dtype));
  const angles = tower.angles();
  const hiding = shape.padded ? tower.hiding('patch_pictures') : null;
  const deepstack: Value[] = [];
  for (let index = 0; index < vision.layers; index++) {
    const at = `vision_tower.blocks.${index}`;
    const entering = x;
    x = inLayer(() => {
      const attended = tower.attend(`${at}.attn`, normed(`${at}.norm1`, entering), entering, angles, hiding);
      const inner = activated(geluTanh, parameters.linear(`${at}.mlp.linear_fc1`, normed(`${at}.norm2`, attended)));
      return parameters.linear(`${at}.mlp.linear_fc2`, inner, { added: attended });
    });
    const stacked = vision.deepstackBlocks.indexOf(index);
    if (stacked < 0) continue;
    const merger = `multi_modal_projector.deepstack_merger_list.${stacked}`;
    deepstack.push(merged(merger, normed(`${merger}.norm`, tower.joinCells(x))));
  }
  const merger = 'multi_modal_projector.merger';
  return { features: merged(merger, tower.joinCells(normed(`${merger}.norm`, x))), deepstack };
}

/** Learned positions [images * patches, hidden], each the weighted mean of four entries of the table. */
function tablePositions(
  g: GraphBuilder,
  parameters: GraphParameters,
  { images, parts }: PictureShape & { images: number },
): Value {
  const table = parameters.get('vision_tower.pos_embed.weight');
  return CORNERS.map((corner) =>
    mul(
      g,
      gatherRows(g, table, g.input(`table_indices_${corner}`, 'int64', [images * parts])),
      g.input(`table_weights_${corner}`, 'float32', [images * parts, 1]),
    ),
  ).reduce((one, other) => add(g, one, other));
}

/** Feeds of `tablePositions`: the corners of the picture lie on the corners of the table. */
export function tableIndices(
  { merge, tableSide }: Qwen3Vision,
  pictures: readonly Picture[],
  { parts }: PictureShape,
): Record<string, BigInt64Array | Float32Array> {
  const indices = CORNERS.map(() => new BigInt64Array(pictures.length * parts));
  const weights = CORNERS.map(() => new Float32Array(pictures.length * parts));
  const along = (index: number, length: number) => {
    const at = length === 1 ? 0 : (index * (tableSide - 1)) / (length - 1);
    const below = Math.floor(at);
    return { ends: [below, Math.min(below + 1, tableSide - 1)], share: at - below };
  };
  for (const [index, { grid }] of pictures.entries()) {
    const { rows, columns } = patchCoordinates(grid, merge);
    for (const [patch, row] of rows.entries()) {
      const [y, x] = [along(row, grid[0]), along(columns[patch], grid[1])];
      for (const corner of CORNERS) {
        const [down, right] = [corner >> 1, corner & 1];
        indices[corner][index * parts + patch] = BigInt(y.ends[down] * tableSide + x.ends[right]);
        weights[corner][index * parts + patch] = (down ? y.share : 1 - y.share) * (right ? x.share : 1 - x.share);
      }
    }
  }
  return Object.fromEntries(
    CORNERS.flatMap((corner) => [
      [`table_indices_${corner}`, indices[corner]],
      [`table_weights_${corner}`, weights[corner]],
    ]),
  );
}
