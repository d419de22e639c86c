/**
 * Splits the texts of a grammar into literal parts, `#symbols#`, `{expressions}` and `[{lists | query}]`, as loosely as
 * TextWorld does.
 */

export type GrammarSymbol =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'symbol'; readonly name: string }
  | Conditional
  | { readonly kind: 'list'; readonly item: Conditional };

/** `{part}` or `{part | query}`: the part once for each solution of the query. */
export type Conditional = { readonly kind: 'conditional'; readonly part: Part; readonly query: string };
export type Part =
  | { readonly kind: 'symbol'; readonly name: string }
  | { readonly kind: 'expression'; readonly source: string };

type Parsed<T> = { readonly value: T; readonly end: number } | null;

/**
 * The symbols of a text up to the first position that fits no rule; the rest is dropped, as in the original (a `;` in a
 * goal ends it). Blanks and `//` comments at the beginning of a line, and tabs anywhere, are skipped where a symbol
 * begins; `"quoted"` text loses its quotes.
 */
export function readSymbols(text: string): GrammarSymbol[] {
  const symbols: GrammarSymbol[] = [];
  for (let at = skip(text, 0); ;) {
    const found = readSymbol(text, at);
    if (found.end === at && symbols.length > 0) return symbols;
    symbols.push(found.value);
    if (found.end === at) return symbols;
    at = found.end;
  }
}

function readSymbol(text: string, at: number): { value: GrammarSymbol; end: number } {
  return readList(text, at) ?? readConditional(text, at) ?? readName(text, at) ?? readText(text, at);
}

function readList(text: string, at: number): Parsed<GrammarSymbol> {
  const open = token(text, at, '[');
  const item = open === null ? null : readConditional(text, open);
  const end = item && token(text, item.end, ']');
  return item && end !== null ? { value: { kind: 'list', item: item.value }, end: end as number } : null;
}

function readConditional(text: string, at: number): Parsed<Conditional> {
  const open = token(text, at, '{');
  if (open === null) return null;
  const name = readName(text, open);
  const source = name ?? matchAt(/[^|[\]{}\n<>]+/y, text, skip(text, open));
  if (!source) return null;
  const part: Part = name ? name.value : { kind: 'expression', source: source.value as string };
  let { end } = source;
  let query = '';
  const bar = matchAt(/\s*\|\s*/y, text, end);
  const given = bar && matchAt(/[^;|{}\n[\]#]+/y, text, skip(text, bar.end));
  if (given) ({ value: query, end } = given);
  const close = token(text, end, '}');
  return close === null ? null : { value: { kind: 'conditional', part, query }, end: close };
}

function readName(text: string, at: number): Parsed<{ kind: 'symbol'; name: string }> {
  const open = token(text, at, '#');
  const name = open === null ? null : matchAt(/[\p{L}\p{N}_()/!<>\-\s,.]+/uy, text, skip(text, open));
  const end = name && token(text, name.end, '#');
  return name && end !== null ? { value: { kind: 'symbol', name: name.value }, end: end as number } : null;
}

function readText(text: string, at: number): { value: GrammarSymbol; end: number } {
  const start = skip(text, at);
  const open = token(text, start, '"');
  if (open !== null) {
    const quoted = literal(text, open);
    const close = token(text, quoted.end, '"');
    if (close !== null) return { value: { kind: 'text', text: quoted.value }, end: close };
  }
  const plain = literal(text, start);
  return { value: { kind: 'text', text: plain.value }, end: plain.end };
}

function literal(text: string, at: number): { value: string; end: number } {
  return matchAt(/[^;|"<>[\]#{}]*/y, text, at)!;
}

function token(text: string, at: number, sign: string): number | null {
  const start = skip(text, at);
  return text.startsWith(sign, start) ? start + sign.length : null;
}

function matchAt(pattern: RegExp, text: string, at: number): Parsed<string> {
  pattern.lastIndex = at;
  const found = pattern.exec(text);
  return found && { value: found[0], end: at + found[0].length };
}

/**
 * Where the next token begins: TatSu's "comments" (leading blanks of a line, `//` to its end) and its white space
 * (tabs).
 */
function skip(text: string, at: number): number {
  for (let before = -1; at !== before;) {
    before = at;
    while (at === 0 || text[at - 1] === '\n') {
      const comment = matchAt(/\/\/[^\n]*\n?|\s+/y, text, at);
      if (!comment) break;
      at = comment.end;
    }
    while (text[at] === '\t') at++;
  }
  return at;
}
