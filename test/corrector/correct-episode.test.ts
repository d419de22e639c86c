import test from 'ava';
import { correctEpisode, LATER, leadsTo } from '../../core/corrector/correct-episode.ts';

type Scripted = { outcome: 'correct' | 'corrected' | 'noSolution' | 'unusable'; target?: string };

/** A judge that answers from a script and notes the targets it was given. */
function scripted(...answers: Scripted[]) {
  const targets: (string | null)[] = [];
  return { targets, judge: async (step: number, target: string | null) => (targets.push(target), answers[step]) };
}

const step = (formulaAfter: string | null, over: { failed?: boolean; wellFormed?: boolean } = {}) => ({
  formulaAfter,
  failed: false,
  wellFormed: true,
  ...over,
});

test('a correct verdict sets the target once, a corrected one replaces it', async (t) => {
  const { judge, targets } = scripted(
    { outcome: 'correct', target: '4*6' },
    { outcome: 'correct', target: '4*3*2' },
    { outcome: 'corrected', target: '4*8-8' },
    { outcome: 'correct', target: '4*8-8' },
  );
  const result = await correctEpisode([step('4'), step('4*'), step('4*8'), step('4*8-')], judge, { cut: true });
  t.deepEqual(targets, [null, '4*6', '4*6', '4*8-8']);
  t.is(result.verdicts.length, 4);
  t.false(result.cut);
});

test('a step that leaves the target is the last one', async (t) => {
  const { judge } = scripted({ outcome: 'correct', target: '4*6' });
  const result = await correctEpisode([step('(')], judge, { cut: true });
  t.deepEqual(result, { verdicts: [{ outcome: 'correct', target: '4*6' }], cut: true, done: true });
});

test('a failure, and no solution, cut; the step itself is kept', async (t) => {
  const wrong = await correctEpisode(
    [step(null), step(null, { failed: true }), step(null)],
    scripted({ outcome: 'correct', target: '' }, { outcome: 'correct', target: '' }).judge,
    { cut: true },
  );
  t.is(wrong.verdicts.length, 2);
  t.true(wrong.cut);
  const hopeless = await correctEpisode([step('4'), step('4*')], scripted({ outcome: 'noSolution' }).judge, {
    cut: true,
  });
  t.deepEqual(hopeless, { verdicts: [{ outcome: 'noSolution' }], cut: true, done: true });
});

test('a malformed response is not judged, yet its step can leave the target', async (t) => {
  const { judge, targets } = scripted({ outcome: 'correct', target: '4*6' });
  const result = await correctEpisode([step('4'), step('45', { wellFormed: false })], judge, { cut: true });
  t.is(targets.length, 1);
  t.deepEqual(result.verdicts[1], { outcome: 'unjudged' });
  t.true(result.cut);
});

test('an unusable answer makes no target and no cut; cut off keeps everything', async (t) => {
  const { judge } = scripted({ outcome: 'unusable' }, { outcome: 'noSolution' }, { outcome: 'correct', target: '1+1' });
  const result = await correctEpisode([step('4'), step('4*', { failed: true }), step('4*4')], judge, { cut: false });
  t.is(result.verdicts.length, 3);
  t.false(result.cut);
});

test('postponed thoughts continue where judging stopped, with the target so far', async (t) => {
  const steps = [step('4'), step('4*'), step('4*8')];
  const answers: Scripted[] = [
    { outcome: 'corrected', target: '4*6' },
    { outcome: 'correct', target: '4*6' },
    { outcome: 'corrected', target: '4*8-8' },
  ];
  const asked: [number, string | null][] = [];
  const upTo = (last: number) => async (index: number, target: string | null) => (
    asked.push([index, target]),
    index > last ? LATER : answers[index]
  );
  const begun = await correctEpisode(steps, upTo(0), { cut: true });
  t.deepEqual(begun, { verdicts: answers.slice(0, 1), cut: false, done: false });
  const ended = await correctEpisode(steps, upTo(2), { cut: true, soFar: begun.verdicts });
  t.deepEqual(ended, { verdicts: answers, cut: false, done: true });
  t.deepEqual(asked, [
    [0, null],
    [1, '4*6'],
    [1, '4*6'],
    [2, '4*6'],
  ]); // the first is not asked again
  t.deepEqual(ended, await correctEpisode(steps, upTo(2), { cut: true }));
});

test('the target with its equals sign still counts as the target', (t) => {
  t.true(leadsTo('4*6=', '4*6'));
  t.true(leadsTo('', '4*6'));
  t.false(leadsTo('4*6=', '4*6/1'));
});
