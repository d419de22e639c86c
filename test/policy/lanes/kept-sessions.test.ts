/** Sessions that a lane keeps: the newest, within the memory for reordered weights and for activations. */
import test from 'ava';
import { KeptSessions } from '../../../core/policy/lanes/kept-sessions.ts';

const GIB = 2 ** 30;

function sessions(most: number) {
  const [opened, closed]: [string[], string[]] = [[], []];
  const kept = new KeptSessions<{ close(): Promise<void> }>(most);
  const use = async (key: string, { reordered = 0, activations = 0 } = {}) => {
    let arena: boolean | null = null;
    await kept.of(key, () => ({
      reordered,
      activations,
      load: async (may) => {
        arena = may;
        opened.push(key);
        return { close: async () => void closed.push(key) };
      },
    }));
    return arena;
  };
  return { kept, use, opened, closed };
}

test('reordered weights stay within 1.25 GiB: the session used longest ago goes, others stay', async (t) => {
  const { kept, use, opened, closed } = sessions(24);
  await use('update');
  await use('16 rows', { reordered: 0.5 * GIB });
  await use('8 rows', { reordered: 0.5 * GIB });
  await use('16 rows');
  t.deepEqual(closed, []);
  await use('4 rows', { reordered: 0.5 * GIB });
  t.deepEqual(closed, ['8 rows']);
  await use('8 rows', { reordered: 0.5 * GIB });
  t.deepEqual(closed, ['8 rows', '16 rows']);
  // A session that alone exceeds the limit is kept, but no other that could be closed.
  await use('large', { reordered: 3 * GIB });
  t.deepEqual(closed.slice(2), ['4 rows', '8 rows']);
  await use('update');
  t.deepEqual(opened, ['update', '16 rows', '8 rows', '4 rows', '8 rows', 'large']);
  await kept.close();
  t.deepEqual(closed.slice(4).sort(), ['large', 'update']);
});

test('so many sessions, and activations of the first ones', async (t) => {
  const { use, closed } = sessions(2);
  t.true(await use('a', { activations: 100 * 2 ** 20 }));
  t.false(await use('b', { activations: 100 * 2 ** 20 }));
  t.is(await use('a'), null);
  // The oldest, b, goes; a keeps its 100 MiB.
  t.false(await use('c', { activations: 100 * 2 ** 20 }));
  t.deepEqual(closed, ['b']);
  t.true(await use('d', { activations: 100 * 2 ** 20 }));
  t.deepEqual(closed, ['b', 'a']);
});

test('a session that does not load is tried again', async (t) => {
  const kept = new KeptSessions<{ close(): Promise<void> }>(2);
  const fail = () => ({ activations: 0, reordered: 0, load: () => Promise.reject(new Error('no')) });
  await t.throwsAsync(kept.of('a', fail), { message: 'no' });
  await t.notThrowsAsync(
    kept.of('a', () => ({ activations: 0, reordered: 0, load: async () => ({ close: async () => {} }) })),
  );
});
