/** A name as a word of a shell command: in quotes if it contains special characters. */
export function quoted(name: string): string {
  return /^[\w.@%+:/][\w.@%+:/-]*$/.test(name) ? name : `'${name.replaceAll("'", `'\\''`)}'`;
}
