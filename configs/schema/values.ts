/** Common parts of a configuration's sections. */
import { z } from 'zod';

/** The names of a table, for an enum. */
export function namesOf<T extends object>(table: T): [keyof T & string, ...(keyof T & string)[]] {
  return Object.keys(table) as [keyof T & string, ...(keyof T & string)[]];
}

/** `name: summary; ...` of a table. */
export function summaries(table: Readonly<Record<string, { summary: string }>>): string {
  return `${Object.entries(table)
    .map(([name, { summary }]) => `${name}: ${summary}`)
    .join('; ')}.`;
}

export const probability = z.number().min(0).max(1);
export const positive = z.int().min(1);

/** Episodes played together, each with its state and its picture in memory. */
export const MOST_EPISODES = 65_536;

/** Pixels on each side of a drawn scene. */
export const pictureSize = positive.max(4096);
