/**
 * Every parameter of a LLaVA-architecture model with its shape: the parameters that a checkpoint must hold, and those
 * of a new model.
 */
import { type Entry, linear, norm, textShapes } from '../parts/parameter-shapes.ts';
import { encoderBlockShapes } from '../parts/vision-encoder.ts';
import { type LlavaConfig, towerTokens, type VisionConfig } from './llava-config.ts';

/** Canonical name to shape, in the order of the forward pass. */
export function parameterShapes(config: LlavaConfig): Map<string, readonly number[]> {
  return new Map([...visionShapes(config.vision), ...projectorShapes(config), ...textShapes(config.text)]);
}

/**
 * Parameters in files that nothing here reads: the tower's last norm and SigLIP's pooling head come after every feature
 * layer, and LLaVA 1.6's row ends are not needed for the base image alone. `written`: a config.json.
 */
export function unreadShapes(
  { vision, text }: LlavaConfig,
  written?: { model_type?: unknown; vision_config?: { vision_use_head?: boolean } },
): Map<string, readonly number[]> {
  const shapes = new Map(norm('vision_tower.post_layernorm', vision.hiddenSize));
  if (vision.modelType === 'siglip' && written?.vision_config?.vision_use_head !== false)
    for (const [name, shape] of poolingHeadShapes(vision)) shapes.set(name, shape);
  if (written === undefined || written.model_type === 'llava_next') shapes.set('image_newline', [text.hiddenSize]);
  return shapes;
}

/** Number of vision layers to compute: those after the last feature layer are never read. */
export function usedVisionLayers({ vision, featureLayers }: LlavaConfig): number {
  return Math.max(...featureLayers.map((layer) => (layer < 0 ? vision.layers + 1 + layer : layer)));
}

function poolingHeadShapes({ hiddenSize, intermediateSize }: VisionConfig): Entry[] {
  const at = 'vision_tower.head';
  return [
    [`${at}.probe`, [1, 1, hiddenSize]],
    [`${at}.attention.in_proj_weight`, [3 * hiddenSize, hiddenSize]],
    [`${at}.attention.in_proj_bias`, [3 * hiddenSize]],
    ...linear(`${at}.attention.out_proj`, hiddenSize, hiddenSize, true),
    ...norm(`${at}.layernorm`, hiddenSize),
    ...linear(`${at}.mlp.fc1`, intermediateSize, hiddenSize, true),
    ...linear(`${at}.mlp.fc2`, hiddenSize, intermediateSize, true),
  ];
}

function visionShapes(vision: VisionConfig): Entry[] {
  const { modelType, hiddenSize, intermediateSize, layers, patchSize } = vision;
  return [
    ...(modelType === 'clip' ? ([['vision_tower.embeddings.class_embedding', [hiddenSize]]] as Entry[]) : []),
    ['vision_tower.embeddings.patch_embedding.weight', [hiddenSize, 3, patchSize, patchSize]],
    ...(modelType === 'siglip' ? ([['vision_tower.embeddings.patch_embedding.bias', [hiddenSize]]] as Entry[]) : []),
    ['vision_tower.embeddings.position_embedding.weight', [towerTokens(vision), hiddenSize]],
    ...(modelType === 'clip' ? norm('vision_tower.pre_layrnorm', hiddenSize) : []),
    ...Array.from({ length: layers }, (_, index) => encoderBlockShapes(hiddenSize, intermediateSize, index)).flat(),
  ];
}

function projectorShapes({ vision, text, featureLayers, projectorBias }: LlavaConfig): Entry[] {
  return [
    ...linear(
      'multi_modal_projector.linear_1',
      text.hiddenSize,
      vision.hiddenSize * featureLayers.length,
      projectorBias,
    ),
    ...linear('multi_modal_projector.linear_2', text.hiddenSize, text.hiddenSize, projectorBias),
  ];
}
