/** Numbers of nested measurements under one name each, as curves show them. */

export type Measured = number | null | { readonly [name: string]: Measured };

/** Each number with the way to it (`heldOut/success`); what was not measured (null) is left out. */
export function numbersOf(prefix: string, values: Readonly<Record<string, Measured>>): [name: string, value: number][] {
  return Object.entries(values).flatMap(([name, value]) => {
    if (value === null) return [];
    return typeof value === 'number' ? [[`${prefix}${name}`, value]] : numbersOf(`${prefix}${name}/`, value);
  });
}
