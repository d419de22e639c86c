/** Writes the JSON schemas that editors use for configuration files: `node configs/write-json-schema.ts`. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { runConfigSchema, sftConfigSchema } from './schema.ts';

/** The schema files beside the configurations, as text. */
export function jsonSchemas(): Record<string, string> {
  const text = (schema: z.ZodType) => `${JSON.stringify(z.toJSONSchema(schema, { io: 'input' }), null, 2)}\n`;
  return { 'run.schema.json': text(runConfigSchema), 'sft.schema.json': text(sftConfigSchema) };
}

if (import.meta.main)
  for (const [name, text] of Object.entries(jsonSchemas())) writeFileSync(path.join(import.meta.dirname, name), text);
