/** The facts of a household game: where everyone is, what is open, what lies in what. */
import type { CommandWording } from './command-wording.ts';
import type { Entity } from './entities.ts';
import type { TextGamePlay } from './text-game-play.ts';

export type Receptacle = {
  readonly entity: Entity;
  /** ALFRED's kind in lower case, e.g. `sinkbasin`. */
  readonly kind: string;
  /** Where the agent stands to use it; several can share a place. Null when no fact says where it is. */
  readonly place: Entity | null;
  readonly openable: boolean;
  readonly open: boolean;
};

/** A snapshot of the true state; later steps do not change it. */
export class HouseholdView {
  readonly receptacles: readonly Receptacle[];
  /** Where the agent stands. */
  readonly place: Entity | null;
  readonly hand: Entity | null;
  readonly #play: TextGamePlay;
  readonly #kinds = new Map<Entity, string>();
  /** Kind of receptacle -> kinds of things it takes. */
  readonly #takes = new Map<string, Set<string>>();
  readonly #contents = new Map<Entity, Entity[]>();

  /** @param knows whether the contents of a receptacle count; by default all do */
  constructor(play: TextGamePlay, knows: (receptacle: Entity) => boolean = () => true) {
    this.#play = play;
    for (const predicate of ['objecttype', 'receptacletype']) {
      for (const [entity, kind] of play.facts(predicate)) this.#kinds.set(entity, kindOf(kind));
    }
    for (const [receptacle, thing] of play.facts('cancontain')) {
      const takes = this.#takes.get(kindOf(receptacle)) ?? new Set();
      this.#takes.set(kindOf(receptacle), takes.add(kindOf(thing)));
    }
    for (const [thing, receptacle] of play.facts('inreceptacle')) {
      if (!knows(receptacle)) continue;
      this.#contents.set(receptacle, [...(this.#contents.get(receptacle) ?? []), thing]);
    }
    const places = new Map(play.facts('receptacleatlocation').map(([receptacle, place]) => [receptacle, place]));
    this.receptacles = play.facts('receptacletype').map(([entity]) => ({
      entity,
      kind: this.kind(entity),
      place: places.get(entity) ?? null,
      openable: play.isTrue('openable', entity),
      open: play.isTrue('opened', entity),
    }));
    this.place = play.facts('atlocation')[0]?.[1] ?? null;
    this.hand = play.facts('holds')[0]?.[1] ?? null;
  }

  get wording(): CommandWording {
    return this.#play.game.wording;
  }

  /** ALFRED's kind in lower case; '' when no fact tells. */
  kind(entity: Entity): string {
    return this.#kinds.get(entity) ?? '';
  }

  /** What lies in or on a receptacle, visible or not. */
  contents(receptacle: Entity): readonly Entity[] {
    return this.#contents.get(receptacle) ?? [];
  }

  /** Whether a receptacle takes this kind of thing. */
  takes(receptacle: Receptacle, thing: Entity): boolean {
    return this.takesKind(receptacle, this.kind(thing));
  }

  takesKind(receptacle: Receptacle, kind: string): boolean {
    return this.#takes.get(receptacle.kind)?.has(kind) ?? false;
  }

  /** The receptacles where the agent stands. */
  get here(): readonly Receptacle[] {
    return this.place === null ? [] : this.receptacles.filter(({ place }) => place === this.place);
  }

  is(property: string, thing: Entity): boolean {
    return this.#play.isTrue(property, thing);
  }
}

function kindOf(type: Entity): string {
  return type.id.replace(/type$/, '');
}
