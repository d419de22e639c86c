import test from 'ava';
import { expertOf } from '../../core/corrector/experts.ts';
import { answerFormulaTool, FORMULA_TOOL_NAME } from '../../core/corrector/formula-tool.ts';
import { type AnswerRules, answerSchema, readAnswer } from '../../core/corrector/model-answer.ts';
import { gameByName } from '../../core/envs/registry.ts';
import { loadPromptTemplate } from '../../core/policy/prompt-template.ts';

const template = loadPromptTemplate('points24', 'points24');
const game = gameByName('points24');
const rules: AnswerRules = {
  schema: answerSchema('points24', template.keys, (key) => key === 'cards'),
  game,
  template,
  canSay: () => true,
};
const at = (...formula: string[]) => ({
  environment: game.fromState({ cards: ['H4', 'S5', 'D9', 'CK'], formula }, game.parseOptions({})),
  target: null,
});
const correction = { cards: ['4', '5', '9', 'K'], formula: '', thoughts: '...', action: '(' };
const answer = (over: object = {}) =>
  JSON.stringify({
    answers: [],
    evaluation: 'no',
    possible_solution: 'yes',
    target_formula: '(10-4)*(9-5)',
    correction,
    ...over,
  });

test('a correction with the target formula, however it is written', (t) => {
  for (const target of ['(10-4)*(9-5)', '(10 − 4) × (9 − 5) = 24', ' ( 10 - 4 )·(9-5)=']) {
    t.like(readAnswer(answer({ target_formula: target }), at(), rules), {
      outcome: 'corrected',
      target: '(10-4)*(9-5)',
      action: '(',
    });
  }
  const { correction: kept } = readAnswer(answer(), at(), rules) as { correction: object };
  t.deepEqual(Object.keys(kept), ['cards', 'formula', 'thoughts']);
});

test('JSON in a code block, in a sentence, or after thinking aloud is found', (t) => {
  for (const text of [
    `\`\`\`json\n${answer()}\n\`\`\``,
    `Here it is: ${answer()} I hope it helps.`,
    `<think>Is {4} a card?</think>\n${answer()}`,
  ])
    t.like(readAnswer(text, at(), rules), { outcome: 'corrected' }, text);
});

test('correct: the target counts, the correction does not', (t) => {
  t.deepEqual(readAnswer(answer({ evaluation: 'yes', correction: null }), at('('), rules), {
    outcome: 'correct',
    target: '(10-4)*(9-5)',
  });
});

test('no solution is believed where there is none', (t) => {
  const none = answer({ possible_solution: 'no', target_formula: null, correction: null });
  t.deepEqual(readAnswer(none, at('9', '*', '9'), rules), { outcome: 'noSolution' });
  t.like(readAnswer(none, at('('), rules), { reason: 'wrongNoSolution' });
});

test('a target that does not work says why, whatever the evaluation', (t) => {
  for (const evaluation of ['yes', 'no']) {
    for (const target of ['(10-4)*(9-6)', '4*6', '10+9+5+4', '', 'hello', null])
      t.like(
        readAnswer(answer({ evaluation, target_formula: target }), at(), rules),
        { reason: 'wrongTarget' },
        String(target),
      );
    // Right, but it does not begin with what has been appended: 1 is not a beginning of 10.
    t.like(readAnswer(answer({ evaluation }), at('9'), rules), { reason: 'wrongTarget' });
    t.like(readAnswer(answer({ evaluation }), at('(', '1'), rules), { reason: 'wrongTarget' });
  }
  const complaint = readAnswer(answer(), at('9'), rules);
  t.true('sentence' in complaint && complaint.sentence.includes('begin with the current formula "9"'));
});

test('a correction is there, with a possible action that is the next part of its formula', (t) => {
  t.like(readAnswer(answer({ correction: null }), at(), rules), { reason: 'schema' });
  t.like(readAnswer(answer({ correction: { ...correction, action: 'x' } }), at(), rules), { reason: 'wrongAction' });
  t.like(readAnswer(answer({ correction: { ...correction, action: '10' } }), at(), rules), { reason: 'wrongAction' });
  t.like(readAnswer(answer({ correction: { ...correction, action: '10' } }), at('('), rules), {
    outcome: 'corrected',
    action: '10',
  });
  t.like(readAnswer(answer(), at(), { ...rules, canSay: (text) => !text.includes('...') }), { reason: 'wording' });
});

test('a wrong form is reported with its position', (t) => {
  for (const [text, place] of [
    ['no JSON', 'not JSON'],
    ['[]', 'the whole'],
    [answer({ evaluation: 'maybe' }), 'evaluation'],
    [answer({ correction: { ...correction, cards: '4 5 9 K' } }), 'correction.cards'],
    [answer({ correction: { cards: [], action: '(' } }), 'correction.formula'],
    [answer({ more: 1 }), 'more'],
  ]) {
    const complaint = readAnswer(text, at(), rules);
    t.true('reason' in complaint && complaint.reason === 'schema');
    t.true('sentence' in complaint && complaint.sentence.includes(place), JSON.stringify(complaint));
  }
});

test('games without formulas have no target, and their action has to be possible', (t) => {
  const blackjack = gameByName('blackjack');
  const words = loadPromptTemplate('blackjack', 'blackjack');
  const plain: AnswerRules = {
    schema: answerSchema('blackjack', words.keys, () => false),
    game: blackjack,
    template: words,
    canSay: () => true,
  };
  const scene = { environment: blackjack.start({ seed: 1, episode: 1 }, blackjack.parseOptions({})), target: null };
  const say = (over: object) =>
    readAnswer(
      JSON.stringify({ answers: [], evaluation: 'no', correction: { thoughts: 'x', action: 'Hit' }, ...over }),
      scene,
      plain,
    );
  t.deepEqual(say({}), { outcome: 'corrected', target: null, correction: { thoughts: 'x' }, action: 'hit' });
  t.deepEqual(say({ evaluation: 'yes', correction: null }), { outcome: 'correct', target: null });
  t.like(say({ correction: { thoughts: 'x', action: 'double' } }), { reason: 'wrongAction' });
});

const formulas = (argumentsText: string, current: string[] = []) =>
  JSON.parse(answerFormulaTool(FORMULA_TOOL_NAME, argumentsText, current)) as {
    number_of_formulas?: number;
    formulas?: string[];
    error?: string;
  };

test('the tool takes numbers and ranks; formulas that continue the current one come first', (t) => {
  t.is(
    formulas('{"card1":4,"card2":"5","card3":9,"card4":"K"}', ['(', '10', '-']).formulas![0],
    expertOf('points24').bestPlan(at('(', '10', '-').environment, null)!.target!,
  );
  const { number_of_formulas: all, formulas: list } = formulas('{"card1":2,"card2":4,"card3":6,"card4":8}');
  t.deepEqual([all, list!.length], [86, 20]); // a model pays for what it reads
  t.deepEqual(formulas('{"card1":1,"card2":1,"card3":1,"card4":"A"}'), { number_of_formulas: 0, formulas: [] });
  t.deepEqual(
    formulas('{"card1":13,"card2":"q","card3":" 9 ","card4":4}').formulas,
    formulas('{"card1":10,"card2":10,"card3":9,"card4":4}').formulas,
  );
});

test('wrong tool calls are answered with their fault', (t) => {
  for (const wrong of [
    '',
    '{',
    '{}',
    '{"card1":0,"card2":2,"card3":3,"card4":4}',
    '{"card1":1.5,"card2":2,"card3":3,"card4":4}',
    '{"card1":"joker","card2":2,"card3":3,"card4":4}',
  ])
    t.truthy(formulas(wrong).error, wrong);
  t.regex(JSON.parse(answerFormulaTool('other', '{}', [])).error, /no tool other/);
});
