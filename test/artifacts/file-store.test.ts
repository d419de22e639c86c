/** The file store on a disk that is full. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';

/**
 * Stores 8 KB, then 256 KB, then 8 KB again in `folder`, in a shell that limits what may be written; prints what came
 * of it.
 */
function storeInShell(shell: string[]): {
  error: { name: string; message: string; code: string };
  files: string[];
  first: boolean;
  again: boolean;
} {
  const script = `
    import { readdirSync } from 'node:fs';
    import { FileStore } from ${JSON.stringify(path.resolve(import.meta.dirname, '../../core/artifacts/file-store.ts'))};
    const folder = process.argv[1];
    const store = new FileStore(folder);
    const first = await store.put('small', Buffer.alloc(8192, 1));
    const error = await store.put('large', Buffer.alloc(262144, 2)).then(() => null, ({ name, message, cause, code }) => ({ name, message, code: code ?? cause.code }));
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => entry.name);
    const again = await store.put('small', Buffer.alloc(8192, 3));
    console.log(JSON.stringify({ error, files, first: await store.has(first), again: await store.has(again) }));
  `;
  const folder = mkdtempSync(path.join(tmpdir(), 'gtr-full-'));
  const [command, ...args] = shell;
  return JSON.parse(
    execFileSync(
      command,
      [
        ...args.map((arg) => arg.replaceAll('FOLDER', folder)),
        process.execPath,
        '--disable-warning=ExperimentalWarning',
        '--input-type=module',
        '-e',
        script,
        folder,
      ],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] },
    ),
  );
}

/** A tiny disk of one's own needs no rights, where the kernel allows user namespaces. */
const TINY_DISK = [
  'unshare',
  '--user',
  '--map-root-user',
  '--mount',
  'sh',
  '-c',
  'mount -t tmpfs -o size=128k none FOLDER && exec "$@"',
  'sh',
];
const namespaces = (() => {
  try {
    execFileSync('unshare', ['--user', '--map-root-user', '--mount', 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

(namespaces ? test : test.skip)(
  'on a full disk the error says so, nothing half-written stays, and later writes succeed',
  (t) => {
    const { error, files, first, again } = storeInShell(TINY_DISK);
    t.is(error.code, 'ENOSPC');
    t.is(error.name, 'Error'); // not an ArtifactError: Temporal tries again
    t.regex(error.message, /^No space is left to write .*; free some \(`\.\/gtr gc` shows/);
    t.is(files.length, 1);
    t.true(first && again);
  },
);

test('an interrupted write leaves nothing', (t) => {
  // 64 KB a file at most
  const { error, files, first, again } = storeInShell(['bash', '-c', 'ulimit -f 64 && exec "$@"', 'bash']);
  t.is(error.code, 'EFBIG');
  t.is(files.length, 1);
  t.true(first && again);
});
