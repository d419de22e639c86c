/**
 * The project's own household: rules as a PDDL domain and texts as a grammar, with the predicates and commands that
 * ALFWorld's games use.
 */

/** The rules. The agent stands at a place, which several receptacles may share; it holds one thing at a time. */
export const OWN_DOMAIN = `(define (domain household)
  (:requirements :adl :typing)
  (:types agent place receptacle thing kind - object)
  (:predicates
    (atLocation ?a - agent ?l - place) (receptacleAtLocation ?r - receptacle ?l - place)
    (receptacleType ?r - receptacle ?k - kind) (objectType ?o - thing ?k - kind) (canContain ?rk ?ok - kind)
    (openable ?r - receptacle) (opened ?r - receptacle) (inReceptacle ?o - thing ?r - receptacle)
    (holds ?a - agent ?o - thing) (holdsAny ?a - agent)
    (pickupable ?o - thing) (cleanable ?o - thing) (heatable ?o - thing) (coolable ?o - thing) (toggleable ?o - thing)
    (isClean ?o - thing) (isHot ?o - thing) (isCool ?o - thing) (isToggled ?o - thing)
    (noticed ?x - object))
  (:action look :parameters (?a - agent ?l - place) :precondition (atLocation ?a ?l) :effect (noticed ?l))
  (:action inventory :parameters (?a - agent) :effect (noticed ?a))
  (:action examineReceptacle :parameters (?a - agent ?r - receptacle)
    :precondition (exists (?l - place) (and (atLocation ?a ?l) (receptacleAtLocation ?r ?l))) :effect (noticed ?r))
  (:action examineThing :parameters (?a - agent ?o - thing) :precondition (holds ?a ?o) :effect (noticed ?o))
  (:action goTo :parameters (?a - agent ?from ?to - place ?r - receptacle)
    :precondition (and (atLocation ?a ?from) (receptacleAtLocation ?r ?to))
    :effect (and (not (atLocation ?a ?from)) (atLocation ?a ?to)))
  (:action open :parameters (?a - agent ?l - place ?r - receptacle)
    :precondition (and (atLocation ?a ?l) (receptacleAtLocation ?r ?l) (openable ?r) (not (opened ?r))) :effect (opened ?r))
  (:action close :parameters (?a - agent ?l - place ?r - receptacle)
    :precondition (and (atLocation ?a ?l) (receptacleAtLocation ?r ?l) (opened ?r)) :effect (not (opened ?r)))
  (:action take :parameters (?a - agent ?l - place ?o - thing ?r - receptacle)
    :precondition (and (atLocation ?a ?l) (receptacleAtLocation ?r ?l) (inReceptacle ?o ?r) (pickupable ?o) (not (holdsAny ?a)) (imply (openable ?r) (opened ?r)))
    :effect (and (not (inReceptacle ?o ?r)) (holds ?a ?o) (holdsAny ?a)))
  (:action put :parameters (?a - agent ?l - place ?o - thing ?r - receptacle ?ok ?rk - kind)
    :precondition (and (holds ?a ?o) (atLocation ?a ?l) (receptacleAtLocation ?r ?l) (objectType ?o ?ok) (receptacleType ?r ?rk) (canContain ?rk ?ok)
      (imply (openable ?r) (opened ?r)))
    :effect (and (inReceptacle ?o ?r) (not (holds ?a ?o)) (not (holdsAny ?a))))
  (:action clean :parameters (?a - agent ?l - place ?o - thing ?r - receptacle)
    :precondition (and (holds ?a ?o) (cleanable ?o) (atLocation ?a ?l) (receptacleAtLocation ?r ?l) (receptacleType ?r SinkBasinType)) :effect (isClean ?o))
  (:action heat :parameters (?a - agent ?l - place ?o - thing ?r - receptacle)
    :precondition (and (holds ?a ?o) (heatable ?o) (atLocation ?a ?l) (receptacleAtLocation ?r ?l) (receptacleType ?r MicrowaveType))
    :effect (and (isHot ?o) (not (isCool ?o))))
  (:action cool :parameters (?a - agent ?l - place ?o - thing ?r - receptacle)
    :precondition (and (holds ?a ?o) (coolable ?o) (atLocation ?a ?l) (receptacleAtLocation ?r ?l) (receptacleType ?r FridgeType))
    :effect (and (isCool ?o) (not (isHot ?o))))
  (:action use :parameters (?a - agent ?l - place ?o - thing ?r - receptacle)
    :precondition (and (toggleable ?o) (inReceptacle ?o ?r) (atLocation ?a ?l) (receptacleAtLocation ?r ?l)) :effect (isToggled ?o)))`;

type Production = { readonly condition?: string; readonly rhs: string };

const SYMBOLS: Readonly<Record<string, readonly Production[]>> = {
  intro: [{ rhs: 'Welcome home.\n\n#look#\n\n#task#' }],
  look: [
    {
      condition: 'atlocation(a:agent, l:place) & receptacleatlocation(r:receptacle, l:place)',
      rhs: 'You stand before [{r.name | atlocation(a:agent, l:place) & receptacleatlocation(r:receptacle, l:place)}].',
    },
    {
      rhs:
        'You stand in the middle of the room. Around you are [{#one(r)# | receptacleatlocation(r:receptacle, ' +
        'any:place)}].',
    },
  ],
  'one(r)': [{ rhs: 'a {r.name}' }],
  inside: [
    { condition: 'openable(r:receptacle) & opened(r:receptacle)', rhs: 'The {r.name} is open. In it is #contents#.' },
    { condition: 'openable(r:receptacle)', rhs: 'The {r.name} is closed.' },
    { rhs: 'On the {r.name} is #contents#.' },
  ],
  contents: [{ rhs: "[{'a ' + o.name | inreceptacle(o:thing, r:receptacle)}]" }],
  state: [
    { condition: 'ishot(o:thing) & isclean(o:thing)', rhs: 'hot and clean' },
    { condition: 'iscool(o:thing) & isclean(o:thing)', rhs: 'cold and clean' },
    { condition: 'ishot(o:thing)', rhs: 'hot' },
    { condition: 'iscool(o:thing)', rhs: 'cold' },
    { condition: 'isclean(o:thing)', rhs: 'clean' },
    { rhs: 'ordinary' },
  ],
  list_empty: [{ rhs: 'nothing' }],
  list_separator: [{ rhs: ', ' }],
  list_last_separator: [{ rhs: ', and ' }],
};

/** Action -> command and answer. The commands are ALFWorld's. */
const TEXTS: Readonly<Record<string, readonly [command: string, answer: string]>> = {
  look: ['look', '#look#'],
  inventory: ['inventory', "In your hand is [{'a ' + o.name | holds(a:agent, o:thing)}]."],
  examineReceptacle: ['examine {r}', '#inside#'],
  examineThing: ['examine {o}', 'The {o.name} is #state#.'],
  goTo: ['go to {r}', 'You are at the {r.name}. #inside#'],
  open: ['open {r}', 'You open the {r.name}. #inside#'],
  close: ['close {r}', 'You close the {r.name}.'],
  take: ['take {o} from {r}', 'You take the {o.name} from the {r.name}.'],
  put: ['move {o} to {r}', 'You put the {o.name} into or onto the {r.name}.'],
  clean: ['clean {o} with {r}', 'You wash the {o.name} in the {r.name}.'],
  heat: ['heat {o} with {r}', 'You warm the {o.name} in the {r.name}.'],
  cool: ['cool {o} with {r}', 'You chill the {o.name} in the {r.name}.'],
  use: ['use {o}', 'You switch on the {o.name}.'],
};

/**
 * The texts of a game with this task sentence. Its first text ends with a line `Your task is to: ...`, as ALFWorld's
 * does.
 */
export function ownGrammar(sentence: string): string {
  const symbols = { ...SYMBOLS, task: [{ rhs: `Your task is to: ${sentence}.` }] };
  const actions = Object.entries(TEXTS).map(
    ([name, [template, feedback]]) => `action ${name} { template :: "${template}"; feedback :: "${feedback}"; }`,
  );
  return `grammar :: """${JSON.stringify(symbols)}""";\n${actions.join('\n')}\n`;
}
