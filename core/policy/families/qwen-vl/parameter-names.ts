/** Names of the parameters of Qwen vision-language models. */
import type { ParameterNames } from '../model-family.ts';
import { peftName } from '../parts/parameter-names.ts';

const REWRITINGS: readonly [RegExp, string][] = [
  [/^model\.visual\./, 'visual.'], // the modules' own names since transformers 4.52
  [/^visual\.(merger\.|deepstack_merger_list\.)/, 'multi_modal_projector.$1'],
  [/^visual\./, 'vision_tower.'],
  [/^model\.language_model\./, 'language_model.'],
  [/^model\.(embed_tokens|layers|norm)\b/, 'language_model.$1'], // files on the hub, adapters from before 4.52
];

const canonical = (name: string) => REWRITINGS.reduce((text, [from, to]) => text.replace(from, to), peftName(name));

const visual = (name: string) => name.replace(/^(vision_tower|multi_modal_projector)\./, 'visual.');

/** Since transformers 4.52. */
const module = (name: string) => (name.startsWith('lm_head') ? name : `model.${visual(name)}`);

/** Before, and in files of Qwen2.5 still. */
const olderModule = (name: string) => visual(name).replace(/^language_model\./, 'model.');

export const qwen25Names: ParameterNames = {
  canonical,
  inFile: olderModule,
  modulePaths: (name) => [module(name), olderModule(name)],
};

export const qwen3Names: ParameterNames = { canonical, inFile: module, modulePaths: (name) => [module(name)] };
