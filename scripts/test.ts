/**
 * `npm test`: type check, lint, format check, then every test; ends with a line `N passed, M failed`. Arguments are
 * file patterns for AVA: then only those tests run.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { countResult, type TestCounts } from './count-result.ts';

const PROJECT = path.resolve(import.meta.dirname, '..');

const patterns = process.argv.slice(2);
const brokenTools: string[] = [];
for (const [tool, ...args] of patterns.length > 0 ? [] : [['tsc'], ['oxlint'], ['oxfmt', '--check', '.']])
  if (!(await succeeds(tool, args))) brokenTools.push(tool);
const counts = await runTests(patterns);

for (const tool of brokenTools) process.stdout.write(`  ✘ ${tool} found mistakes (see above)\n`);
const failed = counts.failed + brokenTools.length;
process.stdout.write(`\n${counts.passed} passed, ${failed} failed\n`);
process.exitCode = failed > 0 ? 1 : 0;

/** Runs a tool with its output shown. */
function succeeds(tool: string, args: string[]): Promise<boolean> {
  process.stdout.write(`${tool} ...\n`);
  const child = spawn(tool, args, { cwd: PROJECT, stdio: ['ignore', 'inherit', 'inherit'] });
  return new Promise((resolve) => {
    child.on('error', () => resolve(false));
    child.on('close', (code) => resolve(code === 0));
  });
}

/**
 * Runs AVA, shows its report and counts the results. It reads the default report, not TAP, because AVA 8.0's TAP
 * reporter crashes at a timeout. Output of the tests themselves goes to stderr, so it is not counted. Temporary files
 * of all tests are in one folder, which is removed at the end.
 */
async function runTests(patterns: string[]): Promise<TestCounts> {
  const { FORCE_COLOR: _, ...env } = process.env;
  const temporary = await mkdtemp(path.join(tmpdir(), 'gtr-tests-'));
  const child = spawn('ava', patterns, {
    cwd: PROJECT,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...env, TERM: 'dumb', TMPDIR: temporary },
  });
  const exit = new Promise<number | null>((resolve) => {
    child.on('error', () => resolve(null));
    child.on('close', resolve);
  });
  const counts: TestCounts = { passed: 0, failed: 0 };
  for await (const line of createInterface({ input: child.stdout })) {
    countResult(line, counts);
    process.stdout.write(`${line}\n`);
  }
  // Whatever AVA's lines say, there is no success without its exit code 0, or without tests.
  if (counts.failed === 0 && ((await exit) !== 0 || counts.passed === 0)) {
    process.stdout.write(counts.passed === 0 ? '  ✘ no test passed\n' : '  ✘ AVA failed\n');
    counts.failed++;
  }
  // Processes that a test started may still be ending.
  await rm(temporary, { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined);
  return counts;
}
