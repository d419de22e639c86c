/**
 * The transaction log of Weights & Biases, which `wandb sync` reads: records of `wandb_internal.proto` in the framing
 * of LevelDB's log, but with zlib's checksum. Field numbers are those of the messages.
 */
import { crc32 } from 'node:zlib';
import { MessageWriter } from '../graph/protobuf.ts';

const BLOCK = 32_768;
const HEADER = 7;
/** A record within one block, or its first, middle and last piece. */
const [WHOLE, FIRST, MIDDLE, LAST] = [1, 2, 3, 4];
/** `:W&B`, a magic number and the version. */
const FILE_HEADER = Buffer.from([0x3a, 0x57, 0x26, 0x42, 0xe1, 0xbe, 0]);

/** `startedAt`: in milliseconds since 1970. */
export type WandbRun = {
  id: string;
  name: string;
  project: string;
  entity: string | null;
  notes: string;
  config: Readonly<Record<string, unknown>>;
  startedAt: number;
};

/** Values of one step; `time` in milliseconds since 1970. */
export type WandbRow = { step: number; time: number; values: ReadonlyMap<string, number> };

/**
 * A whole log: the same run and rows always give the same bytes, and more rows only append to them. `exitCode`: null
 * for a run that is still going.
 */
export function wandbLog(run: WandbRun, rows: readonly WandbRow[], exitCode: number | null): Buffer {
  const seconds = (time: number) => (time - run.startedAt) / 1000;
  const runtime = Math.round(seconds(rows.at(-1)?.time ?? run.startedAt));
  const records = [
    record(17, (message) => writeRun(message, run)),
    ...rows.map(({ step, time, values }) =>
      record(2, (message) => {
        for (const [name, value] of [
          ...values,
          ['_step', step] as const,
          ['_runtime', seconds(time)] as const,
          ['_timestamp', time / 1000] as const,
        ])
          writeItem(message, 1, name, value);
        message.message(2, (history) => history.int(1, step));
      }),
    ),
    ...(exitCode === null
      ? []
      : [
          record(3, (message) => {
            for (const [name, value] of lastValues(rows)) writeItem(message, 1, name, value);
          }),
          record(18, (message) => message.int(1, exitCode).int(2, runtime)),
          record(20, () => {}),
        ]),
  ];
  return framed(records);
}

function lastValues(rows: readonly WandbRow[]): Map<string, number> {
  return new Map(rows.flatMap(({ values }) => [...values]));
}

/** One `Record` whose content is field `kind`; records are numbered when framed. */
function record(kind: number, write: (content: MessageWriter) => void): (number: number) => Uint8Array {
  return (number) => {
    const message = new MessageWriter();
    return message.int(1, number).message(kind, write).finish();
  };
}

function writeRun(message: MessageWriter, run: WandbRun): void {
  message.text(1, run.id);
  if (run.entity !== null) message.text(2, run.entity);
  message.text(3, run.project);
  message.message(4, (config) => {
    for (const [name, value] of Object.entries(run.config)) writeItem(config, 1, name, value);
  });
  message.text(8, run.name).text(9, run.notes);
  message.message(17, (timestamp) =>
    timestamp.int(1, Math.floor(run.startedAt / 1000)).int(2, (run.startedAt % 1000) * 1_000_000),
  );
}

/** `key`, `value_json`: the same in the items of histories, summaries and configurations. */
function writeItem(message: MessageWriter, field: number, key: string, value: unknown): void {
  message.message(field, (item) => item.text(1, key).text(16, JSON.stringify(value)));
}

function framed(records: readonly ((number: number) => Uint8Array)[]): Buffer {
  const pieces: Uint8Array[] = [FILE_HEADER];
  let at = FILE_HEADER.length;
  const put = (piece: Uint8Array) => {
    pieces.push(piece);
    at += piece.byteLength;
  };
  for (const [index, make] of records.entries()) {
    let rest = make(index + 1);
    for (let begun = false, ended = false; !ended; begun = true) {
      const left = BLOCK - (at % BLOCK);
      if (left < HEADER) put(new Uint8Array(left));
      const content = rest.subarray(0, BLOCK - (at % BLOCK) - HEADER);
      ended = content.byteLength === rest.byteLength;
      put(pieceOf(content, begun ? (ended ? LAST : MIDDLE) : ended ? WHOLE : FIRST));
      rest = rest.subarray(content.byteLength);
    }
  }
  return Buffer.concat(pieces);
}

function pieceOf(content: Uint8Array, type: number): Buffer {
  const piece = Buffer.alloc(HEADER + content.byteLength);
  piece.writeUInt32LE(crc32(content, crc32(Buffer.from([type]))), 0);
  piece.writeUInt16LE(content.byteLength, 4);
  piece[6] = type;
  piece.set(content, HEADER);
  return piece;
}
