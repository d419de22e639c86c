/** Writes a game's texts: productions chosen by the facts, lists joined, expressions filled in. */
import type { Entities, Entity, TypeTree } from './entities.ts';
import { AlfworldGameError } from './game-error.ts';
import type { GrammarDocument, Production } from './grammar-document.ts';
import { readExpression, textOf, type Expression } from './grammar-expression.ts';
import { GrammarQuery, type Mapping, type TableSource } from './grammar-query.ts';
import { readSymbols, type Conditional, type GrammarSymbol } from './grammar-symbols.ts';

/** What a text is written about: things by placeholder (for queries) and by bare name (for expressions). */
export type TextContext = {
  readonly mapping: Mapping;
  readonly variables: ReadonlyMap<string, Entity>;
  readonly tables: TableSource;
};

/** Deeper than any sensible nesting: a symbol that contains itself would never end. */
const DEEPEST = 200;

/** The grammar of one game; its texts are read when they are first needed. */
export class TextGrammar {
  readonly #document: GrammarDocument;
  readonly #entities: Entities;
  readonly #types: TypeTree;
  readonly #symbols = new Map<string, GrammarSymbol[]>();
  readonly #queries = new Map<string, GrammarQuery>();
  readonly #expressions = new Map<string, Expression>();

  constructor(document: GrammarDocument, entities: Entities, types: TypeTree) {
    this.#document = document;
    this.#entities = entities;
    this.#types = types;
  }

  /** @throws AlfworldGameError when the text needs something that the grammar lacks or that is not supported */
  write(text: string, context: TextContext, depth = 0): string {
    if (depth > DEEPEST) throw new AlfworldGameError(`The text grammar never ends at "${text}".`);
    let result = '';
    for (const symbol of memo(this.#symbols, text, readSymbols)) {
      if (symbol.kind === 'text') result += symbol.text;
      else if (symbol.kind === 'symbol') result += this.#symbol(symbol.name, context, depth);
      else if (symbol.kind === 'conditional') result += this.#items(symbol, context, depth).join('');
      else result += this.#list(this.#items(symbol.item, context, depth), context, depth);
    }
    return result;
  }

  #symbol(name: string, context: TextContext, depth: number): string {
    const productions = this.#document.productions.get(name);
    if (!productions || productions.length === 0)
      throw new AlfworldGameError(`The text grammar has no symbol "#${name}#".`);
    const holds = ({ condition }: Production): boolean =>
      condition === '' || this.#query(condition).holds(context.mapping, context.tables);
    const chosen = productions.find(holds);
    if (!chosen) throw new AlfworldGameError(`No production of the text grammar's symbol "#${name}#" applies.`);
    return this.write(chosen.text, context, depth + 1);
  }

  #items({ part, query }: Conditional, context: TextContext, depth: number): string[] {
    const contexts =
      query === ''
        ? [context]
        : this.#query(query)
            .solutions(context.mapping, context.tables)
            .map((mapping): TextContext => {
              const variables = new Map(context.variables);
              for (const [placeholder, entity] of mapping)
                variables.set(placeholder.slice(0, placeholder.lastIndexOf(':')), entity);
              return { mapping, variables, tables: context.tables };
            });
    return contexts.map((each) =>
      part.kind === 'symbol'
        ? this.#symbol(part.name, each, depth)
        : textOf(memo(this.#expressions, part.source, readExpression)(each.variables)),
    );
  }

  #list(items: readonly string[], context: TextContext, depth: number): string {
    if (items.length === 0) return this.#symbol('list_empty', context, depth);
    if (items.length === 1) return items[0];
    const separator = items.length > 2 ? this.#symbol('list_separator', context, depth) : '';
    return items.slice(0, -1).join(separator) + this.#symbol('list_last_separator', context, depth) + items.at(-1);
  }

  #query(source: string): GrammarQuery {
    return memo(this.#queries, source, () => new GrammarQuery(source, this.#entities, this.#types));
  }
}

function memo<T>(known: Map<string, T>, key: string, make: (key: string) => T): T {
  let value = known.get(key);
  if (value === undefined) {
    value = make(key);
    known.set(key, value);
  }
  return value;
}
