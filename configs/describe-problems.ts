/** The sentence on what is wrong with a configuration. */
import type { Problem } from './config-rules.ts';

/** The first problem, and how many more there are. `schemaFile`: where people find the keys; undefined: nowhere. */
export function describeProblems(
  [first, ...more]: readonly (Problem & { unknown?: readonly string[] })[],
  schemaFile: string | undefined,
): string {
  const place = first.path.join('.');
  const others = more.length > 0 ? ` (and ${more.length} more)` : '';
  if (first.unknown === undefined) return `${place || 'the configuration'}: ${first.message}${others}`;
  const keys = first.unknown.map((key) => `"${key}"`).join(', ');
  const known = schemaFile === undefined ? '' : `; see ${schemaFile} for the known ones`;
  return `unknown key ${keys}${place === '' ? '' : ` in ${place}`}${known}${others}`;
}
