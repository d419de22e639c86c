// @ts-check
/** What the set-up prints: one line per step, and regular progress lines while a step takes time. */
import { spawn } from 'node:child_process';

/**
 * Something that the set-up cannot repair: the message says in one sentence what is missing and which command repairs
 * it.
 */
export class SetUpError extends Error {
  /** @override */
  name = 'SetUpError';
}

/**
 * Prints a problem that the set-up cannot repair, e.g. a place that cannot be written, and exits. Other errors are
 * thrown.
 * @param {unknown} error
 */
export function giveUp(error) {
  const { name, message, code, path: where } = /** @type {NodeJS.ErrnoException} */ (error);
  const unwritable = code !== undefined && where !== undefined && CANNOT_WRITE.has(code);
  if (name !== 'SetUpError' && !unwritable) throw error;
  say(`gtr: ${unwritable ? `${where}: cannot be written (${code}); let this user write it, ${ELSEWHERE}.` : message}`);
  process.exit(2);
}

const CANNOT_WRITE = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOENT', 'ENOTDIR', 'ENOSPC', 'EDQUOT']);
const ELSEWHERE = 'set XDG_CACHE_HOME to a folder that can be, or use a copy of the project that is your own';

/** Seconds between two progress lines. */
const SIGN_OF_LIFE_SECONDS = 15;

/**
 * Progress goes to stderr: stdout belongs to the command.
 * @param {string} line
 */
export function say(line) {
  process.stderr.write(`${line}\n`);
}

/**
 * Runs `work` with a line every 15 s.
 * @template T
 * @param {string} what
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withSignsOfLife(what, work) {
  const started = Date.now();
  const timer = setInterval(
    () => say(`  ${what}: ${Math.round((Date.now() - started) / 1000)} s`),
    SIGN_OF_LIFE_SECONDS * 1000,
  );
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}

/**
 * Runs a command with progress lines; it is killed when this process exits.
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd: string, env?: NodeJS.ProcessEnv }} options
 * @returns {Promise<{ found: boolean, ok: boolean, lastWords: string }>} `found` false: there is no such command;
 * `lastWords`: the last line that it wrote to stderr
 */
export function run(command, args, { cwd, env = process.env }) {
  return withSignsOfLife(
    `${command} ${args[0]}`,
    () =>
      new Promise((resolve) => {
        const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'ignore', 'pipe'] });
        const end = () => child.kill();
        process.once('exit', end);
        let errors = '';
        child.stderr.on('data', (text) => (errors = (errors + text).slice(-4000)));
        let found = true;
        child.on('error', () => (found = false));
        child.on('close', (code) => {
          process.off('exit', end);
          resolve({ found, ok: code === 0, lastWords: errors.trim().split('\n').at(-1)?.slice(0, 300) ?? '' });
        });
      }),
  );
}
