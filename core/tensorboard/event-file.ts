/** TensorBoard event files. Field numbers are those of event.proto, summary.proto and tensor.proto. */
import { MessageWriter } from '../graph/protobuf.ts';
import { readTfRecords, tfRecord } from './tfrecord.ts';

/** One logged value: a number, markdown text, or a PNG picture. */
export type LoggedValue = { tag: string } & (
  | { scalar: number }
  | { text: string }
  | { png: Uint8Array; width: number; height: number }
);

/** Values logged together; `time` in seconds since 1970. */
export type LoggedStep = { step: number; time: number; values: readonly LoggedValue[] };

/** A whole event file: the same steps always give the same bytes, and more steps only append to them. */
export function eventFile(startTime: number, steps: readonly LoggedStep[]): Buffer {
  const version = eventRecord(startTime, (event) => event.text(3, 'brain.Event:2'));
  return Buffer.concat([version, ...steps.map(stepRecord)]);
}

/** The bytes of one step. */
export function stepRecord({ step, time, values }: LoggedStep): Buffer {
  return eventRecord(time, (event) =>
    event.int(2, step).message(5, (summary) => {
      for (const value of values) summary.message(1, (message) => writeValue(message.text(1, value.tag), value));
    }),
  );
}

/**
 * The end offsets of a file's steps, up to its end or to the first incomplete record; `start`: the end of the version
 * record, 0 without one.
 */
export function readSteps(file: Buffer): { start: number; steps: { step: number; end: number }[] } {
  const [version, ...records] = readTfRecords(file);
  return { start: version?.end ?? 0, steps: records.map(({ content, end }) => ({ step: stepOf(content), end })) };
}

/** Field 2 follows the nine bytes of the wall time; 0 is left out. */
function stepOf(event: Buffer): number {
  let step = 0;
  if (event[9] === 2 << 3)
    for (let at = 10, unit = 1; ; at++, unit *= 128) {
      step += (event[at] & 0x7f) * unit;
      if (event[at] < 128) break;
    }
  return step;
}

/**
 * The first field, wall_time, is a double, which `MessageWriter` does not write; fields of a message can simply be
 * concatenated.
 */
function eventRecord(time: number, write: (event: MessageWriter) => void): Buffer {
  const wallTime = Buffer.from([(1 << 3) | 1, 0, 0, 0, 0, 0, 0, 0, 0]);
  wallTime.writeDoubleLE(time, 1);
  const event = new MessageWriter();
  write(event);
  return tfRecord(Buffer.concat([wallTime, event.finish()]));
}

const RGB = 3;
const DT_STRING = 7;
const DATA_CLASS_TENSOR = 2;

function writeValue(message: MessageWriter, value: LoggedValue): void {
  if ('scalar' in value) message.float(2, value.scalar);
  else if ('png' in value)
    message.message(4, (image) => image.int(1, value.height).int(2, value.width).int(3, RGB).bytes(4, value.png));
  else {
    message.message(8, (tensor) =>
      tensor
        .int(1, DT_STRING)
        .message(2, () => {})
        .text(8, value.text),
    );
    message.message(9, (metadata) => metadata.message(1, (plugin) => plugin.text(1, 'text')).int(4, DATA_CLASS_TENSOR));
  }
}
