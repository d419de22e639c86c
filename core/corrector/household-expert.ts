/** The expert of household tasks: plans from what was seen so far, and judges thoughts against the true state. */
import { isDeepStrictEqual } from 'node:util';
import { ConfigError } from '../../configs/schema.ts';
import { AlfworldEnvironment } from '../envs/alfworld/alfworld.ts';
import type { Entity } from '../envs/alfworld/entities.ts';
import { type Task, WANTED_PROPERTY } from '../envs/alfworld/goal-conditions.ts';
import { HouseholdView } from '../envs/alfworld/household-view.ts';
import type { Lead } from '../envs/alfworld/leads.ts';
import type { Environment } from '../envs/env.ts';
import type { Expert, Plan } from './expert.ts';
import { fillThought } from './solver-thought.ts';

/** There are endlessly many continuations, so there is no target: a thought proposes a sub-goal and a command. */
export const householdExpert: Expert = {
  percepts: ['place', 'seen', 'wanted', 'hand'],

  bestPlan(household) {
    const environment = native(household);
    const [lead] = environment.leads();
    return lead === undefined ? null : planOf(environment, lead);
  },

  proposedPlan(household, thought, template) {
    const environment = native(household);
    return (
      environment
        .leads()
        .map((lead) => planOf(environment, lead))
        .find((plan) => isDeepStrictEqual(plan.word(template), thought)) ?? null
    );
  },

  /**
   * Fetches things and puts them in place, but never washes, warms or chills them; then looks around.
   */
  naivePlan(household) {
    const environment = native(household);
    const { task } = environment;
    const [lead] = environment.leads(WANTED_PROPERTY[task.type] ? { ...task, type: 'pick_and_place_simple' } : task);
    return planOf(environment, lead ?? { subgoal: 'look', command: 'look' });
  },
};

/** Only the native engine's households expose the true state. */
function native(environment: Environment): AlfworldEnvironment {
  if (environment instanceof AlfworldEnvironment) return environment;
  throw new ConfigError(
    'corrector.teacher: the solver cannot see the original simulator\'s state; choose "openai", or ' +
      'environment.options.simulator "native".',
  );
}

/**
 * Placeholders of a thought: {place} where the agent stands, {seen} what is there, {wanted} the part of it that the
 * task is about, {hand} what is in hand, {subgoal}, {next} the command.
 */
function planOf(environment: AlfworldEnvironment, { subgoal, command }: Lead): Plan {
  const view = new HouseholdView(environment.play);
  const words = {
    place: placeWords(view),
    seen: seenWords(view),
    wanted: seenWords(view, environment.task),
    hand: view.hand === null ? 'nothing' : thingWords(view, view.hand),
    subgoal,
    next: command,
  };
  return { target: null, action: command, word: (template) => fillThought(template, words) };
}

function placeWords(view: HouseholdView): string {
  return view.here.length === 0 ? 'the middle of the room' : view.here.map(({ entity }) => entity.name).join(', ');
}

/**
 * The things on and in what the agent faces, or those of them that a task is about; for a closed receptacle, that it is
 * closed.
 */
function seenWords(view: HouseholdView, task?: Task): string {
  const kinds = task && [task.object.toLowerCase(), task.lamp.toLowerCase()];
  const seen = view.here.flatMap(({ entity, openable, open }) =>
    openable && !open
      ? [`closed ${entity.name}`]
      : view
          .contents(entity)
          .filter((thing) => kinds?.includes(view.kind(thing)) ?? true)
          .map((thing) => thingWords(view, thing)),
  );
  return seen.length === 0 ? 'nothing' : seen.join(', ');
}

const STATES = [
  ['isclean', 'clean'],
  ['ishot', 'hot'],
  ['iscool', 'cold'],
  ['istoggled', 'lit'],
] as const;

/** `clean hot mug 1`. */
function thingWords(view: HouseholdView, thing: Entity): string {
  return [...STATES.filter(([property]) => view.is(property, thing)).map(([, word]) => word), thing.name].join(' ');
}
