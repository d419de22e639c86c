/** Names and shapes of the parameters that several families have. */
import type { CommonConfig, TextConfig } from '../../vlm-config.ts';

export type Entry = [string, readonly number[]];

export function linear(name: string, outputs: number, inputs: number, bias: boolean): Entry[] {
  return [[`${name}.weight`, [outputs, inputs]], ...(bias ? [[`${name}.bias`, [outputs]] as Entry] : [])];
}

export function norm(name: string, size: number): Entry[] {
  return [
    [`${name}.weight`, [size]],
    [`${name}.bias`, [size]],
  ];
}

/** Hidden layers of the value head and its scalar output: Linear-ReLU-Linear-ReLU-Linear. */
export function valueHeadShapes(config: CommonConfig, hidden: readonly number[]): Map<string, readonly number[]> {
  const widths = [config.text.hiddenSize, ...hidden, 1];
  return new Map(
    widths.slice(1).flatMap((width, layer) => linear(`value_head.${2 * layer}`, width, widths[layer], true)),
  );
}

/** The decoder, its embeddings and head. */
export function textShapes({
  hiddenSize,
  intermediateSize,
  layers,
  heads,
  keyValueHeads,
  headDim,
  vocabSize,
  attentionBias,
  headNorm,
  mlpBias,
  tiedEmbeddings,
}: TextConfig): Entry[] {
  const bias = attentionBias !== 'none';
  const layer = (index: number): Entry[] => {
    const at = `language_model.layers.${index}`;
    return [
      [`${at}.input_layernorm.weight`, [hiddenSize]],
      ...linear(`${at}.self_attn.q_proj`, heads * headDim, hiddenSize, bias),
      ...linear(`${at}.self_attn.k_proj`, keyValueHeads * headDim, hiddenSize, bias),
      ...linear(`${at}.self_attn.v_proj`, keyValueHeads * headDim, hiddenSize, bias),
      ...linear(`${at}.self_attn.o_proj`, hiddenSize, heads * headDim, attentionBias === 'all'),
      ...(headNorm ? ['q_norm', 'k_norm'].map((name): Entry => [`${at}.self_attn.${name}.weight`, [headDim]]) : []),
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
