import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, realpathSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';

const PROJECT = path.resolve(import.meta.dirname, '../..');

/** Runs a command of the project with an environment that has no Temporal CLI, no Go, and no way out. */
function run(command: string, args: string[], options: { cwd?: string; env?: Record<string, string> } = {}) {
  const empty = mkdtempSync(path.join(tmpdir(), 'gtr-bare-'));
  const tools = mkdtempSync(path.join(tmpdir(), 'gtr-tools-'));
  symlinkSync(process.execPath, path.join(tools, 'node'));
  for (const tool of ['sh', 'readlink', 'dirname', 'tar'])
    symlinkSync(realpathSync(spawnSync('which', [tool], { encoding: 'utf8' }).stdout.trim()), path.join(tools, tool));
  const env = { PATH: tools, HOME: empty, HTTPS_PROXY: 'http://127.0.0.1:9', ...options.env };
  return spawnSync(command, args, { cwd: options.cwd ?? empty, env, encoding: 'utf8' });
}

test('the launcher works from any folder, through links, and hands on the exit code', (t) => {
  const link = path.join(mkdtempSync(path.join(tmpdir(), 'gtr-link-')), 'gtr');
  symlinkSync(path.join(PROJECT, 'gtr'), link);
  const help = run(link, ['--help']);
  t.is(help.status, 0, help.stderr);
  t.regex(help.stdout, /Usage: gtr/);
  const unknown = run(link, ['no-such-verb']);
  t.is(unknown.status, 2);
  t.regex(unknown.stderr, /no-such-verb/);
});

test('doctor works without a Temporal CLI, names it, and ends with 2', (t) => {
  const { status, stdout, stderr } = run(path.join(PROJECT, 'gtr'), ['doctor', '--json'], {
    env: { GTR_HOME: mkdtempSync(path.join(tmpdir(), 'gtr-home-')) },
  });
  t.is(status, 2, stderr);
  const { healthy, findings } = JSON.parse(stdout) as {
    healthy: boolean;
    findings: { name: string; ok: boolean; mend: string }[];
  };
  t.false(healthy);
  t.deepEqual(
    findings
      .filter(({ ok }) => !ok)
      .map(({ name }) => name)
      .filter((name) => !['CUDA', 'WebGPU', 'Temporal server', 'Paid teacher'].includes(name)),
    ['Temporal CLI', 'Go'],
  );
  t.is(findings.find(({ name }) => name === 'Temporal CLI')!.mend, 'npm run set-up');
});

test('no Temporal CLI, no network, no Go: one sentence with a way out, exit code 2', (t) => {
  const { status, stderr, stdout } = run(path.join(PROJECT, 'gtr'), ['up']);
  t.is(status, 2, stderr);
  t.is(stdout, '');
  const sentences = stderr
    .trim()
    .split('\n')
    .filter((line) => line.startsWith('gtr: '));
  t.is(sentences.length, 1, stderr);
  t.regex(
    sentences[0],
    /^gtr: The Temporal CLI is missing, .* no Go .*; put a `temporal` of at least version 1\.5\.1 on PATH .* run this again\.$/,
  );
});

test('npm scripts start with the set-up, since npm runs no pre scripts here', (t) => {
  const { scripts } = JSON.parse(readFileSync(path.join(PROJECT, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  for (const name of ['start', 'test', 'bench']) t.regex(scripts[name], /^(node scripts\/set-up\.mjs|\.\/gtr)/, name);
});
