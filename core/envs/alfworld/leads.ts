/**
 * Next moves for a player who knows only what was seen so far: fetch known things, else search for the missing ones.
 */
import type { CommandWording } from './command-wording.ts';
import type { Entity } from './entities.ts';
import { advise, fetchTarget } from './expert.ts';
import type { Task } from './goal-conditions.ts';
import { HouseholdView, type Receptacle } from './household-view.ts';
import type { TextGamePlay } from './text-game-play.ts';

/** A sub-goal, `take mug 1 from shelf 2` or `find mug`, and the next command towards it. */
export type Lead = { readonly subgoal: string; readonly command: string };

/**
 * All leads that are, as far as is known, as good as the first; none when the goal is reached or nothing helps. Once
 * the missing things are seen, these are the shortest plans. Before that: what can be done already, then the search. It
 * opens what the agent stands at, then goes to unseen places that take such a thing, open ones first, else in the order
 * of the commands.
 * @param seen receptacles whose contents were seen
 */
export function leads(play: TextGamePlay, task: Task, seen: ReadonlySet<Entity>): readonly Lead[] {
  const view = new HouseholdView(play, (receptacle) => seen.has(receptacle));
  const advice = advise(play, task, view) ?? partOf(play, task, view);
  // A lead whose command is not admissible now is useless.
  const admissible = ({ command }: Lead) => play.commands.includes(command);
  if (advice)
    return distinct(
      advice.plans
        .filter((plan) => plan.length > 0)
        .map((plan) => ({ subgoal: subgoalOf(plan, view.wording), command: plan[0] })),
    ).filter(admissible);
  const missing = missingKind(view, task);
  const unseen = view.receptacles
    .filter(({ entity, place }) => place && !seen.has(entity))
    .toSorted((a, b) => (a.entity.name < b.entity.name ? -1 : 1));
  const likely = unseen.filter((receptacle) => view.takesKind(receptacle, missing));
  return search(view, likely.length > 0 ? likely : unseen)
    .map((command) => ({ subgoal: `find ${missing}`, command }))
    .filter(admissible);
}

/**
 * What can be done before everything is known: put the first of two things in place; take the thing before the lamp is
 * found.
 */
function partOf(play: TextGamePlay, task: Task, view: HouseholdView): ReturnType<typeof advise> {
  if (task.type === 'pick_two_obj_and_place') {
    const advice = advise(play, { ...task, type: 'pick_and_place_simple' }, view);
    return advice && advice.plan.length > 0 ? advice : null;
  }
  return task.type === 'look_at_obj_in_light' ? fetchTarget(view, task) : null;
}

/** What must be found first. */
function missingKind(view: HouseholdView, { type, object, lamp }: Task): string {
  const isHeld = view.hand !== null && view.kind(view.hand) === object.toLowerCase();
  return (type === 'look_at_obj_in_light' && isHeld ? lamp : object).toLowerCase();
}

/** At a closed one: open it. Else the way to any, open ones first. */
function search(view: HouseholdView, places: readonly Receptacle[]): string[] {
  const closedHere = places.filter(({ place, openable, open }) => place === view.place && openable && !open);
  if (closedHere.length > 0)
    return closedHere.map(({ entity }) => view.wording.command('open', { receptacle: entity }));
  const isClosed = ({ openable, open }: Receptacle): number => Number(openable && !open);
  return places
    .filter(({ place }) => place !== view.place)
    .toSorted((a, b) => isClosed(a) - isClosed(b))
    .map(({ entity }) => view.wording.command('go', { receptacle: entity }));
}

/** The first command of a plan that does more than go or open. */
function subgoalOf(plan: readonly string[], wording: CommandWording): string {
  return plan.find((command) => !wording.isWay(command)) ?? plan.at(-1)!;
}

function distinct(all: readonly Lead[]): readonly Lead[] {
  return all.filter(
    ({ subgoal, command }, index) =>
      all.findIndex((other) => other.subgoal === subgoal && other.command === command) === index,
  );
}
