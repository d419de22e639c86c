/**
 * Reads a configuration by its shape, the JSON schema generated from `schema.ts` (`schema/*.shape.json`). It reports
 * the same as zod, in the same words, with a hundredth of its memory. Workflow code uses it, which is loaded once for
 * each workflow that a worker keeps.
 */
import type { Problem } from './config-rules.ts';

type Type = 'object' | 'array' | 'string' | 'number' | 'integer' | 'boolean' | 'null';

/** The part of JSON Schema that the shapes use. */
export type Shape = {
  type?: Type | readonly [Type, 'null'];
  default?: unknown;
  properties?: Readonly<Record<string, Shape>>;
  required?: readonly string[];
  /** A table with any keys. */
  propertyNames?: Shape;
  additionalProperties?: false | Shape;
  items?: Shape;
  anyOf?: readonly Shape[];
  oneOf?: readonly Shape[];
  enum?: readonly string[];
  const?: string;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  minLength?: number;
  minItems?: number;
  pattern?: string;
  patternErrorMessage?: string;
  /** Message for a value of another type. */
  errorMessage?: string;
};

/**
 * The value with its defaults filled in, and its faults. `unknown`: unknown keys; `limit`: right type, but beyond a
 * limit.
 */
type Read = { value: unknown; problems: (Problem & { unknown?: readonly string[]; limit?: true })[] };

export function readShape(shape: Shape, given: unknown, path: readonly PropertyKey[] = []): Read {
  const value = given === undefined && 'default' in shape ? copyOf(shape.default) : given;
  const options = shape.anyOf ?? shape.oneOf;
  if (options !== undefined) return readOption(options, value, path);
  if (shape.const !== undefined)
    return value === shape.const ? fine(value) : wrong(value, path, `Invalid input: expected "${shape.const}"`);
  if (shape.enum !== undefined)
    return shape.enum.includes(value as string)
      ? fine(value)
      : wrong(value, path, `Invalid option: expected one of ${shape.enum.map((one) => `"${one}"`).join('|')}`);
  const [declared, nullable] = typeof shape.type === 'object' ? shape.type : [shape.type];
  if (value === null && nullable !== undefined) return fine(value);
  const type = declared === 'integer' ? 'number' : declared;
  if (type !== undefined && typeOf(value) !== type)
    return wrong(
      value,
      path,
      shape.errorMessage ??
        `Invalid input: expected ${shape.propertyNames === undefined ? type : 'record'}, received ` +
          `${given === undefined ? 'undefined' : typeOf(value)}`,
    );
  if (type === 'object') return readObject(shape, value as Record<string, unknown>, path);
  if (type === 'array') return readArray(shape, value as unknown[], path);
  if (declared === 'integer' && !Number.isInteger(value))
    return wrong(value, path, 'Invalid input: expected int, received number');
  const problems = [...limitProblems(shape, value, declared === 'integer')];
  return { value, problems: problems.map((message) => ({ path, message, limit: true })) };
}

function fine(value: unknown): Read {
  return { value, problems: [] };
}

function wrong(value: unknown, path: readonly PropertyKey[], message: string): Read {
  return { value, problems: [{ path, message }] };
}

/** Null, one of several objects told apart by `kind`, or any of several shapes. */
function readOption(options: readonly Shape[], value: unknown, path: readonly PropertyKey[]): Read {
  const some = options.filter(({ type }) => type !== 'null');
  if (value === null && some.length < options.length) return fine(value);
  if (some.length === 1) return readShape(some[0], value, path);
  const kinds = some.map(({ properties }) => properties?.kind?.const);
  if (kinds.every((kind) => kind !== undefined) && typeOf(value) === 'object') {
    const chosen = kinds.indexOf((value as { kind: string }).kind);
    return chosen < 0
      ? wrong(
          value,
          [...path, 'kind'],
          `Invalid discriminator value. Expected ${kinds.map((kind) => `'${kind}'`).join(' | ')}`,
        )
      : readShape(some[chosen], value, path);
  }
  if (kinds.every((kind) => kind !== undefined))
    return wrong(value, path, `Invalid input: expected object, received ${typeOf(value)}`);
  const reads = some.map((option) => readShape(option, value, path));
  const [meant, another] = reads.filter(({ problems }) => problems.every(({ limit }) => limit));
  return (
    reads.find(({ problems }) => problems.length === 0) ??
    (meant !== undefined && another === undefined ? meant : wrong(value, path, 'Invalid input'))
  );
}

function readObject(shape: Shape, value: Record<string, unknown>, path: readonly PropertyKey[]): Read {
  const { properties = {}, additionalProperties } = shape;
  const read = Object.entries(properties).flatMap(([name, inner]) => {
    const given = Object.hasOwn(value, name) ? value[name] : undefined;
    if (given === undefined && !('default' in inner) && !shape.required?.includes(name)) return [];
    return [[name, readShape(inner, given, [...path, name])] as const];
  });
  const known = read.map(([name, one]) => [name, one.value] as const);
  const problems = read.flatMap(([, one]) => one.problems);
  const others = Object.keys(value).filter((name) => !Object.hasOwn(properties, name));
  if (additionalProperties !== false)
    return { value: Object.fromEntries([...known, ...others.map((name) => [name, value[name]] as const)]), problems };
  return {
    value: Object.fromEntries(known),
    problems: others.length === 0 ? problems : [...problems, { path, message: 'unknown key', unknown: others }],
  };
}

function readArray(shape: Shape, values: unknown[], path: readonly PropertyKey[]): Read {
  const read = values.map((value, index) => readShape(shape.items ?? {}, value, [...path, index]));
  const short = values.length < (shape.minItems ?? 0);
  return {
    value: read.map(({ value }) => value),
    problems: [
      ...read.flatMap(({ problems }) => problems),
      ...(short ? [{ path, message: `Too small: expected array to have >=${shape.minItems} items` }] : []),
    ],
  };
}

function* limitProblems(shape: Shape, value: unknown, whole: boolean): Generator<string> {
  if (typeof value === 'number') {
    const {
      minimum = -Infinity,
      maximum = Infinity,
      exclusiveMinimum = -Infinity,
      exclusiveMaximum = Infinity,
    } = shape;
    // Beyond these bounds whole numbers are no longer exact.
    const safe = Number.MAX_SAFE_INTEGER;
    if (whole && value < -safe) yield `Too small: expected int to be >=${-safe}`;
    if (whole && value > safe) yield `Too big: expected int to be <=${safe}`;
    if (value < minimum) yield `Too small: expected number to be >=${minimum}`;
    if (value <= exclusiveMinimum) yield `Too small: expected number to be >${exclusiveMinimum}`;
    if (value > maximum) yield `Too big: expected number to be <=${maximum}`;
    if (value >= exclusiveMaximum) yield `Too big: expected number to be <${exclusiveMaximum}`;
  } else if (typeof value === 'string') {
    const { minLength = 0, pattern } = shape;
    if (value.length < minLength) yield `Too small: expected string to have >=${minLength} characters`;
    if (pattern !== undefined && !new RegExp(pattern).test(value))
      yield shape.patternErrorMessage ?? `Invalid string: must match pattern /${pattern}/`;
  }
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

/** JSON values only: workflow code has no `structuredClone`. */
function copyOf(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
