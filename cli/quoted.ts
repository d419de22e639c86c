/** A name as a word of a shell's command line: in quotes where it holds more than plain letters. */
export function quoted(name: string): string {
  return /^[\w.@%+:/][\w.@%+:/-]*$/.test(name) ? name : `'${name.replaceAll("'", `'\\''`)}'`;
}
