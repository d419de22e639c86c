/** The model families, by name. */
import type { VlmConfig } from '../vlm-config.ts';
import { llava } from './llava/llava.ts';
import type { ModelFamily } from './model-family.ts';
import { qwen25Vl } from './qwen2_5-vl/qwen2_5-vl.ts';
import { qwen3Vl } from './qwen3-vl/qwen3-vl.ts';
import { smolVlm } from './smolvlm/smolvlm.ts';

const FAMILIES: { readonly [name in VlmConfig['family']]: ModelFamily } = {
  llava,
  qwen2_5_vl: qwen25Vl,
  qwen3_vl: qwen3Vl,
  smolvlm: smolVlm,
};

export function familyOf({ family }: Pick<VlmConfig, 'family'>): ModelFamily {
  return FAMILIES[family];
}

/** All of them, in the order in which a `config.json` is tried. */
export const families: readonly ModelFamily[] = Object.values(FAMILIES);
