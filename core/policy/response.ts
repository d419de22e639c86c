/** Reading and writing responses: JSON with the template's keys, ending by end of sequence. */
import type { Thought } from '../episodes/episode.ts';

export type ParsedResponse = {
  /** The thought (all keys but `action`) of a well-formed response, else null. */
  thought: Thought | null;
  /**
   * Lower-cased text after the last action key, or a bare value there, from which the environment reads its action;
   * null without an action key.
   */
  actionText: string | null;
};

/**
 * The last `"action":` of a response, with or without spaces before the colon: the index of its opening quote and of
 * its value; null: there is none.
 */
export function lastActionKey(text: string): { start: number; end: number } | null {
  const found = [...text.matchAll(/"action"\s*:/g)].at(-1);
  return found === undefined ? null : { start: found.index, end: found.index + found[0].length };
}

/**
 * Well-formed = parses as a JSON object, in a code block or not, with exactly the template's keys in any order (values:
 * text, numbers, or lists of them) and ended by end of sequence (docs/spec.md section 7).
 */
export function parseResponse(text: string, keys: readonly string[], ended: boolean): ParsedResponse {
  const key = lastActionKey(text);
  return {
    thought: ended ? parseThought(withoutFence(text), keys) : null,
    actionText: key === null ? null : actionValue(text.slice(key.end)).toLowerCase(),
  };
}

/** Games read the first quoted text; after a bare value (`10`) the rest is dropped. */
function actionValue(rest: string): string {
  return /^\s*([^"[{,}\s][^"[{,}]*)(?=[,}])/.exec(rest)?.[1] ?? rest;
}

/** The content of a Markdown code block that is the whole text. */
function withoutFence(text: string): string {
  return /^\s*```(?:json)?\s([^]*)```\s*$/i.exec(text)?.[1] ?? text;
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

/** Models write cards with and without quotes, so numbers become text. */
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
