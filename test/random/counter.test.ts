import test from 'ava';
import { philox4x32, RandomStream } from '../../core/random/counter.ts';

test('philox4x32-10 gives the known answers of Random123 (kat_vectors)', (t) => {
  const hex = (words: number[]) => words.map((word) => word.toString(16).padStart(8, '0')).join(' ');
  t.is(hex(philox4x32([0, 0, 0, 0], [0, 0])), '6627e8d5 e169c58d bc57ac4c 9b00dbd8');
  t.is(hex(philox4x32([-1, -1, -1, -1], [-1, -1])), '408f276d 41c83b0e a20bc7c6 6d5451fd');
  t.is(
    hex(philox4x32([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0])),
    'd16cfe09 94fdcceb 5001e420 24126ea1',
  );
});

test('a stream is a function of its key; other keys give other numbers', (t) => {
  const key = { seed: 1, purpose: 'sampling', iteration: 2, episode: 3, step: 4 };
  const draw = (over: object) => {
    const stream = new RandomStream({ ...key, ...over });
    return Array.from({ length: 6 }, () => stream.uint32()).join();
  };
  t.is(draw({}), draw({}));
  const others = [{ seed: 2 }, { purpose: 'deal' }, { iteration: 3 }, { episode: 4 }, { step: 5 }].map(draw);
  t.is(new Set([draw({}), ...others]).size, 6);
});

test('below is uniform and bounded; shuffled is a permutation', (t) => {
  const stream = new RandomStream({ seed: 7, purpose: 'test' });
  const counts = [0, 0, 0];
  for (let i = 0; i < 30_000; i++) counts[stream.below(3)]++;
  // sd of each count = sqrt(30000 * 1/3 * 2/3) = 82: five of them is 410.
  for (const count of counts) t.true(Math.abs(count - 10_000) < 410, `count ${count}`);
  t.deepEqual(stream.shuffled([1, 2, 3, 4, 5]).sort(), [1, 2, 3, 4, 5]);
  t.throws(() => stream.below(0), { instanceOf: RangeError });
});
