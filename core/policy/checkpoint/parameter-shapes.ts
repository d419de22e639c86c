/**
 * Every parameter of a LLaVA-architecture model with its shape: what a checkpoint must hold, and what a new model is
 * made of.
 */
import type { TextConfig, VisionConfig, VlmConfig } from '../vlm-config.ts';

/** Canonical name to shape, in the order of the forward pass. */
export function parameterShapes(config: VlmConfig): Map<string, readonly number[]> {
  return new Map([...visionShapes(config.vision), ...projectorShapes(config), ...textShapes(config.text)]);
}

/** LLaVA 1.6's end of an image row: read by nothing here, because only the base image is used. */
export const IMAGE_NEWLINE = 'image_newline';

/** Parameters that files hold although nothing here reads them: no feature layer lies behind the tower's last norm. */
export function unreadShapes({ vision, text }: VlmConfig): Map<string, readonly number[]> {
  return new Map([...norm('vision_tower.post_layernorm', vision.hiddenSize), [IMAGE_NEWLINE, [text.hiddenSize]]]);
}

/** Hidden layers of the value head and its scalar output: Linear-ReLU-Linear-ReLU-Linear. */
export function valueHeadShapes(config: VlmConfig, hidden: readonly number[]): Map<string, readonly number[]> {
  const widths = [config.text.hiddenSize, ...hidden, 1];
  return new Map(
    widths.slice(1).flatMap((width, layer) => linear(`value_head.${2 * layer}`, width, widths[layer], true)),
  );
}

/** Vision layers that are computed: those behind the last feature layer are never read. */
export function usedVisionLayers({ vision, featureLayers }: VlmConfig): number {
  return Math.max(...featureLayers.map((layer) => (layer < 0 ? vision.layers + 1 + layer : layer)));
}

type Entry = [string, readonly number[]];

function linear(name: string, outputs: number, inputs: number, bias: boolean): Entry[] {
  return [[`${name}.weight`, [outputs, inputs]], ...(bias ? [[`${name}.bias`, [outputs]] as Entry] : [])];
}

function norm(name: string, size: number): Entry[] {
  return [
    [`${name}.weight`, [size]],
    [`${name}.bias`, [size]],
  ];
}

function visionShapes({ hiddenSize, intermediateSize, layers, imageSize, patchSize }: VisionConfig): Entry[] {
  const positions = Math.floor(imageSize / patchSize) ** 2 + 1;
  const layer = (index: number): Entry[] => {
    const at = `vision_tower.encoder.layers.${index}`;
    return [
      ...norm(`${at}.layer_norm1`, hiddenSize),
      ...['q_proj', 'k_proj', 'v_proj', 'out_proj'].flatMap((name) =>
        linear(`${at}.self_attn.${name}`, hiddenSize, hiddenSize, true),
      ),
      ...norm(`${at}.layer_norm2`, hiddenSize),
      ...linear(`${at}.mlp.fc1`, intermediateSize, hiddenSize, true),
      ...linear(`${at}.mlp.fc2`, hiddenSize, intermediateSize, true),
    ];
  };
  return [
    ['vision_tower.embeddings.class_embedding', [hiddenSize]],
    ['vision_tower.embeddings.patch_embedding.weight', [hiddenSize, 3, patchSize, patchSize]],
    ['vision_tower.embeddings.position_embedding.weight', [positions, hiddenSize]],
    ...norm('vision_tower.pre_layrnorm', hiddenSize),
    ...Array.from({ length: layers }, (_, index) => layer(index)).flat(),
  ];
}

function projectorShapes({ vision, text, featureLayers, projectorBias }: VlmConfig): Entry[] {
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

function textShapes({
  hiddenSize,
  intermediateSize,
  layers,
  heads,
  keyValueHeads,
  headDim,
  vocabSize,
  attentionBias,
  mlpBias,
  tiedEmbeddings,
}: TextConfig): Entry[] {
  const layer = (index: number): Entry[] => {
    const at = `language_model.layers.${index}`;
    return [
      [`${at}.input_layernorm.weight`, [hiddenSize]],
      ...linear(`${at}.self_attn.q_proj`, heads * headDim, hiddenSize, attentionBias),
      ...linear(`${at}.self_attn.k_proj`, keyValueHeads * headDim, hiddenSize, attentionBias),
      ...linear(`${at}.self_attn.v_proj`, keyValueHeads * headDim, hiddenSize, attentionBias),
      ...linear(`${at}.self_attn.o_proj`, hiddenSize, heads * headDim, attentionBias),
      [`${at}.post_attention_layernorm.weight`, [hiddenSize]],
      ...linear(`${at}.mlp.gate_proj`, intermediateSize, hiddenSize, mlpBias),
      ...linear(`${at}.mlp.up_proj`, intermediateSize, hiddenSize, mlpBias),
      ...linear(`${at}.mlp.down_proj`, hiddenSize, intermediateSize, mlpBias),
    ];
  };
  return [
    ['language_model.embed_tokens.weight', [vocabSize, hiddenSize]],
    ...Array.from({ length: layers }, (_, index) => layer(index)).flat(),
    ['language_model.norm.weight', [hiddenSize]],
    ...(tiedEmbeddings ? [] : ([['lm_head.weight', [vocabSize, hiddenSize]]] as Entry[])),
  ];
}
