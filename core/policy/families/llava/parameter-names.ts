/** Names of LLaVA's parameters: canonical are transformers 5's module paths without the leading `model.`. */
import type { ParameterNames } from '../model-family.ts';
import { peftName } from '../parts/parameter-names.ts';

/** Rewritings in order; each is applied where it fits. */
const REWRITINGS: readonly [RegExp, string][] = [
  [/^model\.mm_projector\.0\./, 'multi_modal_projector.linear_1.'], // original LLaVA
  [/^model\.mm_projector\.2\./, 'multi_modal_projector.linear_2.'],
  [/^model\.vision_tower\.vision_tower\./, 'vision_tower.'],
  // transformers 5 modules, some files of transformers 4
  [/^model\.(vision_tower|language_model|multi_modal_projector|image_newline)\b/, '$1'],
  [/^language_model\.lm_head\./, 'lm_head.'], // transformers 4, and files of 5
  [/^language_model\.model\./, 'language_model.'],
  [/^vision_tower\.vision_model\./, 'vision_tower.'], // transformers 4
  [/^vision_model\./, 'vision_tower.'], // a CLIP model by itself
  [/^model\.(embed_tokens|layers|norm)\b/, 'language_model.$1'], // original LLaVA's decoder
];

/** Computed tables that old releases stored. */
const COMPUTED = [/\.position_ids$/, /\.rotary_emb\.inv_freq$/];

function canonicalName(name: string): string | null {
  const canonical = REWRITINGS.reduce((text, [from, to]) => text.replace(from, to), peftName(name));
  return COMPUTED.some((pattern) => pattern.test(canonical)) ? null : canonical;
}

function fileName(canonical: string): string {
  if (canonical.startsWith('language_model.')) return canonical.replace('language_model.', 'language_model.model.');
  return canonical.startsWith('lm_head.') ? `language_model.${canonical}` : canonical;
}

/**
 * By kind of release: transformers 5, its releases from 4.52, those before, the original
 * LLaVA code.
 */
function modulePaths(canonical: string): string[] {
  const head = canonical === 'lm_head';
  const old = canonical.replace(/^vision_tower\./, 'vision_tower.vision_model.');
  return [
    head ? canonical : `model.${canonical}`,
    head ? canonical : `model.${old}`,
    head ? 'language_model.lm_head' : old.replace(/^language_model\./, 'language_model.model.'),
    old
      .replace(/^language_model\./, 'model.')
      .replace(/^vision_tower\./, 'model.vision_tower.vision_tower.')
      .replace(
        /^multi_modal_projector\.linear_(\d)/,
        (_, index: string) => `model.mm_projector.${2 * (Number(index) - 1)}`,
      ),
  ];
}

export const names: ParameterNames = { canonical: canonicalName, inFile: fileName, modulePaths };
