/** Event files, read back by a decoder of their own: nothing here shares code with the writer. */
import { mkdtemp, open, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { crc32c, tfRecord } from '../../core/tensorboard/tfrecord.ts';
import type { IterationRecord, RunRecords } from '../../core/records/run-records.ts';
import { appendStep } from '../../core/tensorboard/append-step.ts';
import { eventFile, type LoggedStep } from '../../core/tensorboard/event-file.ts';
import { writeTensorBoard } from '../../core/report/write-tensorboard.ts';
import { CONFIG, evaluationOf, SAMPLES, syntheticRun } from '../report/synthetic-run.ts';

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
  for (let at = 0; at < file.length;) {
    const length = Number(file.readBigUInt64LE(at));
    contents.push(file.subarray(at + 12, at + 12 + length));
    at += 12 + length + 4;
  }
  return contents;
}

type Read = {
  step: number;
  time: number;
  tag: string;
  scalar?: number;
  text?: string;
  plugin?: string;
  picture?: { height: number; width: number; png: Buffer };
};

function readEvents(file: Buffer): Read[] {
  return records(file).flatMap((content) => {
    const event = decode(content);
    const step = { step: (event[2]?.[0] as number) ?? 0, time: (event[1][0] as Buffer).readDoubleLE() };
    if (event[5] === undefined) return [];
    return (decode(event[5][0] as Buffer)[1] as Buffer[]).map((bytes) => {
      const value = decode(bytes);
      const tag = String(value[1][0]);
      if (value[2]) return { ...step, tag, scalar: (value[2][0] as Buffer).readFloatLE() };
      if (value[4]) {
        const image = decode(value[4][0] as Buffer);
        return {
          ...step,
          tag,
          picture: { height: image[1][0] as number, width: image[2][0] as number, png: image[4][0] as Buffer },
        };
      }
      const plugin = decode(decode(value[9][0] as Buffer)[1][0] as Buffer)[1][0];
      return { ...step, tag, text: String(decode(value[8][0] as Buffer)[8][0]), plugin: String(plugin) };
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
    {
      step: 300,
      time: 1001,
      values: [
        { tag: 'note', text: 'grün & <b>' },
        { tag: 'picture', png, width: 300, height: 200 },
      ],
    },
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

/** Records of a made-up run. */
async function recordsOf(iterations: number, evaluations: RunRecords['evaluations'] = []) {
  const { store, lines } = await syntheticRun(iterations, { change: (metrics) => ({ ...metrics, 'loss/sft': null }) });
  const ref = { sha256: '', bytes: 0, kind: 'none' };
  const records = lines.map((line, index): IterationRecord => ({
    ...line,
    startedAt: 1000 * (100 + 10 * index),
    config: CONFIG,
    from: '',
    policy: ref,
    optimizer: ref,
    corrections: ref,
    waves: [],
    keptPerWave: 1,
  }));
  return { store, lines, records: { iterations: records, evaluations } };
}

const folder = () => mkdtemp(path.join(tmpdir(), 'gtr-events-'));

test('a run: every measured metric once per iteration, evaluations where they were made, a few thoughts', async (t) => {
  const { store, lines, records } = await recordsOf(3, [
    { label: 'final', result: evaluationOf(0.4) },
    { label: 'start', result: evaluationOf(0.1) },
  ]);
  const out = await folder();
  const write = async () =>
    await Promise.all(
      (await writeTensorBoard({ out, records, store, startedAt: new Date(90_000) })).map((file) => readFile(file)),
    );
  const [training, evaluation] = await write();
  const events = readEvents(training);

  const measured = lines.flatMap(({ iteration, metrics }) =>
    Object.entries(metrics).flatMap(([tag, value]) =>
      value === null ? [] : [`${iteration} ${tag} ${Math.fround(value)}`],
    ),
  );
  t.deepEqual(
    events.filter(({ scalar }) => scalar !== undefined).map(({ step, tag, scalar }) => `${step} ${tag} ${scalar}`),
    measured,
  );
  t.false(events.some(({ tag }) => tag === 'loss/sft'));
  // The end of the first iteration, which began at 100 s.
  t.is(events[0].time, 100 + lines[0].metrics['time/iteration']!);

  const success = (tag: string) =>
    readEvents(evaluation)
      .filter((event) => event.tag === tag)
      .map(({ step, scalar }) => [step, scalar]);
  t.deepEqual(success('evaluation/success'), [
    [0, Math.fround(0.1)],
    [3, Math.fround(0.4)],
  ]);
  t.is(success('evaluation/heldOut/low').length, 2);

  const texts = events.filter(({ text }) => text !== undefined);
  t.is(texts.length, 3 * 3); // 3 samples of each of 3 iterations
  t.true(texts[0].text!.includes(SAMPLES[0].text) && texts[0].text!.includes('verdict: corrected'));
  t.deepEqual(
    events.find(({ tag }) => tag === 'sample/1/picture')!.picture!.png.subarray(0, 4),
    Buffer.from('\x89PNG', 'latin1'),
  );
  t.deepEqual(await write(), [training, evaluation]);
});

test(
  'a file that grows step by step is the whole file, wherever a crash ' + 'cut it, whatever is tried again',
  async (t) => {
    const file = path.join(await folder(), 'events');
    const steps = Array.from({ length: 4 }, (_, step): LoggedStep => ({
      step: step * 200,
      time: step,
      values: [{ tag: 'a', scalar: step }],
    })); // 200: two bytes
    const append = (count: number) =>
      appendStep(file, steps[count - 1], {
        numbers: steps.slice(0, count - 1).map(({ step }) => step),
        read: async () => steps.slice(0, count - 1),
      });
    const whole = (count: number) => eventFile(0, steps.slice(0, count));
    for (const count of [1, 2, 2, 3]) {
      await append(count);
      t.deepEqual(await readFile(file), whole(count));
    }
    for (const length of [whole(3).length - 1, whole(2).length + 5, whole(2).length, whole(1).length + 20, 3, 0]) {
      await writeFile(file, whole(3).subarray(0, length));
      await append(3);
      t.deepEqual(await readFile(file), whole(3), `cut at ${length}`);
    }
    await writeFile(file, Buffer.concat([whole(2), Buffer.alloc(64)])); // a file system's zeros after a crash
    await append(3);
    t.deepEqual(await readFile(file), whole(3));
    await append(4);
    await append(2); // the run was set back
    t.deepEqual(await readFile(file), whole(2));
    await append(4); // another machine published the third
    t.deepEqual(await readFile(file), whole(4));
  },
);

test('a reader that has the file open sees it grow', async (t) => {
  const file = path.join(await folder(), 'events');
  const step = (number: number): LoggedStep => ({ step: number, time: number, values: [{ tag: 'a', scalar: number }] });
  await appendStep(file, step(0), { numbers: [], read: async () => [] });
  const reader = await open(file);
  await appendStep(file, step(1), { numbers: [0], read: async () => [step(0)] });
  t.deepEqual(
    readEvents(await reader.readFile()).map((event) => event.step),
    [0, 1],
  );
  await reader.close();
});
