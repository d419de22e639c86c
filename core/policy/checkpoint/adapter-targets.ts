/** Which layers an adapter's own settings name, matched against the model's module paths as PEFT does. */
import { z } from 'zod';
import type { ParameterNames } from '../families/model-family.ts';
import { CheckpointError } from './errors.ts';

const names = z.union([z.string(), z.array(z.string())]).nullish();

/** The fields of adapter_config.json that choose layers. */
export const targetFields = {
  target_modules: names,
  exclude_modules: names,
  layers_to_transform: z.union([z.int(), z.array(z.int())]).nullish(),
  layers_pattern: names,
};
export type TargetSettings = z.infer<z.ZodObject<typeof targetFields>>;

/** Any list of modules: `...layers.7.`. */
const ANY_LAYER = '[^.]*';

/**
 * Whether the settings name a module, by its path in the Python model; null where they leave it to PEFT. Throws
 * `CheckpointError` naming `origin` for a regular expression that cannot be read.
 */
export function namesModule(settings: TargetSettings, origin: string): ((module: string) => boolean) | null {
  const { target_modules: target, exclude_modules: exclude } = settings;
  if (target === null || target === undefined) return null;
  const chosen = matcher(target, 'target_modules', origin);
  const excluded =
    exclude === null || exclude === undefined || exclude.length === 0
      ? () => false
      : matcher(exclude, 'exclude_modules', origin);
  // PEFT applies layers_to_transform only to lists of endings.
  const layers = typeof target === 'string' ? null : [settings.layers_to_transform ?? []].flat();
  const inLayers = layers === null || layers.length === 0 ? () => true : layerMatcher(settings, layers, origin);
  return (module) =>
    !excluded(module) &&
    ((typeof target !== 'string' && target.includes(module)) || (chosen(module) && inLayers(module)));
}

/** A regular expression for the whole path, or a list of paths and their endings. */
function matcher(wanted: string | readonly string[], field: string, origin: string): (module: string) => boolean {
  if (typeof wanted !== 'string')
    return (module) => wanted.some((name) => module === name || module.endsWith(`.${name}`));
  if (field === 'target_modules' && wanted.toLowerCase() === 'all-linear')
    return (module) => !/(^|\.)(lm_head|embed_tokens|patch_embedding|position_embedding)$/.test(module);
  const pattern = expression(`^(?:${wanted})$`, field, origin);
  return (module) => pattern.test(module);
}

function layerMatcher(
  { layers_pattern: pattern }: TargetSettings,
  layers: readonly number[],
  origin: string,
): (module: string) => boolean {
  const lists = [pattern ?? []].flat().filter((name) => name !== '');
  const patterns =
    lists.length === 0
      ? [expression(`^.*?\\.${ANY_LAYER}\\.(\\d+)\\.`, 'layers_pattern', origin)]
      : lists.map((name) => expression(`^(?:|.*?\\.)(?:${name})\\.(\\d+)\\.`, 'layers_pattern', origin));
  return (module) => {
    const found = patterns.map((pattern) => pattern.exec(module)).find((match) => match !== null);
    return found !== undefined && layers.includes(Number(found.at(-1)));
  };
}

function expression(source: string, field: string, origin: string): RegExp {
  try {
    return new RegExp(source, 'u');
  } catch {
    throw new CheckpointError(
      `${origin}: ${field} is not a regular expression that can be read here; name the modules as a list`,
    );
  }
}

/**
 * The modules of a model (canonical names) that `named` chooses. Their paths follow those in `saved`, the adapted
 * modules in the file, by canonical name.
 */
export function namedModules(
  { modulePaths }: ParameterNames,
  named: (module: string) => boolean,
  modules: readonly string[],
  saved: ReadonlyMap<string, string>,
): string[] {
  const kinds = modulePaths('lm_head').map((_, kind) => kind);
  const kind = kinds.find((each) => [...saved].every(([module, at]) => modulePaths(module)[each] === at));
  const known = new Map([...saved].map(([module, at]) => [part(module), beginning(module, at)]));
  const pathOf = (module: string) => known.get(part(module))?.(module) ?? modulePaths(module)[kind ?? 0];
  return modules.filter((module) => {
    // The original code adapts the decoder before it adds the tower and the projector.
    if (kind === kinds.at(-1) && !isOfDecoder(module) && [...saved.keys()].every(isOfDecoder)) return false;
    return named(saved.get(module) ?? pathOf(module));
  });
}

/** The prefix before the ending that a module's canonical name and its path share is the same for the whole part. */
function beginning(module: string, at: string): (module: string) => string | undefined {
  const [names, steps] = [module.split('.'), at.split('.')];
  while (names.length > 0 && steps.length > 0 && names.at(-1) === steps.at(-1))
    [names, steps].forEach((list) => list.pop());
  const own = names.map((name) => `${name}.`).join('');
  return (other) =>
    other.startsWith(own) ? steps.map((step) => `${step}.`).join('') + other.slice(own.length) : undefined;
}

function part(module: string): string {
  return module.split('.', 1)[0];
}

function isOfDecoder(module: string): boolean {
  return module === 'lm_head' || part(module) === 'language_model';
}
