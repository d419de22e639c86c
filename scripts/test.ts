/** `npm test`: type check, lint, then every test; ends with a line `N passed, M failed`. Arguments are file patterns for AVA. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';

const project = path.resolve(import.meta.dirname, '..');
const bin = (name: string) => path.join(project, 'node_modules', '.bin', name);

/** Runs a tool with its output shown; whether it succeeded. */
function check(name: string, args: string[]): Promise<boolean> {
  process.stdout.write(`${name}\n`);
  return new Promise((resolve) => {
    spawn(bin(name), args, { cwd: project, stdio: 'inherit' }).on('close', (code) => resolve(code === 0));
  });
}

/** Runs AVA and counts its results. */
async function runTests(patterns: string[]): Promise<{ passed: number; failed: number }> {
  const child = spawn(bin('ava'), ['--tap', ...patterns], { cwd: project, stdio: ['ignore', 'pipe', 'inherit'] });
  let passed = 0;
  let failed = 0;
  const closed = new Promise<number | null>((resolve) => child.on('close', resolve));
  for await (const line of createInterface({ input: child.stdout })) {
    if (/^ok /.test(line) && !/# SKIP/.test(line)) passed++;
    if (/^not ok /.test(line)) failed++;
    if (!/^(TAP version|---|\d+\.\.\d+)/.test(line)) process.stdout.write(`${line}\n`);
  }
  const code = await closed;
  // A crash that no result line tells of.
  if (code !== 0 && failed === 0) failed++;
  return { passed, failed };
}

const patterns = process.argv.slice(2);
const tools = patterns.length > 0 ? [] : [await check('tsc', []), await check('oxlint', [])];
const { passed, failed } = await runTests(patterns);
const failures = failed + tools.filter((succeeded) => !succeeded).length;
process.stdout.write(`\n${passed} passed, ${failures} failed\n`);
process.exit(failures > 0 || passed === 0 ? 1 : 0);
