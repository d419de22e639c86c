/** Reads a run's configuration: a JSON file and `--set a.b=c` changes, checked before anything starts. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { z } from 'zod';
import { PROJECT } from '../configs/project-folder.ts';
import { withField } from '../configs/live-settings.ts';
import { parseConfig } from '../configs/schema.ts';
import { currentName } from '../configs/schema/renamed.ts';
import { UsageError } from './errors.ts';

/** Reads and checks a configuration; a bare name means `configs/<name>.json` of the project. */
export function readConfig<T extends z.ZodType>(schema: T, nameOrPath: string, changes: readonly string[]): z.infer<T> {
  const named = path.join(PROJECT, 'configs', `${nameOrPath}.json`);
  const file = existsSync(nameOrPath) || !existsSync(named) ? nameOrPath : named;
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new UsageError(
      `${file}: cannot be read as JSON (${(error as Error).message}); give --config a file such as ` +
        `configs/quickstart.json.`,
    );
  }
  return applyChanges(schema, content, changes, file);
}

/** A configuration with its changes, checked; `origin` names its source. */
export function applyChanges<T extends z.ZodType>(
  schema: T,
  content: unknown,
  changes: readonly string[],
  origin: string,
): z.infer<T> {
  return parseConfig(schema, changes.reduce(applyChange, content), origin);
}

/** `a.b=c` sets field b of a; c is read as JSON, or as text where it is not JSON. */
export function applyChange(content: unknown, change: string): unknown {
  const [field, value] = parseChange(change);
  return withField(content, field, value);
}

/** The field and the value of `a.b=c`. */
export function parseChange(change: string): [field: string, value: unknown] {
  const [, field, text] = /^([\w.]+)=([^]*)$/.exec(change) ?? [];
  if (field === undefined) throw new UsageError(`${change}: must look like optimizer.lr=0.001.`);
  return [currentName(field), parseValue(text)];
}

function parseValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
