/** Checks a JSON configuration against its schema, with one sentence for the first fault. */
import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import { CheckpointError } from './errors.ts';

/** The checked content. Throws `CheckpointError` naming `origin` and the field. */
export function checkConfig<S extends z.ZodType>(schema: S, content: unknown, origin: string): z.infer<S> {
  const result = schema.safeParse(content);
  if (result.success) return result.data;
  const [{ path, message }] = result.error.issues;
  const value = path.reduce<unknown>(
    (object, key) => (object as Record<PropertyKey, unknown> | undefined)?.[key],
    content,
  );
  const found = value === undefined || typeof value === 'object' ? '' : ` (it is ${JSON.stringify(value)})`;
  throw new CheckpointError(`${origin}: ${path.length === 0 ? 'the content' : path.join('.')}: ${message}${found}`);
}

/** The content of a JSON file; `remedy` says what to do when it cannot be read. Throws `CheckpointError`. */
export function readJson(file: string, remedy: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const what = missing ? `There is no ${file}` : `${file} cannot be read (${(error as Error).message})`;
    throw new CheckpointError(`${what}; ${remedy}`);
  }
}

/** Throws `CheckpointError` for fields that do not fit together. */
export function unusable(origin: string, what: string): never {
  throw new CheckpointError(
    `${origin}: ${what}; the file does not describe a model that can be computed: fetch it again`,
  );
}
