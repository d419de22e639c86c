/** One episode of a text game: its facts, the commands that are admissible now, and the answer to a command. */
import { keyOf } from './condition-search.ts';
import type { Entity } from './entities.ts';
import type { FactTable } from './fact-table.ts';
import type { Operator, TextAction, TextGame } from './text-game.ts';

/**
 * The answer to a command. The original's `score` and `reward` are both 1 when won and 0 when not, after every step.
 */
export type TextStep = { readonly feedback: string; readonly won: boolean };

/** What Python's `strip` takes away: Unicode's white space and four control characters. */
const BLANK = `[\\p{White_Space}${'\x1c-\x1f'}]+`;
const BLANKS = new RegExp(`^${BLANK}|${BLANK}$`, 'gu');

const NO_VARIABLES: ReadonlyMap<string, Entity> = new Map();

export class TextGamePlay {
  readonly game: TextGame;
  /** The game's first text. */
  readonly intro: string;
  readonly #tables: readonly FactTable[];
  /** Per action: the operators found, and the versions of the tables that were read for them. */
  readonly #found: { versions: readonly number[]; operators: readonly Operator[] }[];
  #operators = new Map<string, Operator>();
  #commands: readonly string[] = [];
  #won = false;
  #wonAt: readonly number[] = [];
  /** Set when a text asked for a fact that actions can change. */
  #touchedFluent = false;

  /** Made by `TextGame.start`. */
  constructor(game: TextGame, tables: readonly FactTable[]) {
    this.game = game;
    this.#tables = tables;
    this.#found = game.actions.map(() => ({ versions: [], operators: [] }));
    this.intro = this.#write('#intro#', NO_VARIABLES, NO_VARIABLES);
    this.#list();
  }

  /** What a player can do now, sorted by code point, each once. */
  get commands(): readonly string[] {
    return this.#commands;
  }

  /** Whether the goal holds now. A won game can be played on, as in the original. */
  get won(): boolean {
    const versions = this.game.goal.reads.map((table) => this.#tables[table].version);
    if (!same(versions, this.#wonAt)) {
      this.#wonAt = versions;
      this.#won = this.game.goal.holds(this.game.goal.frame, this.#tables);
    }
    return this.#won;
  }

  /** Does a command. One that is not admissible answers "Nothing happens." and changes nothing. */
  step(command: string): TextStep {
    const operator = this.#operators.get(command.replace(BLANKS, ''));
    if (!operator) return { feedback: 'Nothing happens.', won: this.won };
    const {
      action: { compiled, texts },
      args,
    } = operator;
    const changes = compiled.changes(args, this.#tables);
    // An atom that is both deleted and added stays.
    for (const change of changes) if (!change.adds) this.#set(change.table, change.args, false);
    for (const change of changes) if (change.adds) this.#set(change.table, change.args, true);
    const { mapping, variables } = this.#bindings(operator.action, args);
    const feedback = this.#write(texts.feedback, mapping, variables);
    this.#list();
    return { feedback, won: this.won };
  }

  /** The true atoms of a predicate, sorted by the things' ids; empty for an unknown predicate. */
  facts(predicate: string): readonly (readonly Entity[])[] {
    const table = this.game.tableOf.get(predicate);
    return table === undefined
      ? []
      : this.#tables[table].rows.map(({ args }) => args.map((index) => this.game.entities.all[index]));
  }

  isTrue(predicate: string, ...things: readonly Entity[]): boolean {
    const table = this.game.tableOf.get(predicate);
    return (
      table !== undefined &&
      this.#tables[table].arity === things.length &&
      this.#tables[table].has(things.map((thing) => thing.index))
    );
  }

  /**
   * Makes an atom true or false; a deleted atom stays on record as `not_...`, which texts can query. The original's
   * texts assume that every effect under `when` happened, whether its condition held or not; ours see the true state
   * (no text of ALFWorld queries such an atom).
   */
  #set(table: number, args: readonly number[], isTrue: boolean): void {
    this.#tables[table].set(args, isTrue);
    this.#tables[table + this.game.tableOf.size].set(args, !isTrue);
  }

  #bindings(
    action: TextAction,
    args: readonly number[],
  ): { mapping: Map<string, Entity>; variables: Map<string, Entity> } {
    const mapping = new Map<string, Entity>();
    const variables = new Map<string, Entity>();
    action.placeholders.forEach(({ name, key }, i) => {
      const entity = this.game.entities.all[args[i]];
      mapping.set(key, entity);
      variables.set(name, entity);
    });
    return { mapping, variables };
  }

  readonly #tableNamed = (predicate: string): FactTable | null => {
    let table = this.game.tableOf.get(predicate);
    if (table === undefined && predicate.startsWith('not_')) {
      const positive = this.game.tableOf.get(predicate.slice(4));
      if (positive !== undefined) table = positive + this.game.tableOf.size;
    }
    if (table === undefined) return null;
    if (this.game.isFluent[table]) this.#touchedFluent = true;
    return this.#tables[table];
  };

  #write(text: string, mapping: ReadonlyMap<string, Entity>, variables: ReadonlyMap<string, Entity>): string {
    return this.game.grammar.write(text, { mapping, variables, tables: this.#tableNamed });
  }

  /** Finds the operators of the actions whose tables have changed, and sorts all commands again if any has. */
  #list(): void {
    let changed = false;
    this.game.actions.forEach((action, i) => {
      const versions = action.compiled.reads.map((table) => this.#tables[table].version);
      const known = this.#found[i];
      if (known.versions.length > 0 && same(versions, known.versions)) return;
      changed = true;
      const operators: Operator[] = [];
      action.compiled.forEachBinding(this.#tables, (frame, slots) =>
        operators.push(this.#operator(action, frame, slots)),
      );
      this.#found[i] = { versions, operators };
    });
    if (!changed) return;
    this.#operators = new Map();
    for (const { operators } of this.#found) {
      for (const operator of operators)
        if (!this.#operators.has(operator.command)) this.#operators.set(operator.command, operator);
    }
    this.#commands = [...this.#operators.keys()].sort();
  }

  /** The operator of a binding. Its command is written only once if no changeable fact affects it. */
  #operator(action: TextAction, frame: Int32Array, slots: readonly number[]): Operator {
    const base = this.game.entities.all.length;
    const key =
      base ** slots.length <= Number.MAX_SAFE_INTEGER
        ? keyOf(frame, slots, base)
        : slots.map((slot) => frame[slot]).join();
    const known = action.operators.get(key);
    if (known) return known;
    const args = slots.map((slot) => frame[slot]);
    this.#touchedFluent = false;
    const { mapping, variables } = this.#bindings(action, args);
    const operator = { action, args, command: this.#write(action.texts.template, mapping, variables) };
    if (!this.#touchedFluent) action.operators.set(key, operator);
    return operator;
  }
}

function same(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}
