/** The model families, by name. */
import type { VlmConfig } from '../vlm-config.ts';
import { llava } from './llava/llava.ts';
import type { ModelFamily } from './model-family.ts';

const FAMILIES: { readonly [name in VlmConfig['family']]: ModelFamily } = { llava };

export function familyOf({ family }: Pick<VlmConfig, 'family'>): ModelFamily {
  return FAMILIES[family];
}

/** All of them, in the order in which a `config.json` is tried. */
export const families: readonly ModelFamily[] = Object.values(FAMILIES);
