/** Where the way to a target formula counts. */
import type { JsonState } from '../envs/env.ts';

/** The formula of a Points24 state, which must stay a prefix of the target; null for games whose cut does not look at it (spec.md section 2). */
export function formulaAfter(environment: string, state: JsonState): string | null {
  return environment === 'points24' ? (state.formula as readonly string[]).join('') : null;
}
