/** Self-BLEU-2 against values recorded from nltk. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { bleu2, selfBleu2 } from '../../core/learner/self-bleu.ts';

type Golden = { cases: { name: string; sentences: string[][]; bleu2: number[]; selfBleu2: number }[] };
const golden = JSON.parse(readFileSync(path.join(import.meta.dirname, 'self-bleu.golden.json'), 'utf8')) as Golden;

/** Equal to the last bits: the order of floating-point operations differs. */
const close = (a: number, b: number) => Math.abs(a - b) <= 1e-12;

for (const { name, sentences, ...expected } of golden.cases) {
  test(`as nltk: ${name}`, (t) => {
    for (const [index, hypothesis] of sentences.entries()) {
      const value = bleu2(hypothesis, sentences.toSpliced(index, 1));
      t.true(close(value, expected.bleu2[index]), `sentence ${index}: ${value} instead of ${expected.bleu2[index]}`);
    }
    t.true(close(selfBleu2(sentences)!, expected.selfBleu2));
  });
}

test('a single thought has no self-BLEU', (t) => {
  t.is(selfBleu2([['a', 'b']]), null);
  t.is(selfBleu2([]), null);
});
