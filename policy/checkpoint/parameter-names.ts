/** The one table from the names in files to canonical names: transformers 5 module paths without the leading `model.`. */

/** Rewritings in order; each is applied where it fits. */
const REWRITINGS: readonly [RegExp, string][] = [
  [/^base_model\.model\./, ''], // PEFT
  [/^model\.mm_projector\.0\./, 'multi_modal_projector.linear_1.'], // original LLaVA
  [/^model\.mm_projector\.2\./, 'multi_modal_projector.linear_2.'],
  [/^model\.vision_tower\.vision_tower\./, 'vision_tower.'],
  [/^model\.(vision_tower|language_model|multi_modal_projector)\./, '$1.'], // transformers 5
  [/^language_model\.lm_head\./, 'lm_head.'], // transformers 4
  [/^language_model\.model\./, 'language_model.'],
  [/^vision_tower\.vision_model\./, 'vision_tower.'],
  [/^model\.(embed_tokens|layers|norm)\b/, 'language_model.$1'], // original LLaVA's decoder
];

/** Parameters in files that no computation here reads. */
const UNUSED = [/^image_newline$/, /^model\.image_newline$/, /\.position_ids$/, /rotary_emb\.inv_freq$/, /^vision_tower\.post_layernorm\./];

/** The canonical name; null for a parameter that is not used. */
export function canonicalName(name: string): string | null {
  const canonical = REWRITINGS.reduce((text, [from, to]) => text.replace(from, to), name);
  return UNUSED.some((pattern) => pattern.test(canonical)) ? null : canonical;
}

/** The name as transformers 5 writes it into a file. */
export function fileName(canonical: string): string {
  if (canonical.startsWith('language_model.')) return canonical.replace('language_model.', 'language_model.model.');
  return canonical.startsWith('lm_head.') ? `language_model.${canonical}` : canonical;
}
