/** What the command line says of itself: version, help with examples, completion, the nearest verb. */
import { execFileSync } from 'node:child_process';
import test from 'ava';
import { EXAMPLES } from '../../cli/examples.ts';
import { gtr } from './gtr.ts';

const outside = { env: { TEMPORAL_ADDRESS: '127.0.0.1:1', GTR_HOME: '/tmp/gtr-help-none' } };

/** The verbs that `gtr --help` lists. */
async function verbs(): Promise<string[]> {
  const { out } = await gtr(['--help'], outside);
  return [...out.slice(out.indexOf('Commands:')).matchAll(/^ {2}([a-z][\w-]*)/gm)]
    .map(([, verb]) => verb)
    .filter((verb) => verb !== 'help');
}

test('the version is that of the package', async (t) => {
  t.regex((await gtr(['--version'], outside)).out, /^\d+\.\d+\.\d+\n$/);
});

test('every verb has an example, whose options are among those of its help', async (t) => {
  const known = await verbs();
  t.deepEqual(Object.keys(EXAMPLES).sort(), known.sort());
  for (const verb of ['train', 'evaluate', 'gc', 'rate']) {
    const { out } = await gtr([verb, '--help'], outside);
    const [help, examples] = out.split('\nExamples:\n');
    t.true(examples.includes(`./gtr ${verb}`), verb);
    for (const [option] of examples.matchAll(/(?<= )--[a-z-]+/g)) t.true(help.includes(option), `${verb} ${option}`);
  }
});

test('an unknown verb names the nearest one', async (t) => {
  const { code, err } = await gtr(['trian'], outside);
  t.is(code, 2);
  t.regex(err, /unknown command 'trian'\n\(Did you mean train\?\)/);
});

test('bash completes verbs, options, shells and configurations', async (t) => {
  const { out: script } = await gtr(['completion', 'bash'], outside);
  const complete = (...words: string[]) =>
    execFileSync(
      'bash',
      ['-c', `${script}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _gtr; echo "\${COMPREPLY[@]}"`, 'gtr', ...words],
      { encoding: 'utf8' },
    ).trim();
  t.is(complete('./gtr', 'trai'), 'train');
  t.is(complete('./gtr', 'result', '--j'), '--json');
  t.is(complete('./gtr', 'completion', 'z'), 'zsh');
  t.is(complete('./gtr', 'train', '--config', 'smo'), 'smoke');
});

test('names that a run cannot have are refused before anything is done', async (t) => {
  const cases: [string[], RegExp][] = [
    [['train', '--config', 'smoke', '--id='], /^gtr: The name of a run must not be empty; /],
    [
      ['train', '--config', 'smoke', '--id', 'x'.repeat(300)],
      /at most 200 bytes, not 300 \(xxx.*choose a shorter one\.$/,
    ],
    [['train', '--config', 'smoke', '--id', 'a\nb'], /must be a single line: "a\\nb"\.$/],
    [['train', '--config', 'smoke', '--id', 'a"b'], /must hold no double quote: Temporal cannot search for a"b\.$/],
    [['result', ''], /^gtr: The name of a run must not be empty; /],
    [['report', '\u{1f600}'.repeat(20)], /at most 200 bytes, not 240/],
  ];
  for (const [args, message] of cases) {
    const { code, err } = await gtr(args, outside);
    t.is(code, 2, err);
    t.regex(err, message);
  }
});

test('a home that cannot be written is reported', async (t) => {
  for (const home of ['/proc/gtr', '/sys/gtr']) {
    const { code, err } = await gtr(['up'], { env: { ...outside.env, GTR_HOME: home } });
    t.is(code, 2, err);
    t.regex(err, new RegExp(`^gtr: ${home}\\S*: (?!there is no).*; set GTR_HOME to a folder that this user can write`));
  }
});
