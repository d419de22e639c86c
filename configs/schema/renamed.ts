/** Fields that were renamed, or that follow from others. Configurations (recorded ones too) may use the old names. */
import { withFirstEnvironment } from '../mixture.ts';

/** Old name -> new name, both within one section. */
const RENAMED = [{ section: 'corrector', old: 'policy', now: 'ask' }] as const;

/**
 * The configuration with renamed fields under their new names, and with its first environment where it mixes several. A
 * configuration with both names keeps both.
 */
export function withCurrentNames(config: unknown): unknown {
  let result = config;
  for (const { section, old, now } of RENAMED) {
    const fields = isObject(result) ? result[section] : undefined;
    if (!isObject(fields) || !(old in fields) || now in fields) continue;
    const { [old]: value, ...others } = fields;
    result = { ...(result as object), [section]: { ...others, [now]: value } };
  }
  return withFirstEnvironment(result);
}

/** `corrector.ask` for `corrector.policy`; any other field unchanged. */
export function currentName(field: string): string {
  const renamed = RENAMED.find(({ section, old }) => field === `${section}.${old}`);
  return renamed === undefined ? field : `${renamed.section}.${renamed.now}`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
