/**
 * `config.json` of the original LLaVA code (haotian-liu/LLaVA and what was trained with it): one flat object, the
 * vision tower by name.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { checkConfig, readJson } from '../../checkpoint/check-config.ts';
import { CheckpointError } from '../../checkpoint/errors.ts';
import { parseTextConfig } from '../parts/text-config.ts';
import type { LlavaConfig, VisionConfig } from './llava-config.ts';
import { visionConfig, visionSchema } from './vision-config.ts';

const VIT_L_14: VisionConfig = {
  modelType: 'clip',
  hiddenSize: 1024,
  intermediateSize: 4096,
  layers: 24,
  heads: 16,
  imageSize: 336,
  patchSize: 14,
  layerNormEps: 1e-5,
  activation: 'quick_gelu',
};

/** Image side by the last part of `mm_vision_tower`. */
const TOWERS: Readonly<Record<string, number>> = { 'clip-vit-large-patch14-336': 336, 'clip-vit-large-patch14': 224 };

const schema = z.looseObject({
  architectures: z.array(z.string()).nullish(),
  model_type: z.string().optional(),
  mm_vision_tower: z.string(),
  mm_projector_type: z.string().default('linear'),
  mm_vision_select_layer: z.int().default(-2),
  mm_vision_select_feature: z.enum(['patch', 'cls_patch']).default('patch'),
  mm_use_im_start_end: z.boolean().default(false),
});

/** Whether a configuration is in the original layout. */
export function isOriginalLayout(content: unknown): boolean {
  return typeof content === 'object' && content !== null && 'mm_vision_tower' in content && !('text_config' in content);
}

/**
 * The folder of an original checkpoint's vision tower: the path `mm_vision_tower`, relative to the checkpoint, or a
 * folder of that name in or beside it. Null where there is none, or where the checkpoint has another layout.
 */
export function towerFolder(folder: string, content: unknown): string | null {
  if (!isOriginalLayout(content)) return null;
  const tower = String((content as { mm_vision_tower: unknown }).mm_vision_tower);
  const name = path.basename(tower);
  return (
    [path.resolve(folder, tower), path.join(folder, name), path.join(path.dirname(folder), name)].find(
      (one) => one !== folder && existsSync(path.join(one, 'config.json')),
    ) ?? null
  );
}

/**
 * How the original code makes an image a square: LLaVA 1.5 pads it with the mean colour; for 1.6 only the base image is
 * used, which is squeezed. Undefined: as its settings say.
 */
export function originalSquaring(content: object): 'pad' | 'squeeze' | undefined {
  return ({ pad: 'pad', anyres: 'squeeze' } as const)[
    (content as { image_aspect_ratio?: string }).image_aspect_ratio ?? ''
  ];
}

/**
 * Throws `CheckpointError` naming `origin`. `tower`: the vision tower's folder; without one its shape follows from its
 * name.
 */
export function parseOriginalConfig(content: unknown, origin: string, tower: string | null): LlavaConfig {
  const config = checkConfig(schema, content, origin);
  const kind = config.architectures?.[0] ?? config.model_type ?? '';
  const decoder = /mistral/i.test(kind) ? 'mistral' : /mpt|qwen|gemma|mixtral/i.test(kind) ? null : 'llama';
  if (decoder === null)
    throw new CheckpointError(
      `${origin} describes a model of type ${kind}; of the original LLaVA layout, LlavaLlamaForCausalLM and ` +
        `LlavaMistralForCausalLM are supported`,
    );
  if (config.mm_projector_type !== 'mlp2x_gelu')
    throw new CheckpointError(
      `${origin} has a projector of type ${config.mm_projector_type}; only mlp2x_gelu (LLaVA 1.5 and 1.6) is ` +
        `supported`,
    );
  if (config.mm_use_im_start_end)
    throw new CheckpointError(`${origin} sets mm_use_im_start_end, which is not supported; use LLaVA 1.5 or 1.6`);
  return {
    family: 'llava',
    vision: tower === null ? namedTower(config.mm_vision_tower, origin) : readTower(path.join(tower, 'config.json')),
    text: parseTextConfig({ ...(content as object), model_type: decoder }, origin),
    featureLayers: [config.mm_vision_select_layer],
    featureSelect: config.mm_vision_select_feature === 'patch' ? 'default' : 'full',
    projectorActivation: 'gelu',
    projectorBias: true,
    // The original has no token for an image. With byte fallback no text ever becomes the unknown token, so its id can
    // mark the image.
    imageTokenId: 0,
  };
}

function namedTower(tower: string, origin: string): VisionConfig {
  const name = path.basename(tower);
  if (!Object.hasOwn(TOWERS, name))
    throw new CheckpointError(
      `${origin} names the vision tower ${tower}; of the original LLaVA layout, ` +
        `${Object.keys(TOWERS).join(' and ')} are supported, and any CLIP tower whose folder lies beside the ` +
        `checkpoint`,
    );
  return { ...VIT_L_14, imageSize: TOWERS[name] };
}

/** A CLIP model's configuration, or that of its vision part alone. */
function readTower(file: string): VisionConfig {
  const content = readJson(file, 'fetch the vision tower again');
  return visionConfig(
    checkConfig(visionSchema, (content as { vision_config?: unknown }).vision_config ?? content, file),
  );
}
