/** The outer form of a game's text grammar: `grammar :: """JSON""";` blocks and `action NAME { ... }` blocks. */
import { AlfworldGameError } from './game-error.ts';

/** One way to write a symbol: taken when `condition` (empty: always) holds. */
export type Production = { readonly condition: string; readonly text: string };

/** The texts of one action: the command it answers to and the symbols of its feedback. */
export type ActionTexts = { readonly template: string; readonly feedback: string };

export type GrammarDocument = {
  readonly productions: ReadonlyMap<string, readonly Production[]>;
  /** By action name in lower case. */
  readonly actions: ReadonlyMap<string, ActionTexts>;
};

/** @throws AlfworldGameError on text that does not have this form, with the place */
export function readGrammarDocument(text: string): GrammarDocument {
  const reader = new Reader(text);
  const productions = new Map<string, readonly Production[]>();
  const actions = new Map<string, ActionTexts>();
  // A later definition of a symbol replaces an earlier one.
  const define = (json: string): void => {
    for (const [symbol, list] of readProductions(json)) productions.set(symbol, list);
  };
  while (!reader.atEnd()) {
    if (reader.take('grammar')) {
      reader.expect('::');
      define(reader.block());
      reader.expect(';');
      continue;
    }
    reader.expect('action');
    const name = reader.word();
    const fields: Record<string, string> = {};
    reader.expect('{');
    while (!reader.take('}')) {
      const field = reader.word();
      reader.expect('::');
      if (field === 'template' || field === 'feedback') fields[field] = reader.string();
      else if (field === 'grammar') define(reader.block().replace(/^[^\S\n]*#.*$/gm, ''));
      else if (field === 'pddl') reader.block();
      else throw new AlfworldGameError(`The action "${name}" of the text grammar has the unknown field "${field}".`);
      reader.expect(';');
    }
    const { template, feedback } = fields;
    if (template === undefined || feedback === undefined) {
      throw new AlfworldGameError(`The action "${name}" of the text grammar needs a template and a feedback.`);
    }
    actions.set(name.toLowerCase(), { template, feedback });
  }
  return { productions, actions };
}

function readProductions(json: string): [string, Production[]][] {
  let data: unknown;
  try {
    data = JSON.parse(json);
  } catch (error) {
    throw new AlfworldGameError(`A block of the text grammar is not JSON: ${(error as Error).message}.`);
  }
  if (typeof data !== 'object' || data === null)
    throw new AlfworldGameError('A block of the text grammar must be a JSON object.');
  return Object.entries(data).map(([symbol, list]) => {
    if (!Array.isArray(list))
      throw new AlfworldGameError(`The symbol "${symbol}" of the text grammar must have a list of productions.`);
    return [
      symbol,
      list.map((entry: { rhs?: unknown; condition?: unknown }) => {
        if (typeof entry?.rhs !== 'string')
          throw new AlfworldGameError(`A production of "${symbol}" has no text "rhs".`);
        if (entry.condition !== undefined && typeof entry.condition !== 'string') {
          throw new AlfworldGameError(`A condition of "${symbol}" is not a text.`);
        }
        return { condition: entry.condition ?? '', text: entry.rhs };
      }),
    ];
  });
}

/** Tokens between blanks and `#` comments. */
class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  atEnd(): boolean {
    this.#skip();
    return this.#at >= this.#text.length;
  }

  take(token: string): boolean {
    this.#skip();
    if (!this.#text.startsWith(token, this.#at)) return false;
    this.#at += token.length;
    return true;
  }

  expect(token: string): void {
    if (!this.take(token)) throw this.#expected(`"${token}"`);
  }

  word(): string {
    return this.#match(/[\p{L}\p{N}_/-]+/uy, 'a name');
  }

  string(): string {
    return this.#match(/"[^"]*"/y, 'a text in quotes').slice(1, -1);
  }

  block(): string {
    return this.#match(/"""[^]*?"""/y, 'a text in triple quotes').slice(3, -3);
  }

  #match(pattern: RegExp, what: string): string {
    this.#skip();
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (!found) throw this.#expected(what);
    this.#at = pattern.lastIndex;
    return found[0];
  }

  #skip(): void {
    const blank = /(?:\s|#[^\n]*)*/y;
    blank.lastIndex = this.#at;
    blank.exec(this.#text);
    this.#at = blank.lastIndex;
  }

  #expected(what: string): AlfworldGameError {
    const line = this.#text.slice(0, this.#at).split('\n').length;
    return new AlfworldGameError(
      `The text grammar needs ${what} in line ${line}, at "${this.#text.slice(this.#at, this.#at + 20)}".`,
    );
  }
}
