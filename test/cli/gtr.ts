/** Runs the command line in its own process, for tests. */
import { spawn } from 'node:child_process';
import path from 'node:path';

const PROJECT = path.resolve(import.meta.dirname, '../..');

/** Exit code and output; standard error without the line break at its end. */
export type GtrOutput = { code: number | null; out: string; err: string };

/**
 * Runs `gtr` in the project with this process's environment and the changes of `env` (undefined: without), feeds it
 * `input` and waits for its end.
 */
export function gtr(
  args: readonly string[],
  { env = {}, input = '' }: { env?: NodeJS.ProcessEnv; input?: string } = {},
): Promise<GtrOutput> {
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', path.join(PROJECT, 'cli/main.ts'), ...args],
    { cwd: PROJECT, env: { ...process.env, ...env } },
  );
  child.stdin.end(input);
  let [out, err] = ['', ''];
  child.stdout.on('data', (text: Buffer) => (out += text.toString()));
  child.stderr.on('data', (text: Buffer) => (err += text.toString()));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, out, err: err.trim() })));
}
