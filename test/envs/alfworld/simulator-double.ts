/**
 * Replaces `bridge.py` where there is no Python: gives the original simulator's recorded replies to the same requests
 * (bridge-transcript.jsonl). Arguments: bridge.py, simulator, size. Environment: DOUBLE_DIES_ONCE_AT, a file with the
 * command at which it dies; it takes the file away first.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { encodePng } from '../../../core/pictures/png.ts';

type Line = { request: { op: string; folder?: string; command?: string }; reply: object };

const lines = readFileSync(path.join(import.meta.dirname, 'bridge-transcript.jsonl'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Line);
const [, simulator, size] = process.argv.slice(2);
const say = (message: object) => process.stdout.write(`${JSON.stringify(message)}\n`);
let at = -1;

say({ ready: simulator });
for await (const text of createInterface({ input: process.stdin })) {
  const request = JSON.parse(text) as Line['request'];
  dieOnceAt(request.command);
  if (request.op === 'start')
    at = lines.findIndex(({ request: { folder } }) => folder === path.basename(request.folder!));
  else at++;
  if (at < 0 || lines[at].request.command !== request.command) say({ error: `KeyError: no such request: ${text}` });
  else say({ ...lines[at].reply, picture: simulator === 'thor' ? picture(Number(size)) : null });
}

function dieOnceAt(command: string | undefined): void {
  const file = process.env['DOUBLE_DIES_ONCE_AT'];
  if (!file || !existsSync(file) || readFileSync(file, 'utf8') !== command) return;
  rmSync(file);
  process.stderr.write('Segmentation fault in Unity\n');
  process.exit(3);
}

/** As many grey levels as requests were answered. */
function picture(side: number): string {
  return encodePng({ width: side, height: side, data: new Uint8Array(side * side * 3).fill(at) }).toString('base64');
}
