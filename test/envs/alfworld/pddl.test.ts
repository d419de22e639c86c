/** PDDL: what conditions, effects and goals mean, and what is refused. */
import test from 'ava';
import { readLisp } from '../../../core/envs/alfworld/lisp-list.ts';
import { readDomain, readProblem } from '../../../core/envs/alfworld/pddl-domain.ts';
import { action, tinyGame } from './tiny-game.ts';

/**
 * Commands for which `flip` is possible under a precondition; coin 2 is coin_bar_1 (names count down), coin 1 is
 * coin_bar_2.
 */
const possible = (precondition: string, parameters = '?x - coin'): readonly string[] =>
  tinyGame({
    actions: action('flip', parameters, precondition, '(and (not (heads ?x)) (tails ?x) (in ?x ?x))'),
  }).start().commands;

test('text becomes nested lower-case lists without comments', (t) => {
  t.deepEqual(readLisp('(define (Domain X) ; (comment\n (p ?A?b)\r\n\t())', 'text'), [
    'define',
    ['domain', 'x'],
    ['p', '?a', '?b'],
    [],
  ]);
});

for (const [text, message] of [
  ['(a', 'The text ends before its last parenthesis is closed.'],
  ['', 'The text ends before its last parenthesis is closed.'],
  ['a', 'The text must begin with "(", not with "a".'],
  ['(a) (b)', 'The text continues after its last parenthesis, at "(".'],
  ['(bär)', 'The text has a character outside ASCII in "bär".'],
]) {
  test(`refused: ${JSON.stringify(text)}`, (t) => {
    t.throws(() => readLisp(text, 'text'), { name: 'AlfworldGameError', message });
  });
}

const conditions: [string, string[]][] = [
  ['()', ['flip coin 1', 'flip coin 2']],
  ['(heads ?x)', ['flip coin 2']],
  ['(not (heads ?x))', ['flip coin 1']],
  ['(and (heads ?x) (tails ?x))', []],
  ['(or (heads ?x) (tails ?x))', ['flip coin 1', 'flip coin 2']],
  ['(imply (heads ?x) (tails ?x))', ['flip coin 1']],
  ['(not (or (heads ?x) (and (tails ?x) (not (tails ?x)))))', ['flip coin 1']],
  ['(exists (?b - box) (in ?x ?b))', ['flip coin 2']],
  ['(not (exists (?b - box) (in ?x ?b)))', ['flip coin 1']],
  ['(forall (?b - box) (in ?x ?b))', ['flip coin 2']],
  ['(forall (?c - coin) (or (heads ?c) (tails ?c)))', ['flip coin 1', 'flip coin 2']],
  ['(forall (?c - coin) (heads ?c))', []],
  ['(forall (?c - unheard) (heads ?c))', ['flip coin 1', 'flip coin 2']],
  ['(exists (?c - unheard,) (not (heads ?c)))', []],
  ['(exists (?c - coin) (and (not (= ?c ?x)) (heads ?c)))', ['flip coin 1']],
  ['(= ?x coin_bar_2)', ['flip coin 1']],
  // The inner ?x hides the parameter.
  ['(and (tails ?x) (exists (?x - coin) (heads ?x)))', ['flip coin 1']],
  [
    '(or (exists (?b - box) (in ?x ?b)) (exists (?c - coin) (and (tails ?c) (= ?c ?x))))',
    ['flip coin 1', 'flip coin 2'],
  ],
];
for (const [precondition, expected] of conditions) {
  test(`precondition ${precondition}`, (t) => t.deepEqual(possible(precondition), expected));
}

test('a parameter type includes its descendants', (t) => {
  t.deepEqual(possible('()', '?x - thing'), ['flip box 1', 'flip coin 1', 'flip coin 2']);
  t.deepEqual(possible('()', '?x'), ['flip box 1', 'flip coin 1', 'flip coin 2']);
});

test('an action that would change nothing for certain has no command, as Fast Downward leaves it out', (t) => {
  const swap = action('flip', '?x ?y - coin', '(heads ?x)', '(and (not (heads ?x)) (heads ?y))');
  const texts = { flip: { template: 'move {x} to {y}', feedback: 'Done.' } };
  t.deepEqual(tinyGame({ actions: swap, texts }).start().commands, ['move coin 2 to coin 1']);
  const again = action('flip', '?x - coin', '(heads ?x)', '(heads ?x)');
  t.deepEqual(tinyGame({ actions: again }).start().commands, []);
  // Here nothing changes either, but only in this state: the command stays.
  const idempotent = action('flip', '?x - coin', '()', '(heads ?x)');
  t.deepEqual(tinyGame({ actions: idempotent }).start().commands, ['flip coin 1', 'flip coin 2']);
});

test('effects are judged on the state before, additions win over deletions', (t) => {
  const turnAll = action(
    'flip',
    '?x - coin',
    '()',
    `(and (increase (total-cost) 1) (not (in ?x box_bar_1)) (in ?x box_bar_1)
    (forall (?c - coin) (and (when (heads ?c) (and (not (heads ?c)) (tails ?c))) (when (tails ?c) (and (not (tails ?c)) (heads ?c))))))`,
  );
  const play = tinyGame({ actions: turnAll }).start();
  play.step('flip coin 1');
  const ids = (predicate: string): string[][] => play.facts(predicate).map((things) => things.map(({ id }) => id));
  t.deepEqual(ids('heads'), [['coin_bar_2']]);
  t.deepEqual(ids('tails'), [['coin_bar_1']]);
  t.deepEqual(ids('in'), [
    ['coin_bar_1', 'box_bar_1'],
    ['coin_bar_2', 'box_bar_1'],
  ]);
  play.step('flip coin 1');
  t.deepEqual(ids('heads'), [['coin_bar_1']]);
});

test('an effect may depend on what exists', (t) => {
  const check = action('flip', '?x - coin', '()', '(when (exists (?b - box) (in ?x ?b)) (tails ?x))');
  const play = tinyGame({ actions: check }).start();
  play.step('flip coin 1');
  t.false(play.won);
  play.step('flip coin 2');
  t.true(play.won);
});

test('the goal is judged after every step and at the start', (t) => {
  const play = tinyGame({ goal: '(forall (?c - coin) (tails ?c))' }).start();
  t.false(play.won);
  t.deepEqual(play.step('flip coin 2'), { feedback: 'You flip coin 2.', won: true });
  t.true(tinyGame({ goal: '(exists (?c - coin) (heads ?c))' }).start().won);
});

test('episodes of one game do not share facts', (t) => {
  const game = tinyGame({});
  const first = game.start();
  first.step('flip coin 2');
  t.deepEqual(first.commands, []);
  t.deepEqual(game.start().commands, ['flip coin 2']);
});

const domain = (body: string): string => `(define (domain d) (:predicates (p ?x)) ${body})`;
const refusals: [string, string][] = [
  [domain('(:requirements :durative-actions)'), 'The PDDL requirement ":durative-actions" is not supported.'],
  [domain('(:derived (p ?x) ())'), 'The section ":derived" of a PDDL domain is not supported.'],
  [domain('(:types a - (either b c))'), 'A type must be one name, but :types has "(either ...)" after "-".'],
  [domain(action('a', '?x', '(q ?x)', '(p ?x)')), 'The predicate "q" in action "a" is not declared.'],
  [domain(action('a', '?x', '(p ?x ?x)', '(p ?x)')), '"p" takes 1 arguments, in action "a" it has 2.'],
  [domain(action('a', '?x', '(preference z (p ?x))', '(p ?x)')), '"preference" in action "a" is not supported.'],
  [domain(action('a', '?x', '(>= (f) 1)', '(p ?x)')), '">=" in action "a" is not supported.'],
  [
    domain(action('a', '?x', '()', '(assign (f) 1)')),
    'The effect "assign" of action "a" is not supported: only costs may be numbers.',
  ],
  [domain(action('a', '?x', '()', '(or (p ?x) (p ?x))')), '"or" cannot be an effect, as in action "a".'],
  [domain('(:action a :duration 3 :effect (p ?x))'), 'The field ":duration" of action "a" is not supported.'],
  ['(define (problem d))', 'A PDDL domain begins with "(define (domain NAME)".'],
];
for (const [text, message] of refusals) {
  test(`refused: ${message}`, (t) => {
    t.throws(() => readDomain(text), { name: 'AlfworldGameError', message });
  });
}

const problems: [string, string][] = [
  ['(:domain other)', 'The problem is of the domain "other", not "d".'],
  ['(:domain d) (:init (q x))', 'The predicate "q" in :init is not declared.'],
  ['(:domain d) (:init (p (x)))', 'A fact of :init has a list where a name was expected.'],
  ['(:domain d) (:init)', 'The PDDL problem has no goal.'],
  ['(:domain d) (:constraints (always (p x)))', 'The section ":constraints" of a PDDL problem is not supported.'],
];
for (const [body, message] of problems) {
  test(`refused: ${message}`, (t) => {
    t.throws(() => readProblem(`(define (problem p) ${body})`, readDomain(domain(''))), {
      name: 'AlfworldGameError',
      message,
    });
  });
}

const games: [Parameters<typeof tinyGame>[0], string][] = [
  [{ objects: 'a a - coin', init: '', goal: '()' }, 'The object "a" is declared twice.'],
  [{ objects: 'a - dog', init: '', goal: '()' }, 'The object "a" has the undeclared type "dog".'],
  [{ init: '(heads penny)' }, 'The fact "heads penny" mentions "penny", which is not declared.'],
  [{ goal: '(heads penny)' }, 'The object "penny" of the goal is not declared.'],
  [{ goal: '(heads ?c)' }, 'The variable "?c" of the goal is not declared.'],
  [{ texts: {} }, 'The action "flip" has no texts in the grammar.'],
  [
    { predicates: `(heads ?x) (tails ?x) (in ${Array.from({ length: 40 }, (_, i) => `?v${i}`).join(' ')})`, init: '' },
    'The predicate "in" has 40 arguments, too many for a game of 3 things.',
  ],
];
for (const [parts, message] of games) {
  test(`refused: ${message}`, (t) => {
    t.throws(() => tinyGame(parts), { name: 'AlfworldGameError', message });
  });
}
