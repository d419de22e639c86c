/**
 * A household game as its data set ships it (`game.tw-pddl`), loaded and playable: what TextWorld 1.7.0 with alfworld
 * 0.4.2 answers.
 */
import { FrameLayout, tablesOf } from './bound-condition.ts';
import { CommandWording } from './command-wording.ts';
import { CompiledAction } from './compiled-action.ts';
import { SearchCompiler, type Stage } from './condition-search.ts';
import { Entities, TypeTree, type Entity } from './entities.ts';
import { FactTable } from './fact-table.ts';
import { AlfworldGameError } from './game-error.ts';
import { readGrammarDocument, type ActionTexts } from './grammar-document.ts';
import { readDomain, readProblem, type Domain } from './pddl-domain.ts';
import { TextGamePlay } from './text-game-play.ts';
import { TextGrammar } from './text-grammar.ts';

/** The JSON of a game file; `walkthrough` holds commands that reach the goal. */
export type GameFile = {
  readonly pddl_domain: string;
  readonly grammar: string;
  readonly pddl_problem: string;
  readonly solvable?: boolean;
  readonly walkthrough?: readonly string[] | null;
};

/** An action with the texts that belong to it. */
export type TextAction = {
  readonly compiled: CompiledAction;
  readonly texts: ActionTexts;
  /** Per parameter: its name, and its name with its type, as in queries. */
  readonly placeholders: readonly { readonly name: string; readonly key: string }[];
  /** Operators whose command does not depend on changeable facts, cached by their arguments. */
  readonly operators: Map<number | string, Operator>;
};

/** An action with its arguments (thing numbers), and the command that a player gives for it. */
export type Operator = { readonly action: TextAction; readonly args: readonly number[]; readonly command: string };

/** Domains by their text: a data set uses the same one in all games. */
const domains = new Map<string, { domain: Domain; types: TypeTree }>();
const KEPT_DOMAINS = 8;

/** One game, ready to be started any number of times. */
export class TextGame {
  readonly domain: Domain;
  readonly entities: Entities;
  readonly grammar: TextGrammar;
  readonly actions: readonly TextAction[];
  readonly walkthrough: readonly string[];
  readonly wording: CommandWording;
  /**
   * Predicate -> number of its table. The table of its explicit negations has that number plus the number of
   * predicates.
   */
  readonly tableOf: ReadonlyMap<string, number>;
  /** Whether an action can change the table. */
  readonly isFluent: readonly boolean[];
  readonly goal: { readonly holds: Stage; readonly frame: Int32Array; readonly reads: readonly number[] };
  readonly #start: readonly FactTable[];

  /** @throws AlfworldGameError with one sentence that names what is malformed or not supported */
  constructor(file: GameFile) {
    for (const field of ['pddl_domain', 'grammar', 'pddl_problem'] as const) {
      if (typeof file?.[field] !== 'string') throw new AlfworldGameError(`A game file needs the text "${field}".`);
    }
    const { domain, types } = domainOf(file.pddl_domain);
    const problem = readProblem(file.pddl_problem, domain);
    this.domain = domain;
    this.walkthrough = file.walkthrough ?? [];
    this.entities = new Entities([...domain.constants, ...problem.objects], problem.facts, types);
    this.tableOf = new Map([...domain.predicates.keys()].map((predicate, i) => [predicate, i]));
    const count = this.tableOf.size;
    const changed = new Set(
      domain.actions.flatMap((action) => action.effects.map((effect) => this.tableOf.get(effect.predicate)!)),
    );
    this.isFluent = Array.from({ length: 2 * count }, (_, i) => changed.has(i % count));
    this.#start = this.#tables(problem.facts);
    const document = readGrammarDocument(file.grammar);
    this.grammar = new TextGrammar(document, this.entities, types);
    this.actions = domain.actions.map((action) => {
      const texts = document.actions.get(action.name);
      if (!texts) throw new AlfworldGameError(`The action "${action.name}" has no texts in the grammar.`);
      return {
        compiled: new CompiledAction(action, this.entities, this.tableOf, this.#start),
        texts,
        placeholders: action.parameters.map(({ name, type }) => ({
          name: name.slice(1),
          key: `${name.slice(1)}:${type}`,
        })),
        operators: new Map(),
      };
    });
    this.wording = new CommandWording(
      domain.actions.map((action) => ({ action, texts: document.actions.get(action.name)! })),
    );
    const layout = new FrameLayout(this.entities, this.tableOf, 'the goal');
    const goal = layout.bind(problem.goal, new Map());
    const holds = new SearchCompiler(layout, this.#start).test(goal, new Set());
    this.goal = { holds, frame: layout.frame(), reads: [...tablesOf(goal)] };
  }

  /** Begins an episode. */
  start(): TextGamePlay {
    return new TextGamePlay(
      this,
      this.#start.map((table, i) => (this.isFluent[i] ? table.copy() : table)),
    );
  }

  /** The thing with this name as players read it, or undefined. */
  thing(name: string): Entity | undefined {
    return this.entities.all.find((entity) => entity.name === name);
  }

  #tables(facts: readonly (readonly string[])[]): FactTable[] {
    const base = this.entities.all.length;
    const atoms = new Map<string, number[][]>([...this.tableOf.keys()].map((predicate) => [predicate, []]));
    for (const [predicate, ...args] of facts)
      atoms.get(predicate)!.push(args.map((id) => this.entities.get(id)!.index));
    const arities = [...this.domain.predicates];
    for (const [predicate, arity] of arities) {
      if (base ** arity > Number.MAX_SAFE_INTEGER) {
        throw new AlfworldGameError(
          `The predicate "${predicate}" has ${arity} arguments, too many for a game of ${base} things.`,
        );
      }
    }
    return [
      ...arities.map(([predicate, arity]) => new FactTable(arity, base, atoms.get(predicate)!)),
      ...arities.map(([, arity]) => new FactTable(arity, base)),
    ];
  }
}

/** Reads all texts of a game, but builds nothing from them. @throws AlfworldGameError as `TextGame` does */
export function checkGameFile({ pddl_domain: domain, pddl_problem: problem, grammar }: GameFile): void {
  readProblem(problem, domainOf(domain).domain);
  readGrammarDocument(grammar);
}

function domainOf(text: string): { domain: Domain; types: TypeTree } {
  let known = domains.get(text);
  if (!known) {
    const domain = readDomain(text);
    known = { domain, types: new TypeTree(domain.types) };
    if (domains.size >= KEPT_DOMAINS) domains.delete(domains.keys().next().value!);
    domains.set(text, known);
  }
  return known;
}
