/** Event files, read back by a decoder of their own: nothing here shares code with the writer. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { crc32c, tfRecord } from '../../report/tfrecord.ts';
import { eventFile } from '../../report/tensorboard.ts';
import { writeTensorBoard } from '../../report/write-tensorboard.ts';
import { CONFIG, evaluationOf, SAMPLES, syntheticRun } from './synthetic-run.ts';

/** Fields of a message by number, each a list: numbers for varints, bytes for everything else. */
function decode(message: Buffer): Record<number, (number | Buffer)[]> {
  const fields: Record<number, (number | Buffer)[]> = {};
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = message[at++];
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const key = varint();
    const take = (bytes: number) => message.subarray(at, (at += bytes));
    const wire = key % 8;
    const value = wire === 0 ? varint() : take(wire === 1 ? 8 : wire === 5 ? 4 : varint());
    (fields[Math.floor(key / 8)] ??= []).push(value);
  }
  return fields;
}

/** Cuts a file into the contents of its records. */
function records(file: Buffer): Buffer[] {
  const contents: Buffer[] = [];
  for (let at = 0; at < file.length; ) {
    const length = Number(file.readBigUInt64LE(at));
    contents.push(file.subarray(at + 12, at + 12 + length));
    at += 12 + length + 4;
  }
  return contents;
}

type Read = { step: number; time: number; tag: string; scalar?: number; text?: string; plugin?: string; picture?: { height: number; width: number; png: Buffer } };

function readEvents(file: Buffer): Read[] {
  return records(file).flatMap((content) => {
    const event = decode(content);
    const place = { step: (event[2]?.[0] as number) ?? 0, time: (event[1][0] as Buffer).readDoubleLE() };
    if (event[5] === undefined) return [];
    return (decode(event[5][0] as Buffer)[1] as Buffer[]).map((bytes) => {
      const value = decode(bytes);
      const tag = String(value[1][0]);
      if (value[2]) return { ...place, tag, scalar: (value[2][0] as Buffer).readFloatLE() };
      if (value[4]) {
        const image = decode(value[4][0] as Buffer);
        return { ...place, tag, picture: { height: image[1][0] as number, width: image[2][0] as number, png: image[4][0] as Buffer } };
      }
      const plugin = decode(decode(value[9][0] as Buffer)[1][0] as Buffer)[1][0];
      return { ...place, tag, text: String(decode(value[8][0] as Buffer)[8][0]), plugin: String(plugin) };
    });
  });
}

test('CRC-32C of the vectors in RFC 3720, appendix B.4', (t) => {
  t.is(crc32c(Buffer.alloc(32)), 0x8a9136aa);
  t.is(crc32c(Buffer.alloc(32, 0xff)), 0x62a8ab43);
  t.is(crc32c(Uint8Array.from({ length: 32 }, (_, index) => index)), 0x46dd794e);
  t.is(crc32c(Buffer.from('123456789')), 0xe3069283);
});

test('a record is framed as TensorBoard frames it', (t) => {
  // Recorded from tensorboard 2.21.0's RecordWriter.
  t.is(tfRecord(Buffer.from('abc')).toString('hex'), '0300000000000000b099490e6162636e57f121');
});

test('scalars, text and pictures come back with step and time', (t) => {
  const png = Buffer.from([1, 2, 3]);
  const steps = [
    { step: 0, time: 1000.5, values: [{ tag: 'loss/ppo', scalar: -0.25 }] },
    { step: 300, time: 1001, values: [{ tag: 'note', text: 'grün & <b>' }, { tag: 'picture', png, width: 300, height: 200 }] },
  ];
  t.deepEqual(readEvents(eventFile(1000, steps)), [
    { step: 0, time: 1000.5, tag: 'loss/ppo', scalar: -0.25 },
    { step: 300, time: 1001, tag: 'note', text: 'grün & <b>', plugin: 'text' },
    { step: 300, time: 1001, tag: 'picture', picture: { width: 300, height: 200, png } },
  ]);
});

test('more steps only append, so a reader that is ahead loses nothing', (t) => {
  const steps = [1, 2, 3].map((step) => ({ step, time: step, values: [{ tag: 'a', scalar: step }] }));
  const longer = eventFile(0, steps);
  const shorter = eventFile(0, steps.slice(0, 2));
  t.deepEqual(longer.subarray(0, shorter.length), shorter);
  t.is(records(longer).length, 4); // the version + 3 steps
  t.is(String(decode(records(longer)[0])[3][0]), 'brain.Event:2');
});

test('a run: every measured metric once per iteration, evaluations where they were made, a few thoughts', async (t) => {
  const { folder, store, lines } = await syntheticRun(3, {
    evaluations: { start: evaluationOf(0.1), final: evaluationOf(0.4) },
    change: (metrics) => ({ ...metrics, 'loss/sft': null }),
  });
  const input = { folder, out: path.join(folder, 'tensorboard'), config: CONFIG, store, startedAt: new Date('2026-01-01T00:00:00Z') };
  const file = await writeTensorBoard(input);
  const bytes = await readFile(file);
  const events = readEvents(bytes);

  const trained = events.filter(({ tag, scalar }) => scalar !== undefined && !tag.startsWith('evaluation/'));
  const measured = lines.flatMap(({ iteration, metrics }) => Object.entries(metrics).flatMap(([tag, value]) => (value === null ? [] : [`${iteration} ${tag} ${Math.fround(value)}`])));
  t.deepEqual(trained.map(({ step, tag, scalar }) => `${step} ${tag} ${scalar}`), measured);
  t.false(events.some(({ tag }) => tag === 'loss/sft'));

  const success = (tag: string) => events.filter((event) => event.tag === tag).map(({ step, scalar }) => [step, scalar]);
  t.deepEqual(success('evaluation/success'), [[0, Math.fround(0.1)], [3, Math.fround(0.4)]]);
  t.is(success('evaluation/heldOut/low').length, 2);

  // Wall time: the start, then the iterations' seconds one after another.
  const start = Date.parse('2026-01-01T00:00:00Z') / 1000;
  t.is(events[0].time, start);
  t.true(Math.abs(events.at(-1)!.time - start - lines.reduce((sum, { metrics }) => sum + metrics['time/iteration']!, 0)) < 1e-6);

  const texts = events.filter(({ text }) => text !== undefined);
  t.is(texts.length, 3 * 3); // 3 samples of each of 3 iterations
  t.true(texts[0].text!.includes(SAMPLES[0].text) && texts[0].text!.includes('verdict: corrected'));
  t.deepEqual(events.find(({ tag }) => tag === 'sample/1/picture')!.picture!.png.subarray(0, 4), Buffer.from('\x89PNG', 'latin1'));

  await writeTensorBoard(input);
  t.deepEqual(await readFile(file), bytes);
});

test('a run without samples or iterations still has its file', async (t) => {
  const { folder, lines } = await syntheticRun(1);
  const { store } = await syntheticRun(0, { samples: [] });
  const input = { folder, out: folder, config: CONFIG, startedAt: new Date(0) };
  const events = readEvents(await readFile(await writeTensorBoard({ ...input, store })));
  t.is(events.length, Object.keys(lines[0].metrics).length);
  const empty = await syntheticRun(0);
  t.deepEqual(readEvents(await readFile(await writeTensorBoard({ ...input, ...empty, out: empty.folder }))), []);
});
