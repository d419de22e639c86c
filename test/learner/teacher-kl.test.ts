/** The distance of an answer from its teacher. */
import test from 'ava';
import { answerKl, guessedLogprobs, type KlClip } from '../../core/learner/teacher-kl.ts';

const policy = [-0.5, -1, -2];

test('a teacher that is the policy itself has no distance, however it is measured', (t) => {
  for (const clip of ['none', 'zero', 'abs', 'k3'] as KlClip[]) t.is(answerKl(policy, policy, clip), 0);
});

test('the mean difference a token; clipped at zero, by size, and by the estimate that is never negative', (t) => {
  const teacher = [-1, -0.5, -2.3]; // differences 0.5, -0.5, 0.3
  const near = (value: number, expected: number) => t.true(Math.abs(value - expected) < 1e-12, `${value}`);
  near(answerKl(policy, teacher, 'none'), 0.1);
  near(answerKl(policy, teacher, 'zero'), 0.1);
  near(answerKl(policy, teacher, 'abs'), 1.3 / 3);
  near(answerKl(policy, teacher, 'k3'), [0.5, -0.5, 0.3].reduce((sum, d) => sum + (Math.exp(-d) - 1 + d), 0) / 3);
  const better = [0, 0, 0]; // the teacher finds it likelier
  near(answerKl(policy, better, 'none'), -3.5 / 3);
  t.is(answerKl(policy, better, 'zero'), 0);
});

test('at most 10 unless nothing is clipped; no tokens, no distance', (t) => {
  t.is(answerKl([0], [-50], 'zero'), 10);
  t.is(answerKl([0], [-50], 'abs'), 10);
  t.is(answerKl([0], [50], 'k3'), 10);
  t.is(answerKl([0], [-50], 'none'), 50);
  t.is(answerKl([], [], 'zero'), 0);
});

test('guesses are log-probs that depend only on their position', (t) => {
  const guesses = guessedLogprobs({ seed: 1, iteration: 2, episode: 3 }, 1000);
  t.deepEqual(guessedLogprobs({ seed: 1, iteration: 2, episode: 3 }, 1000), guesses);
  t.notDeepEqual(guessedLogprobs({ seed: 1, iteration: 2, episode: 4 }, 1000), guesses);
  t.true(guesses.every((logprob) => logprob < 0));
  // Of -log(uniform) mean and deviation are 1: five deviations of the mean of 1000.
  t.true(Math.abs(guesses.reduce((sum, one) => sum - one, 0) / 1000 - 1) < 5 / Math.sqrt(1000));
});
