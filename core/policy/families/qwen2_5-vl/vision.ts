/** The vision tower and merger of Qwen2.5-VL. */
import type { GraphBuilder } from '../../../graph/builder.ts';
import { cast, gelu } from '../../../graph/ops/elementwise.ts';
import { gatedSilu, rmsNorm } from '../../../graph/ops/neural.ts';
import type { Value } from '../../../graph/program.ts';
import type { GraphParameters } from '../../vlm/parameters.ts';
import type { ImageFeatures, InLayer, PictureShape } from '../model-family.ts';
import { VisionGraph } from '../qwen-vl/vision-parts.ts';
import type { Qwen25Config } from './qwen2_5-vl.ts';

/** Epsilon of every norm in the tower, whatever the decoder's is. */
const EPSILON = 1e-6;

/** [images * cells, hidden of the decoder]. */
export function imageFeatures(
  g: GraphBuilder,
  parameters: GraphParameters,
  { vision }: Qwen25Config,
  shape: PictureShape & { images: number },
  inLayer: InLayer,
): ImageFeatures {
  const tower = new VisionGraph(g, parameters, vision, shape);
  const normed = (name: string, x: Value) =>
    cast(g, rmsNorm(g, cast(g, x, 'float32'), parameters.get(`${name}.weight`), EPSILON), x.dtype);
  let x = tower.embedPatches();
  const angles = tower.angles();
  const within = tower.hiding('patch_windows');
  const whole = shape.padded ? tower.hiding('patch_pictures') : null;
  for (let index = 0; index < vision.layers; index++) {
    const at = `vision_tower.blocks.${index}`;
    const entering = x;
    x = inLayer(() => {
      const hiding = vision.fullBlocks.includes(index) ? whole : within;
      const attended = tower.attend(`${at}.attn`, normed(`${at}.norm1`, entering), entering, angles, hiding);
      const inner = normed(`${at}.norm2`, attended);
      const gated = gatedSilu(
        g,
        parameters.linear(`${at}.mlp.gate_proj`, inner),
        parameters.linear(`${at}.mlp.up_proj`, inner),
      );
      return parameters.linear(`${at}.mlp.down_proj`, gated, { added: attended });
    });
  }
  const merger = 'multi_modal_projector.merger';
  const cells = tower.joinCells(normed(`${merger}.ln_q`, x));
  const opened = parameters.linear(`${merger}.mlp.0`, cells);
  const features = parameters.linear(`${merger}.mlp.2`, cast(g, gelu(g, cast(g, opened, 'float32')), opened.dtype));
  return { features, deepstack: [] };
}
