/** Writes the JSON schemas that editors use for configuration files: `node configs/write-json-schema.ts`. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { runConfigSchema, sftConfigSchema } from './schema.ts';

/** The schema files beside the configurations, and the shapes for `read-shape.ts`, as text. */
export function jsonSchemas(): Record<string, string> {
  const text = (value: unknown, indent?: number) => `${JSON.stringify(value, null, indent)}\n`;
  return Object.fromEntries(
    Object.entries({ run: runConfigSchema, sft: sftConfigSchema }).flatMap(([name, schema]) => {
      const whole = z.toJSONSchema(schema, { io: 'input' });
      return [
        [`${name}.schema.json`, text(asWritten(whole), 2)],
        [`schema/${name}.shape.json`, text(withoutWords(whole))],
      ];
    }),
  );
}

/** Files may leave out `environment` if they name `environments`. */
function asWritten({ required = [], ...schema }: z.core.JSONSchema.BaseSchema): object {
  return {
    ...schema,
    required: required.filter((name) => name !== 'environment'),
    anyOf: [{ required: ['environment'] }, { required: ['environments'] }],
  };
}

/** Descriptions are left out, because each workflow that a worker keeps holds a copy. */
function withoutWords(schema: unknown, names = false): unknown {
  if (typeof schema !== 'object' || schema === null) return schema;
  if (Array.isArray(schema)) return schema.map((one) => withoutWords(one));
  const kept = Object.entries(schema).filter(([key]) => names || !['$schema', 'description'].includes(key));
  return Object.fromEntries(
    kept.map(([key, value]) => [key, key === 'default' ? value : withoutWords(value, key === 'properties')]),
  );
}

if (import.meta.main)
  for (const [name, text] of Object.entries(jsonSchemas())) writeFileSync(path.join(import.meta.dirname, name), text);
