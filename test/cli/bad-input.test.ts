/** Bad input: one clear sentence, exit code 2, no stack trace. */
import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { gtr as runGtr } from './gtr.ts';

const project = path.resolve(import.meta.dirname, '../..');
const folder = mkdtempSync(path.join(tmpdir(), 'gtr-cli-'));
/** A port where nothing listens. */
const NOWHERE = '127.0.0.1:1';

const gtr = (args: string[], input = '') =>
  runGtr(args, { env: { TEMPORAL_ADDRESS: NOWHERE, GTR_HOME: folder }, input });

const refused = (title: string, args: () => string[], message: RegExp) =>
  test(title, async (t) => {
    const { code, err } = await gtr(args());
    t.is(code, 2, err);
    t.regex(err, message);
    t.is(err.split('\n').length, 1, err);
  });

const smoke = path.join(project, 'configs/smoke.json');
const train = (...more: string[]) => ['train', '--config', smoke, '--id', 'x', ...more];

refused(
  'an unknown configuration key',
  () => train('--set', 'rollout.temprature=1'),
  /smoke\.json: unknown key "temprature" in rollout/,
);
refused('a wrong type', () => train('--set', 'seed=first'), /smoke\.json: seed: .*expected number/);
refused(
  'a configuration that is not there',
  () => ['train', '--config', 'nothing.json', '--id', 'x'],
  /nothing\.json: cannot be read as JSON .*configs\/quickstart\.json/,
);
refused(
  'a configuration that is not JSON',
  () => {
    const file = path.join(folder, 'broken.json');
    writeFileSync(file, '{');
    return ['train', '--config', file, '--id', 'x'];
  },
  /broken\.json: cannot be read as JSON/,
);
refused(
  'a missing model folder',
  () => train('--set', 'model.base=models/nothing'),
  /model\.base: there is no checkpoint \(config\.json\) in .*models\/nothing/,
);
refused(
  'a prompt with two pictures',
  () => {
    const file = path.join(folder, 'two-marks.json');
    const template = JSON.parse(readFileSync(path.join(project, 'core/policy/prompts/points24-tiny.json'), 'utf8')) as {
      prompt: string;
    };
    writeFileSync(file, JSON.stringify({ ...template, prompt: `${template.prompt} <image>` }));
    return train('--set', `model.prompt=${file}`);
  },
  /two-marks\.json: prompt: .*<image>/,
);
// What would be too much for any machine's memory, or for a run's history, is refused before anything is opened.
for (const [field, most] of Object.entries({
  'engine.lanes': 256,
  'rollout.episodesPerWave': 65_536,
  'evaluation.episodes': 65_536,
  'model.imageSize': 4096,
  'corrector.openai.image.size': 4096,
  'parallel.waves': 256,
  'ppo.epochs': 1000,
}))
  refused(
    `${field} beyond reason`,
    () => train('--set', `${field}=${most + 1}`),
    new RegExp(`smoke\\.json: ${field.replaceAll('.', '\\.')}: Too big: expected number to be <=${most}`),
  );
for (const [verb, args] of Object.entries({
  train: () => train('--set', 'envSteps=1000000000000000'),
  estimate: () => ['estimate', '--config', smoke, '--set', 'envSteps=1000000000000000'],
  sft: () => [
    'sft',
    '--config',
    'sft-points24-tiny',
    '--out',
    folder,
    '--id',
    'x',
    '--set',
    'demonstrations.count=1e14',
  ],
}))
  refused(
    `a disk that is too small for what ${verb} would store`,
    args,
    /^gtr: No room: the run takes up to [\d.]+ GB \(.*\), [\d.]+ GB when done; [\d.]+ [MG]B are free in .*; free some .*, or lower (envSteps|demonstrations\.count)\.$/,
  );
refused(
  'an unreachable server',
  () => train(),
  /No Temporal server answers at 127\.0\.0\.1:1; start one with `\.\/gtr up`/,
);
refused('an unreachable server, watching', () => ['watch', 'x'], /No Temporal server answers/);
refused('an unknown environment to play', () => ['play', 'poker'], /unknown environment "poker"; known are/);
refused('an unknown worker role', () => ['up', '--workers', 'cook'], /unknown role "cook"; known are/);
refused(
  'an unknown fault to rehearse',
  () => {
    const file = path.join(folder, 'faults.json');
    writeFileSync(file, '[{"fault":"earthquake"}]');
    return ['fake-openai', '--port', '0', '--faults', file];
  },
  /faults\.json: 0\.fault: Invalid option: expected one of "rateLimit"\|/,
);
refused(
  'a latency that is none',
  () => ['fake-openai', '--port', '0', '--latency', 'slow'],
  /--latency slow: must be seconds like 12\.6, or a range like 8-17/,
);
refused(
  'a damaged reference checkpoint',
  () => {
    const copy = path.join(folder, 'damaged');
    cpSync(path.join(project, 'test/golden/llava/llama-gqa-bf16'), copy, { recursive: true });
    truncateSync(path.join(copy, 'model.safetensors'), 5000);
    return ['conformance', 'llava', copy];
  },
  /model\.safetensors/,
);

refused(
  'a folder that is not a reference checkpoint',
  () => ['conformance', 'llava', path.join(project, 'test/golden/llava/llama-gqa-bf16'), project],
  /is not a reference checkpoint \(reference\.json\) and contains none; name folders/,
);
refused(
  'a reference of which a number is missing',
  () => {
    const copy = path.join(folder, 'incomplete');
    cpSync(path.join(project, 'test/golden/llava/llama-gqa-bf16'), copy, { recursive: true });
    writeFileSync(path.join(copy, 'reference.json'), '{}');
    return ['conformance', 'llava', copy];
  },
  /incomplete\/reference\.json: prompt_len: /,
);
refused(
  'a folder without recorded episodes',
  () => ['conformance', 'gymcards', project],
  /holds no recorded episodes; name a file of them/,
);
refused(
  'a file for a folder of recorded games',
  () => ['conformance', 'alfworld', smoke],
  /smoke\.json: there is no such folder/,
);
refused(
  'a folder without recorded games',
  () => ['conformance', 'alfworld', path.join(project, 'configs')],
  /No recorded game .* lies below/,
);
refused('a port that there is not', () => ['fake-openai', '--port', '70000'], /--port 70000: must be at most 65535/);

refused(
  'a file for a reference checkpoint',
  () => ['conformance', 'llava', smoke],
  /smoke\.json: is a file; name folders of reference checkpoints/,
);

test('a home that is a file is reported', async (t) => {
  const { code, err } = await runGtr(['up'], { env: { GTR_HOME: smoke }, input: '' });
  t.is(code, 2, err);
  t.regex(err, /smoke\.json\/.*: is not a folder, or is not inside one; set GTR_HOME to a folder/);
});

test('a reference checkpoint that cannot be computed is one of several failures', async (t) => {
  const copy = path.join(folder, 'without');
  const whole = path.join(project, 'test/golden/llava/llama-gqa-bf16');
  cpSync(whole, copy, { recursive: true });
  // Reference tensors of another prompt length.
  const facts = JSON.parse(readFileSync(path.join(copy, 'reference.json'), 'utf8'));
  writeFileSync(path.join(copy, 'reference.json'), JSON.stringify({ ...facts, prompt_len: 1 }));
  // As a shell expands FOLDER/*: files among the folders are skipped.
  const { code, out } = await gtr(['conformance', 'llava', copy, whole, smoke]);
  t.is(code, 1, out);
  t.regex(out, /^FAILED .*without: /m);
  t.regex(out, /^ok .*llama-gqa-bf16 greedy_ids/m);
  t.regex(out, /\n79 passed, 1 failed\n$/);
});

test('a command ends silently when nobody reads its output', async (t) => {
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', path.join(project, 'cli/main.ts'), 'play', 'numberline'],
    { cwd: project, env: { ...process.env, GTR_HOME: folder } },
  );
  let err = '';
  child.stderr.on('data', (text: Buffer) => (err += text.toString()));
  child.stdout.once('data', () => {
    child.stdout.destroy();
    child.stdout.once('close', () => child.stdin.write('jump\njump\n'));
  });
  t.is(await new Promise((resolve) => child.once('close', resolve)), 0, err);
  t.is(err, '');
});

test('an unknown verb', async (t) => {
  const { code, err } = await gtr(['fly']);
  t.is(code, 2);
  t.regex(err, /unknown command 'fly'/);
});

test('play reads actions line by line and shows their results', async (t) => {
  const { code, out } = await gtr(['play', 'ezpoints', '--seed', '3'], 'hello\n=\n');
  t.is(code, 0);
  t.regex(out, /"hello" names no single action/);
  t.regex(out, /The episode is terminated; total reward -1\./);
});
