/** Solves household games from the true state: the shortest of all sensible plans. */
import type { CommandWording, Deed } from './command-wording.ts';
import type { Entity } from './entities.ts';
import { goalConditions, WANTED_PROPERTY, type Task } from './goal-conditions.ts';
import { HouseholdView, type Receptacle } from './household-view.ts';
import type { TextGamePlay } from './text-game-play.ts';

/** Kinds of receptacles that give each property. */
export const DEVICES = { isclean: 'sinkbasin', ishot: 'microwave', iscool: 'fridge' } as const;

/** What the expert would do. `plans`: all that are as short as `plan`, the first of them. */
export type Advice = { readonly plan: readonly string[]; readonly plans: readonly (readonly string[])[] };

/**
 * Near-shortest plans to the goal from now on: every target, place and device is tried, and what is in hand is put down
 * on the way if necessary. Null when there is none, or when the task wants sliced things, which this expert cannot do.
 * For a goal that is already reached the plan is empty.
 * @param view what the expert knows; by default everything
 */
export function advise(play: TextGamePlay, task: Task, view = new HouseholdView(play)): Advice | null {
  const { met, total } = goalConditions(play, task);
  if (met === total) return { plan: [], plans: [[]] };
  if (task.sliced) return null;
  return shortest(task.type === 'look_at_obj_in_light' ? lookPlans(view, task) : placePlans(view, task));
}

/** Shortest plans to have one of the task's things in hand; null when none is known or it is there already. */
export function fetchTarget(view: HouseholdView, task: Task): Advice | null {
  const plans = targets(view, task.object)
    .filter(({ source }) => source !== null)
    .flatMap((target) => withTarget(new Plan(view), target, view));
  return isHeld(view, task.object) ? null : shortest(plans);
}

function isHeld(view: HouseholdView, kind: string): boolean {
  return view.hand !== null && view.kind(view.hand) === kind.toLowerCase();
}

function shortest(plans: Iterable<Plan>): Advice | null {
  let best: Plan[] = [];
  for (const plan of plans) {
    if (plan.commands.length === 0) continue;
    if (best.length === 0 || plan.commands.length < best[0].commands.length) best = [plan];
    else if (plan.commands.length === best[0].commands.length) best.push(plan);
  }
  return best.length === 0 ? null : { plan: best[0].commands, plans: best.map(({ commands }) => commands) };
}

/** Carry one target (two for pick_two) to one goal receptacle, with its property if the task wants one. */
function* placePlans(view: HouseholdView, task: Task): Generator<Plan> {
  const property = WANTED_PROPERTY[task.type] ?? null;
  const wanted = task.type === 'pick_two_obj_and_place' ? 2 : 1;
  const sources = targets(view, task.object);
  for (const goal of view.receptacles) {
    if (goal.kind !== task.receptacle.toLowerCase() || !goal.place) continue;
    const missing =
      wanted - sources.filter(({ source, thing }) => source === goal && (!property || view.is(property, thing))).length;
    for (const chosen of orders(
      sources.filter(({ source, thing }) => source !== goal || (property !== null && !view.is(property, thing))),
      missing,
    )) {
      if (!chosen.every(({ thing }) => view.takes(goal, thing))) continue;
      let starts = [new Plan(view)];
      for (const target of chosen) {
        starts = starts
          .flatMap((plan) => withTarget(plan, target, view))
          .flatMap((plan) =>
            !property || view.is(property, target.thing) ? [plan] : withProperty(plan, target.thing, property, view),
          );
        for (const plan of starts) plan.put(target.thing, goal);
      }
      yield* starts;
    }
  }
}

/** Hold a target where a lamp is that has been switched on, in either order. */
function* lookPlans(view: HouseholdView, task: Task): Generator<Plan> {
  const lamps = targets(view, task.lamp).filter(({ source }) => source !== null);
  for (const target of targets(view, task.object)) {
    for (const lamp of lamps) {
      const isOn = view.is('istoggled', lamp.thing);
      for (const plan of withTarget(new Plan(view), target, view)) {
        plan.go(lamp.source!);
        if (!isOn) plan.use(lamp.thing, lamp.source!);
        yield plan;
      }
      if (isOn) continue;
      const lit = new Plan(view);
      lit.go(lamp.source!);
      lit.use(lamp.thing, lamp.source!);
      for (const plan of withTarget(lit, target, view)) {
        plan.go(lamp.source!);
        yield plan;
      }
    }
  }
}

/** A thing and where it lies; in hand when `source` is null. */
type Target = { readonly thing: Entity; readonly source: Receptacle | null };

function targets(view: HouseholdView, kind: string): Target[] {
  const isOne = (thing: Entity): boolean => view.kind(thing) === kind.toLowerCase();
  const lying = view.receptacles
    .filter(({ place }) => place)
    .flatMap((source) =>
      view
        .contents(source.entity)
        .filter(isOne)
        .map((thing) => ({ thing, source })),
    );
  return view.hand && isOne(view.hand) ? [{ thing: view.hand, source: null }, ...lying] : lying;
}

/** All ways to take `count` of the targets one after the other; what is in hand comes first. */
function orders(all: readonly Target[], count: number): Target[][] {
  if (count <= 0) return [];
  if (count === 1) return all.map((target) => [target]);
  return all.flatMap((first) =>
    all.filter((second) => second.thing !== first.thing && second.source !== null).map((second) => [first, second]),
  );
}

/** The plan with the target in hand; something else in hand is put down first, wherever the way is short. */
function withTarget(plan: Plan, target: Target, view: HouseholdView): Plan[] {
  if (plan.hand === target.thing) return [plan.copy()];
  if (!target.source) return [];
  const after = (start: Plan): Plan => {
    start.take(target.thing, target.source!);
    return start;
  };
  if (!plan.hand) return [after(plan.copy())];
  const held = plan.hand;
  return view.receptacles
    .filter((drop) => drop.place && view.takes(drop, held))
    .map((drop) => {
      const start = plan.copy();
      start.put(held, drop);
      return after(start);
    });
}

function withProperty(plan: Plan, thing: Entity, property: keyof typeof DEVICES, view: HouseholdView): Plan[] {
  const kind = DEVICES[property];
  return view.receptacles
    .filter((device) => device.kind === kind && device.place)
    .map((device) => {
      const next = plan.copy();
      next.go(device);
      next.say(property, { thing, receptacle: device.entity });
      return next;
    });
}

/** Commands, in the game's words, and how they have changed the view. */
class Plan {
  readonly commands: string[] = [];
  hand: Entity | null;
  #place: Entity | null;
  readonly #opened = new Set<Entity>();
  readonly #wording: CommandWording;

  constructor({ hand, place, wording }: { hand: Entity | null; place: Entity | null; wording: CommandWording }) {
    this.hand = hand;
    this.#place = place;
    this.#wording = wording;
  }

  copy(): Plan {
    const copy = new Plan({ hand: this.hand, place: this.#place, wording: this.#wording });
    copy.commands.push(...this.commands);
    for (const entity of this.#opened) copy.#opened.add(entity);
    return copy;
  }

  say(deed: Deed, about: { thing?: Entity; receptacle?: Entity }): void {
    this.commands.push(this.#wording.command(deed, about));
  }

  go({ entity, place }: Receptacle): void {
    if (this.#place === place) return;
    this.say('go', { receptacle: entity });
    this.#place = place;
  }

  take(thing: Entity, from: Receptacle): void {
    this.#reach(from);
    this.say('take', { thing, receptacle: from.entity });
    this.hand = thing;
  }

  put(thing: Entity, into: Receptacle): void {
    this.#reach(into);
    this.say('put', { thing, receptacle: into.entity });
    this.hand = null;
  }

  use(thing: Entity, { entity }: Receptacle): void {
    this.say('use', { thing, receptacle: entity });
  }

  /** Goes there and opens what is closed. */
  #reach(receptacle: Receptacle): void {
    this.go(receptacle);
    if (!receptacle.openable || receptacle.open || this.#opened.has(receptacle.entity)) return;
    this.say('open', { receptacle: receptacle.entity });
    this.#opened.add(receptacle.entity);
  }
}
