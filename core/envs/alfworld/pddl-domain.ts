/** PDDL domains and problems: types, predicates, constants, actions; objects, first facts, goal. */
import { AlfworldGameError } from './game-error.ts';
import { readLisp, readTypedNames, type Lisp, type TypedName } from './lisp-list.ts';
import { ALWAYS, readCondition, readEffects, type Condition, type Effect } from './pddl-condition.ts';

export type Action = {
  readonly name: string;
  readonly parameters: readonly TypedName[];
  readonly precondition: Condition;
  readonly effects: readonly Effect[];
};

export type Domain = {
  readonly name: string;
  /** Every type with its direct parent, in order of declaration, `object` first. */
  readonly types: readonly TypedName[];
  readonly constants: readonly TypedName[];
  /** Number of arguments by predicate. */
  readonly predicates: ReadonlyMap<string, number>;
  readonly actions: readonly Action[];
};

/** `facts` are the true atoms; numbers such as `(= (distance a b) 3)` are left out. */
export type Problem = {
  readonly name: string;
  readonly objects: readonly TypedName[];
  readonly facts: readonly (readonly string[])[];
  readonly goal: Condition;
};

const SUPPORTED = new Set([
  ':strips',
  ':typing',
  ':adl',
  ':action-costs',
  ':equality',
  ':negative-preconditions',
  ':disjunctive-preconditions',
  ':existential-preconditions',
  ':universal-preconditions',
  ':quantified-preconditions',
  ':conditional-effects',
]);

/** @throws AlfworldGameError on malformed text or an unsupported section, requirement, condition or effect */
export function readDomain(text: string): Domain {
  const [define, heading, ...sections] = readLisp(text, 'PDDL domain');
  const name = nameOf(define, heading, 'domain');
  const types: TypedName[] = [{ name: 'object', type: '' }];
  let constants: TypedName[] = [];
  const predicates = new Map<string, number>();
  const actions: Action[] = [];
  for (const section of sections) {
    const [tag, ...rest] = asList(section, 'PDDL domain');
    if (tag === ':requirements') {
      for (const word of rest)
        if (!SUPPORTED.has(String(word)))
          throw new AlfworldGameError(`The PDDL requirement "${String(word)}" is not supported.`);
    } else if (tag === ':types') types.push(...readTypedNames(rest, ':types'));
    else if (tag === ':constants') constants = readTypedNames(rest, ':constants');
    else if (tag === ':predicates') {
      for (const entry of rest) {
        const [predicate, ...parameters] = asList(entry, ':predicates');
        predicates.set(String(predicate), readTypedNames(parameters, ':predicates').length);
      }
    } else if (tag === ':functions') continue;
    else if (tag === ':action') actions.push(readAction(rest, predicates));
    else throw new AlfworldGameError(`The section "${String(tag)}" of a PDDL domain is not supported.`);
  }
  return { name, types, constants, predicates, actions: actions.filter((action) => action.effects.length > 0) };
}

function readAction([name, ...fields]: Lisp[], predicates: ReadonlyMap<string, number>): Action {
  const where = `action "${String(name)}"`;
  let parameters: TypedName[] = [];
  let precondition: Condition = ALWAYS;
  let effects: Effect[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    const value = fields[i + 1];
    if (value === undefined) throw new AlfworldGameError(`The field "${String(fields[i])}" of ${where} has no value.`);
    if (fields[i] === ':parameters') parameters = readTypedNames(asList(value, where), where);
    else if (fields[i] === ':precondition') precondition = readCondition(value, predicates, where);
    else if (fields[i] === ':effect') effects = readEffects(value, predicates, where);
    else throw new AlfworldGameError(`The field "${String(fields[i])}" of ${where} is not supported.`);
  }
  for (const { name: parameter } of parameters) {
    if (parameter[0] !== '?')
      throw new AlfworldGameError(`The parameter "${parameter}" of ${where} must begin with "?".`);
  }
  return { name: String(name), parameters, precondition, effects };
}

/** @throws AlfworldGameError on malformed text, a problem of another domain, or an unsupported section or goal */
export function readProblem(text: string, domain: Domain): Problem {
  const [define, heading, ...sections] = readLisp(text, 'PDDL problem');
  const name = nameOf(define, heading, 'problem');
  let objects: TypedName[] = [];
  let facts: string[][] = [];
  let goal: Condition | null = null;
  for (const section of sections) {
    const [tag, ...rest] = asList(section, 'PDDL problem');
    if (tag === ':domain') {
      if (rest[0] !== domain.name)
        throw new AlfworldGameError(`The problem is of the domain "${String(rest[0])}", not "${domain.name}".`);
    } else if (tag === ':objects') objects = readTypedNames(rest, ':objects');
    else if (tag === ':init') facts = readFacts(rest, domain.predicates);
    else if (tag === ':goal') goal = readCondition(rest[0] ?? [], domain.predicates, 'the goal');
    else if (tag !== ':requirements' && tag !== ':metric')
      throw new AlfworldGameError(`The section "${String(tag)}" of a PDDL problem is not supported.`);
  }
  if (!goal) throw new AlfworldGameError('The PDDL problem has no goal.');
  return { name, objects, facts, goal };
}

function readFacts(list: readonly Lisp[], predicates: ReadonlyMap<string, number>): string[][] {
  const facts: string[][] = [];
  for (const entry of list) {
    const fact = asList(entry, ':init');
    const predicate = fact[0];
    if (predicate === '=' || predicate === 'not') continue;
    if (typeof predicate !== 'string' || !fact.every((word) => typeof word === 'string')) {
      throw new AlfworldGameError('A fact of :init has a list where a name was expected.');
    }
    const arity = predicates.get(predicate);
    if (arity === undefined) throw new AlfworldGameError(`The predicate "${predicate}" in :init is not declared.`);
    if (arity !== fact.length - 1)
      throw new AlfworldGameError(`"${predicate}" takes ${arity} arguments, in :init it has ${fact.length - 1}.`);
    facts.push(fact as string[]);
  }
  return facts;
}

function nameOf(define: Lisp | undefined, heading: Lisp | undefined, kind: string): string {
  if (define !== 'define' || !Array.isArray(heading) || heading[0] !== kind || typeof heading[1] !== 'string') {
    throw new AlfworldGameError(`A PDDL ${kind} begins with "(define (${kind} NAME)".`);
  }
  return heading[1];
}

function asList(value: Lisp, where: string): Lisp[] {
  if (typeof value === 'string')
    throw new AlfworldGameError(`A list was expected in the ${where.replace(/^the /, '')}, not "${value}".`);
  return value;
}
