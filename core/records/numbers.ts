/** Flattens nested measurements to named numbers, for curves. */

export type Measured = number | null | { readonly [name: string]: Measured };

/** Each number with its path (`heldOut/success`); null, not measured, is left out. */
export function numbersOf(prefix: string, values: Readonly<Record<string, Measured>>): [name: string, value: number][] {
  return Object.entries(values).flatMap(([name, value]) => {
    if (value === null) return [];
    return typeof value === 'number' ? [[`${prefix}${name}`, value]] : numbersOf(`${prefix}${name}/`, value);
  });
}
