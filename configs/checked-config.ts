/** Checks configurations without zod, in workflow code. The same as `parseConfig` of `schema.ts`. */
import { ConfigError } from './config-error.ts';
import { type Problem, runProblems, sftProblems } from './config-rules.ts';
import { describeProblems } from './describe-problems.ts';
import { readShape, type Shape } from './read-shape.ts';
import runShape from './schema/run.shape.json' with { type: 'json' };
import type { RunConfig, SftConfig } from './schema.ts';
import { withCurrentNames } from './schema/renamed.ts';
import sftShape from './schema/sft.shape.json' with { type: 'json' };

/** `origin` names the source in the one sentence of the `ConfigError`. */
export function checkedRunConfig(input: unknown, origin: string): RunConfig {
  return checked(runShape as unknown as Shape, runProblems, 'configs/run.schema.json', input, origin);
}

export function checkedSftConfig(input: unknown, origin: string): SftConfig {
  return checked(sftShape as unknown as Shape, sftProblems, 'configs/sft.schema.json', input, origin);
}

function checked<T>(
  shape: Shape,
  rules: (config: T) => Problem[],
  schemaFile: string,
  input: unknown,
  origin: string,
): T {
  const { value, problems } = readShape(shape, withCurrentNames(input));
  const wrong = problems.length > 0 ? problems : rules(value as T);
  if (wrong.length === 0) return value as T;
  throw new ConfigError(`${origin}: ${describeProblems(wrong, schemaFile)}.`);
}
