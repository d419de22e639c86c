/** The text grammar: how loosely texts are read, queries, lists, expressions, names. */
import test from 'ava';
import { readGrammarDocument } from '../../../core/envs/alfworld/grammar-document.ts';
import { readSymbols } from '../../../core/envs/alfworld/grammar-symbols.ts';
import { action, tinyGame } from './tiny-game.ts';

/** The first text of a tiny game whose intro is `rhs`. */
const intro = (rhs: string, parts: Parameters<typeof tinyGame>[0] = {}): string =>
  tinyGame({ ...parts, productions: { intro: [{ rhs }], ...parts.productions } }).start().intro;

const literal = (text: string): string =>
  readSymbols(text)
    .map((symbol) => (symbol.kind === 'text' ? symbol.text : `<${symbol.kind}>`))
    .join('');
// What the original's parser leaves of a goal text.
const loose: [string, string][] = [
  ['Put it, there.', 'Put it, there.'],
  ['Heat up the bread; no - cook it.', 'Heat up the bread'],
  ['a | b', 'a '],
  ['a < b', 'a '],
  ['a # b', 'a '],
  ['a [x] b', 'a '],
  ['a } b', 'a '],
  ['put "two" in', 'put two in'],
  ['say "open', 'say '],
  ['\n  Available\n  x', 'Available\n  x'],
  ['// comment\nrest', 'rest'],
  ['a\n  // kept', 'a\n  // kept'],
  ['\t\ttabs\tinside', 'tabs\tinside'],
  ['', ''],
  ['{x}\t y', '<conditional> y'],
  ['[{x | p(x)}] and #y#', '<list> and <symbol>'],
  ['{#s(x)# | p(x)}', '<conditional>'],
  ['[{x}', ''],
];
for (const [text, expected] of loose)
  test(`read loosely: ${JSON.stringify(text)}`, (t) => t.is(literal(text), expected));

test('lists are empty, single, or joined, in order of the ids', (t) => {
  const list = '[{x.name | heads(x:coin)}]';
  t.is(intro(list, { init: '' }), 'nothing');
  t.is(intro(list), 'coin 2');
  const objects = 'coin_bar_c coin_bar_a coin_bar_b - coin box_bar_1 - box';
  const goal = '(tails coin_bar_a)';
  t.is(intro(list, { objects, goal, init: '(heads coin_bar_c) (heads coin_bar_a)' }), 'coin 2, and coin 1');
  t.is(
    intro(list, { objects, goal, init: '(heads coin_bar_c) (heads coin_bar_b) (heads coin_bar_a)' }),
    'coin 3, coin 2, and coin 1',
  );
});

test('names count down within a stem; basins get their own; an id without _bar_ keeps a blank', (t) => {
  const objects = 'Sink_bar_1_bar_SinkBasin Sink_bar_2 sink_bar_3 Fork - box coin_bar_1 coin_bar_2 - coin';
  const init = '(heads Sink_bar_1_bar_SinkBasin) (heads sink_bar_2) (heads sink_bar_3) (heads fork)';
  t.is(intro('[{x.name | heads(x:box)}]', { objects, init }), 'fork , sinkbasin 1, sink 2, and sink 1');
});

test('the first production whose condition holds is taken, with placeholders bound by the action', (t) => {
  const look = action('look', '?x - coin', '()', '(in ?x ?x)');
  const play = tinyGame({
    actions: look,
    productions: {
      state: [
        { condition: 'heads(x:coin) & in(x:coin, b:box)', rhs: 'up in a box' },
        { condition: 'heads(x:coin)', rhs: 'up' },
        { rhs: 'down' },
      ],
    },
    texts: { look: { template: 'look at {x}', feedback: '{x.indefinite} {x.name} is #state#.' } },
  }).start();
  t.is(play.step('look at coin 2').feedback, 'a coin 2 is up in a box.');
  t.is(play.step('look at coin 1').feedback, 'a coin 1 is down.');
});

test('different placeholders stand for different things', (t) => {
  t.is(
    intro('[{a.name + b.name | heads(a:coin) & heads(b:coin)}]', { init: '(heads coin_bar_1) (heads coin_bar_2)' }),
    'coin 2coin 1, and coin 1coin 2',
  );
  t.is(intro('[{a.name | heads(a:coin) & heads(b:coin)}]'), 'nothing');
});

test('a placeholder takes descendants of its type, exact types first', (t) => {
  const init = '(heads box_bar_1) (heads coin_bar_1)';
  t.is(intro('[{a.name | heads(a:thing)}]', { init }), 'box 1, and coin 1');
  t.is(intro('[{a.name | heads(a:box)}]', { init }), 'box 1');
});

test('what an action deletes is on record as not_..., and gone when it is true again', (t) => {
  const actions =
    action('flip', '?x - coin', '(heads ?x)', '(and (not (heads ?x)) (tails ?x))') +
    action('back', '?x - coin', '(tails ?x)', '(and (heads ?x) (not (tails ?x)))') +
    action('list', '', '()', '(in box_bar_1 box_bar_1)');
  const play = tinyGame({
    actions,
    texts: {
      flip: { template: 'flip {x}', feedback: '' },
      back: { template: 'back {x}', feedback: '' },
      list: { template: 'list', feedback: '[{y.name | not_heads(y:coin)}]' },
    },
  }).start();
  const after = (command: string): string => {
    play.step(command);
    return play.step('list').feedback;
  };
  t.is(after('look'), 'nothing');
  t.is(after('flip coin 2'), 'coin 2');
  t.is(after('back coin 1'), 'coin 2');
  t.is(after('back coin 2'), 'nothing');
});

test('a command is taken after strip, never otherwise changed; anything else does nothing', (t) => {
  const play = tinyGame({}).start();
  for (const command of ['', 'flip coin 1', 'Flip coin 2', 'flip  coin 2', 'flip coin 2.', '\ufeffflip coin 2']) {
    t.deepEqual(play.step(command), { feedback: 'Nothing happens.', won: false });
  }
  t.deepEqual(play.step(' \t\x1cflip coin 2\n'), { feedback: 'You flip coin 2.', won: true });
  t.deepEqual(play.step('flip coin 2'), { feedback: 'Nothing happens.', won: true });
});

test('commands may depend on changing facts', (t) => {
  const actions = action('flip', '?x - coin', '()', '(and (not (heads ?x)) (tails ?x))');
  const play = tinyGame({
    actions,
    productions: { way: [{ condition: 'heads(x:coin)', rhs: 'over' }, { rhs: 'again' }] },
    texts: { flip: { template: 'flip {x} #way#', feedback: 'Done.' } },
  }).start();
  t.deepEqual(play.commands, ['flip coin 1 again', 'flip coin 2 over']);
  play.step('flip coin 2 over');
  t.deepEqual(play.commands, ['flip coin 1 again', 'flip coin 2 again']);
});

test('expressions know attributes, texts, +, or, and, not, if', (t) => {
  const one = (expression: string): string => intro(`[{${expression} | heads(x:coin)}]`);
  t.is(one('x'), 'coin 2');
  t.is(one("x.indefinite + ' ' + x.name"), 'a coin 2');
  t.is(one('x.adj or x.id'), 'coin_bar_1');
  t.is(one('x.adj'), 'None');
  t.is(one("'yes' if x.noun or not x.desc else 'no'"), 'yes');
  t.is(one('(x.type and x.definite)'), 'the');
});

const refusals: [() => unknown, string][] = [
  [() => intro('{x}'), 'The expression "{x}" of the text grammar names "x", which is not bound to anything.'],
  [
    () => intro('[{x.name.upper() | heads(x:coin)}]'),
    'The expression "{x.name.upper()}" of the text grammar is not supported at "upper".',
  ],
  [() => intro('{1}'), 'The expression "{1}" of the text grammar is not supported at "1".'],
  [() => intro('[{x + x.name | heads(x:coin)}]'), '"+" in "{x + x.name}" joins something that is not text.'],
  [() => intro('#nowhere#'), 'The text grammar has no symbol "#nowhere#".'],
  [
    () => intro('#s#', { productions: { s: [{ condition: 'tails(b:box)', rhs: 'x' }] } }),
    'No production of the text grammar\'s symbol "#s#" applies.',
  ],
  [() => intro('#intro#'), 'The text grammar never ends at "#intro#".'],
  [
    () => intro('[{x.name | heads(x:dog)}]'),
    'The condition "heads(x:dog)" of the text grammar names the undeclared type "dog".',
  ],
  [() => intro('[{x.name | heads x}]'), 'The condition "heads x" of the text grammar is not supported.'],
  [
    () => readGrammarDocument('action a { template :: "x"; }'),
    'The action "a" of the text grammar needs a template and a feedback.',
  ],
  [
    () => readGrammarDocument('action a { colour :: "x"; }'),
    'The action "a" of the text grammar has the unknown field "colour".',
  ],
  [() => readGrammarDocument('\n\nnonsense'), 'The text grammar needs "action" in line 3, at "nonsense".'],
  [() => readGrammarDocument('grammar :: """{"a": [{}]}""";'), 'A production of "a" has no text "rhs".'],
];
for (const [make, message] of refusals) {
  test(`refused: ${message}`, (t) => {
    t.throws(make, { name: 'AlfworldGameError', message });
  });
}

test('blocks may have comments and grammars of actions, later symbols replace earlier ones', (t) => {
  const { productions, actions } = readGrammarDocument(`# top
    grammar :: """ {"a": [{"rhs": "1"}]} """;
    action Do_it { # said here
      feedback :: "#a#"; template :: "do";
      grammar :: """
        # a line to leave out
        {"a": [{"rhs": "2", "weight": 3}]}
      """;
    }`);
  t.deepEqual(productions.get('a'), [{ condition: '', text: '2' }]);
  t.deepEqual(actions.get('do_it'), { template: 'do', feedback: '#a#' });
});
