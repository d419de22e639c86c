/** The ledger: paid answers are durable, requested once, and used after a crash. */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { FileStore } from '../../core/artifacts/file-store.ts';
import { Ledger, ledgerKey, type Question } from '../../core/corrector/ledger.ts';
import type { Verdict } from '../../core/episodes/episode.ts';

const QUESTION: Question = {
  teacher: { model: 'gpt-4o', temperature: 0.4 },
  image: 'ab',
  state: { cards: ['H4'] },
  thought: { thoughts: 'append 4' },
  action: '4',
  target: null,
};
const VERDICT: Verdict = { outcome: 'correct', target: '4*6' };
const USAGE = { promptTokens: 100, cachedTokens: 0, completionTokens: 10 };
const ledger = async () => new Ledger(new FileStore(await mkdtemp(path.join(tmpdir(), 'gtr-ledger-'))));

test('the order of keys does not make another question, any part does', (t) => {
  t.is(ledgerKey({ ...QUESTION, teacher: { temperature: 0.4, model: 'gpt-4o' } }), ledgerKey(QUESTION));
  const others: Partial<Question>[] = [
    { teacher: { model: 'gpt-4o', temperature: 0.5 } },
    { image: 'ac' },
    { state: { cards: ['S4'] } },
    { thought: { thoughts: 'append 5' } },
    { action: '5' },
    { target: '4*6' },
  ];
  t.is(
    new Set(others.map((other) => ledgerKey({ ...QUESTION, ...other }))).add(ledgerKey(QUESTION)).size,
    others.length + 1,
  );
});

test('equal questions in flight are asked once', async (t) => {
  const book = await ledger();
  let asked = 0;
  const ask = () => book.judge(QUESTION, 'me', async (_, keep) => (asked++, await keep('yes', USAGE), VERDICT));
  const [first, second] = await Promise.all([ask(), ask()]);
  t.is(asked, 1);
  t.deepEqual(second, first);
  t.is((await book.judge(QUESTION, 'another', () => t.fail() as never)).answers[0].paidBy, 'me');
});

test('a waiting asker asks itself when the first one fails', async (t) => {
  const book = await ledger();
  let asked = 0;
  const ask = () =>
    book.judge(QUESTION, 'me', async () => {
      if (++asked === 1) throw new Error('connection');
      return VERDICT;
    });
  const [first, second] = await Promise.allSettled([ask(), ask()]);
  t.is(first.status, 'rejected');
  t.is(second.status, 'fulfilled');
  t.is(asked, 2);
});

test('an interrupted judgement continues after its answers', async (t) => {
  const book = await ledger();
  await t.throwsAsync(
    book.judge(QUESTION, 'me', async (_, keep) => (await keep('tool', USAGE), Promise.reject(new Error('killed')))),
  );
  t.is((await book.find(ledgerKey(QUESTION)))?.verdict, null);
  const { answers, verdict } = await book.judge(
    QUESTION,
    'me',
    async (earlier, keep) => (t.deepEqual(earlier, ['tool']), await keep('answer', USAGE), VERDICT),
  );
  t.deepEqual(
    answers.map(({ answer }) => answer),
    ['tool', 'answer'],
  );
  t.deepEqual(verdict, VERDICT);
});
