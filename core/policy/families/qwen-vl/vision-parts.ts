/** What the vision towers of both generations share: inputs, patches, angles, attention within a picture. */
import type { GraphBuilder } from '../../../graph/builder.ts';
import type { ArrayData } from '../../../graph/session.ts';
import { cast, equal, where } from '../../../graph/ops/elementwise.ts';
import { gemm } from '../../../graph/ops/linear-algebra.ts';
import { concat, gatherRows, reshape, split, transpose } from '../../../graph/ops/movement.ts';
import { attention, rotary } from '../../../graph/ops/neural.ts';
import { reduceSum } from '../../../graph/ops/reduction.ts';
import type { Value } from '../../../graph/program.ts';
import type { GraphParameters } from '../../vlm/parameters.ts';
import type { Picture, PictureShape } from '../model-family.ts';
import { HIDDEN_SCORE } from '../parts/causal-attention.ts';
import { patchCoordinates } from './patch-grid.ts';
import type { QwenVisionConfig } from './qwen-config.ts';

/** Which patches attend to each other: those of one group. Null: all patches of a picture. */
export type Hiding = { bias: Value; visible: Value } | null;

/** Angles of patches: `at` int64 [images, patches] into tables [images * patches, head width / 2]. */
export type PatchAngles = { at: Value; cosine: Value; sine: Value };

export class VisionGraph {
  readonly g: GraphBuilder;
  readonly parameters: GraphParameters;
  readonly vision: QwenVisionConfig;
  readonly images: number;
  /** Of the largest picture. */
  readonly patches: number;

  constructor(
    g: GraphBuilder,
    parameters: GraphParameters,
    vision: QwenVisionConfig,
    { images, parts }: PictureShape & { images: number },
  ) {
    this.g = g;
    this.parameters = parameters;
    this.vision = vision;
    this.images = images;
    this.patches = parts;
  }

  /**
   * Patches of the input `pixels` as rows [images * patches, hidden]: a still image is repeated as the second frame.
   */
  embedPatches(): Value {
    const { g, vision, images, patches } = this;
    const { hiddenSize, patchSize } = vision;
    const width = 3 * patchSize ** 2;
    const pixels = g.input('pixels', 'float32', [images * patches, width]);
    const kernel = this.parameters.get('vision_tower.patch_embed.proj.weight');
    const frames = reshape(g, reduceSum(g, kernel, [2]), [hiddenSize, width]);
    const { precision } = this.parameters;
    const bias = this.parameters.has('vision_tower.patch_embed.proj.bias')
      ? this.parameters.get('vision_tower.patch_embed.proj.bias', precision)
      : undefined;
    return gemm(g, cast(g, pixels, precision), cast(g, frames, precision), { transB: true, added: bias });
  }

  /** From the inputs `patch_rows` and `patch_columns`: a quarter of a head's frequencies turns by each. */
  angles(): PatchAngles {
    const { g, vision, images, patches } = this;
    const quarter = vision.hiddenSize / vision.heads / 4;
    const table = (of: (angle: number) => number) =>
      g.constant(
        Float32Array.from({ length: patches * quarter }, (_, index) =>
          of(Math.floor(index / quarter) * vision.ropeTheta ** (-(index % quarter) / quarter)),
        ),
        [patches, quarter],
      );
    const axes = ['patch_rows', 'patch_columns'].map((name) => g.input(name, 'int64', [images * patches]));
    const turned = (of: (angle: number) => number) => {
      const values = table(of);
      return concat(
        g,
        axes.map((at) => gatherRows(g, values, at)),
        1,
      );
    };
    return {
      at: g.ints(
        Array.from({ length: images * patches }, (_, patch) => patch),
        [images, patches],
      ),
      cosine: turned(Math.cos),
      sine: turned(Math.sin),
    };
  }

  /** The mask of patches of other groups, from the input `name` int64 [images, patches]. */
  hiding(name: string): { bias: Value; visible: Value } {
    const { g, images, patches } = this;
    const groups = g.input(name, 'int64', [images, patches]);
    const same = equal(g, reshape(g, groups, [images, 1, patches, 1]), reshape(g, groups, [images, 1, 1, patches]));
    return { bias: where(g, same, g.scalar(0), g.scalar(HIDDEN_SCORE)), visible: cast(g, same, 'float32') };
  }

  /** `x` and its residual [images * patches, hidden]. */
  attend(at: string, x: Value, residual: Value, angles: PatchAngles, hiding: Hiding): Value {
    const { g, vision, images, patches } = this;
    const { hiddenSize, heads } = vision;
    const width = hiddenSize / heads;
    const together = reshape(g, this.parameters.linear(`${at}.qkv`, x), [images, patches, 3 * heads, width]);
    const [q, k, v] = split(g, transpose(g, together, [0, 2, 1, 3]), 1, [heads, heads, heads]);
    const turned = (value: Value) =>
      cast(g, rotary(g, cast(g, value, 'float32'), angles.at, angles.cosine, angles.sine), value.dtype);
    const mixed = attention(g, turned(q), turned(k), v, {
      scale: 1 / Math.sqrt(width),
      group: 1,
      hiding: hiding ?? undefined,
    });
    const rows = reshape(g, transpose(g, mixed, [0, 2, 1, 3]), [images * patches, hiddenSize]);
    return this.parameters.linear(`${at}.proj`, rows, { added: residual });
  }

  /** The patches of a cell side by side: [images * cells, merge^2 * hidden]. */
  joinCells(x: Value): Value {
    const { merge, hiddenSize } = this.vision;
    return reshape(this.g, x, [x.shape[0] / merge ** 2, merge ** 2 * hiddenSize]);
  }
}

/**
 * Feeds of pixels and positions. `groups`: named numbers for each patch of a picture; patches with the same number see
 * each other, and missing patches see only each other.
 */
export function patchFeeds(
  { patchSize, merge }: QwenVisionConfig,
  pictures: readonly Picture[],
  { parts }: PictureShape,
  newPixels: (length: number) => Float32Array,
  groups: Readonly<Record<string, (row: number, column: number, picture: Picture) => number>>,
): Record<string, ArrayData> & { pixels: Float32Array } {
  const length = 3 * patchSize ** 2;
  const count = pictures.length * parts;
  const pixels = newPixels(count * length);
  const coordinates = { patch_rows: new BigInt64Array(count), patch_columns: new BigInt64Array(count) };
  const grouped = Object.fromEntries(Object.keys(groups).map((name) => [name, new BigInt64Array(count).fill(-1n)]));
  for (const [index, picture] of pictures.entries()) {
    const first = index * parts;
    pixels.set(picture.pixels, first * length);
    pixels.fill(0, first * length + picture.pixels.length, (first + parts) * length);
    const { rows, columns } = patchCoordinates(picture.grid, merge);
    for (const [patch, row] of rows.entries()) {
      coordinates.patch_rows[first + patch] = BigInt(row);
      coordinates.patch_columns[first + patch] = BigInt(columns[patch]);
      for (const [name, groupOf] of Object.entries(groups))
        grouped[name][first + patch] = BigInt(groupOf(row, columns[patch], picture));
    }
  }
  return { pixels, ...coordinates, ...grouped };
}
