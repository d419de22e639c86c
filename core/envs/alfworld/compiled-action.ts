/** One action of the domain, ready to play in one game: where it applies, and what it changes. */
import { FrameLayout, tablesOf, type BoundAtom, type BoundCondition } from './bound-condition.ts';
import { alternatives, keyOf, SearchCompiler, type Alternative, type Stage } from './condition-search.ts';
import type { Entities } from './entities.ts';
import type { Tables } from './fact-table.ts';
import type { Action } from './pddl-domain.ts';

/** An atom that an action makes true or false. */
export type Change = { readonly table: number; readonly args: readonly number[]; readonly adds: boolean };

type BoundEffect = {
  readonly atom: BoundAtom;
  readonly adds: boolean;
  readonly plain: boolean;
  readonly condition: BoundCondition;
};

export class CompiledAction {
  readonly name: string;
  readonly parameters: Action['parameters'];
  /** Tables that decide where the action applies. */
  readonly reads: readonly number[];
  readonly #frame: Int32Array;
  readonly #slots: readonly number[];
  readonly #searches: readonly Stage[] = [];
  readonly #effects: readonly { readonly effect: BoundEffect; readonly search: Stage }[];
  #found: (frame: Int32Array, slots: readonly number[]) => void = () => {};
  #changes: Change[] = [];

  constructor(action: Action, entities: Entities, tableOf: ReadonlyMap<string, number>, start: Tables) {
    this.name = action.name;
    this.parameters = action.parameters;
    const layout = new FrameLayout(entities, tableOf, `action "${action.name}"`);
    const { scope, slots } = layout.extend(new Map(), action.parameters);
    const precondition = layout.bind(action.precondition, scope);
    const effects = action.effects.map((effect): { effect: BoundEffect; slots: readonly number[] } => {
      const inner = layout.extend(scope, effect.variables);
      const atom: BoundAtom = {
        kind: 'atom',
        table: layout.table(effect.predicate),
        slots: effect.args.map((arg) => layout.slot(arg, inner.scope)),
        negated: false,
      };
      const condition = layout.bind(effect.condition, inner.scope);
      const plain = inner.slots.length === 0 && condition.kind === 'and' && condition.parts.length === 0;
      return { effect: { atom, adds: effect.adds, plain, condition }, slots: inner.slots };
    });
    const compiler = new SearchCompiler(layout, start);
    const touched = new Set(effects.map(({ effect }) => effect.atom.table));
    const split = alternatives(precondition, new Set(), (or) => !tablesOf(or).isDisjointFrom(touched));
    this.#slots = slots;
    this.#searches = split.map((alternative) => {
      const idle = idleTest(
        alternative,
        effects.map(({ effect }) => effect),
      );
      return compiler.search(
        { slots: [...slots, ...alternative.slots], parts: alternative.parts },
        new Set(),
        (frame, tables) => {
          if (!idle(frame, tables)) this.#found(frame, this.#slots);
          return false;
        },
      );
    });
    const known = new Set(slots);
    this.#effects = effects.map(({ effect, slots: variables }) => {
      const choices = alternatives(effect.condition, known, () => false).map(({ slots: more, parts }) =>
        compiler.search({ slots: [...variables, ...more], parts }, known, (frame) => {
          this.#changes.push({
            table: effect.atom.table,
            args: effect.atom.slots.map((slot) => frame[slot]),
            adds: effect.adds,
          });
          return false;
        }),
      );
      return { effect, search: (frame, tables) => choices.some((choice) => choice(frame, tables)) };
    });
    this.reads = [...tablesOf(precondition)];
    this.#frame = layout.frame();
  }

  /**
   * Calls `found` for each binding that applies, with the arguments at `slots` of `frame`; one binding may come more
   * than once.
   */
  forEachBinding(tables: Tables, found: (frame: Int32Array, slots: readonly number[]) => void): void {
    this.#found = found;
    for (const search of this.#searches) search(this.#frame, tables);
  }

  /** What the action would change. All conditions of effects are judged on the tables as they are. */
  changes(args: readonly number[], tables: Tables): readonly Change[] {
    this.#changes = [];
    this.#slots.forEach((slot, i) => {
      this.#frame[slot] = args[i];
    });
    for (const { search } of this.#effects) search(this.#frame, tables);
    return this.#changes;
  }
}

/**
 * Tells whether a binding changes nothing for certain: Fast Downward leaves such operators out, so there is no command
 * `go to` for the agent's own place. An addition is idle when the precondition demands the same atom; a deletion when
 * it demands its absence or the action adds it.
 */
function idleTest(alternative: Alternative, effects: readonly BoundEffect[]): Stage {
  const demanded = alternative.parts.filter((part): part is BoundAtom => part.kind === 'atom');
  const reasons = effects.map(({ atom, adds, plain }) => {
    if (!plain) return [];
    const same = demanded.filter((part) => part.table === atom.table && part.negated !== adds);
    return adds
      ? same
      : [
          ...same,
          ...effects
            .filter((other) => other.adds && other.plain && other.atom.table === atom.table)
            .map(({ atom: added }) => added),
        ];
  });
  if (reasons.some((reason) => reason.length === 0)) return () => false;
  return (frame, tables) =>
    effects.every(({ atom }, i) => {
      const { base } = tables[atom.table];
      const key = keyOf(frame, atom.slots, base);
      return reasons[i].some((reason) => keyOf(frame, reason.slots, base) === key);
    });
}
