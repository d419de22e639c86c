/** Reading and writing responses: JSON with the template's keys, ending by end of sequence. */
import type { Thought } from '../episodes/episode.ts';

export type ParsedResponse = {
  /** The thought (all keys but `action`) of a well-formed response, else null. */
  thought: Thought | null;
  /**
   * Lower-cased text after the last action key, from which the environment reads its action; null without an action
   * key.
   */
  actionText: string | null;
};

/**
 * Well-formed = parses as a JSON object with exactly the template's keys (values: text, numbers, or lists of them) and
 * ended by end of sequence.
 */
export function parseResponse(text: string, keys: readonly string[], ended: boolean): ParsedResponse {
  const keyStart = text.lastIndexOf('"action":');
  const actionText = keyStart < 0 ? null : text.slice(keyStart + '"action":'.length).toLowerCase();
  return { thought: ended ? parseThought(text, keys) : null, actionText };
}

function parseThought(text: string, keys: readonly string[]): Thought | null {
  let object: unknown;
  try {
    object = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof object !== 'object' || object === null || Array.isArray(object)) return null;
  const record = object as Record<string, unknown>;
  if (Object.keys(record).length !== keys.length) return null;
  const thought: Record<string, string | string[]> = {};
  for (const key of keys) {
    const value = thoughtValue(record[key]);
    if (value === null) return null;
    if (key !== 'action') thought[key] = value;
  }
  return thought;
}

/** Models write cards with and without quotes: numbers count as their text. */
function thoughtValue(value: unknown): string | string[] | null {
  if (Array.isArray(value)) {
    const items = value.map(thoughtValue);
    return items.every((item) => typeof item === 'string') ? items : null;
  }
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : null;
}

/** The response with this thought and action, keys in the template's order, without spaces. */
export function renderResponse(thought: Thought, action: string, keys: readonly string[]): string {
  return JSON.stringify(Object.fromEntries(keys.map((key) => [key, key === 'action' ? action : thought[key]])));
}
