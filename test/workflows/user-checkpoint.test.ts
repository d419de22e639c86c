/**
 * A user's checkpoint through whole runs: its own tokenizer, chat template and preprocessing, LoRA with dropout; what
 * it exports is where another run starts.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { WorkflowFailedError } from '@temporalio/client';
import test from 'ava';
import { explain } from '../../cli/errors.ts';
import { exportWeights } from '../../cli/export-weights.ts';
import { readRun } from '../../cli/read-run.ts';
import { startRun } from '../../cli/start-run.ts';
import { parseConfig, runConfigSchema } from '../../configs/schema.ts';
import { writeNewCheckpoint } from '../../core/policy/new-checkpoint.ts';
import type { evaluate } from '../../workflows/evaluate.ts';
import type { train } from '../../workflows/train.ts';
import { type Installation, startInstallation, withClient } from '../../bench/harness/installation.ts';

let installation: Installation;
const work = mkdtempSync(path.join(tmpdir(), 'gtr-user-'));
test.before(async () => {
  installation = await startInstallation();
});
test.after.always(async () => {
  await installation?.stop();
  rmSync(work, { recursive: true, force: true });
});

/**
 * A small random model that speaks through a Llama tokenizer (420 tokens of a vocabulary of 448) and LLaVA 1.5's kind
 * of chat template.
 */
async function userCheckpoint(): Promise<string> {
  const text = {
    model_type: 'llama',
    hidden_size: 32,
    intermediate_size: 64,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    max_position_embeddings: 512,
    rms_norm_eps: 1e-5,
  };
  const vision = {
    model_type: 'clip_vision_model',
    hidden_size: 16,
    intermediate_size: 32,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    image_size: 28,
    patch_size: 14,
  };
  const architecture = { model_type: 'llava', text_config: text, vision_config: vision };
  const folder = path.join(work, 'model');
  cpSync(
    await writeNewCheckpoint(
      work,
      { architecture, pieces: Array.from({ length: 444 }, (_, index) => `piece ${index}`), imageSize: 28 },
      3,
    ),
    folder,
    { recursive: true },
  );
  const golden = JSON.parse(readFileSync(path.resolve(import.meta.dirname, '../golden/tokenizers.json'), 'utf8')) as {
    name: string;
    tokenizer: object;
  }[];
  writeFileSync(
    path.join(folder, 'tokenizer.json'),
    JSON.stringify(golden.find(({ name }) => name === 'llama')!.tokenizer),
  );
  writeFileSync(
    path.join(folder, 'chat_template.jinja'),
    "{% for message in messages %}{{ message['role'].upper() + ': ' }}{% for part in message['content'] %}{{ " +
      "'<image>\\n' if part['type'] == 'image' else part['text'] + ' ' }}{% endfor %}{% endfor %}{% if " +
      "add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}",
  );
  return folder;
}

function promptTemplate(): string {
  const file = path.join(work, 'points24-chat.json');
  const prompt =
    '<image>You are playing a game called Points24. Your current formula is {formula}. Possible actions: 1 2 3 4 5 ' +
    '6 7 8 9 10 + - * / ( ) =';
  writeFileSync(
    file,
    JSON.stringify({
      environment: 'points24',
      prompt,
      keys: ['cards', 'formula', 'thoughts', 'action'],
      thought: { cards: '{cards}', formula: '{formula}', thoughts: 'numbers {sorted} reach {target} append {next}' },
    }),
  );
  return file;
}

const config = (base: string, prompt: string, changes: { model?: object; engine?: object } = {}) =>
  parseConfig(
    runConfigSchema,
    {
      seed: 1,
      envSteps: 32,
      environment: { name: 'points24', options: { deals: 'seen' }, maxEpisodeSteps: 4 },
      model: {
        base,
        prompt,
        imageSize: 60,
        valueHead: [16, 8],
        train: { kind: 'lora', rank: 4, alpha: 8 },
        ...changes.model,
      },
      rollout: { envStepsPerIteration: 16, episodesPerWave: 8, temperature: 0.7, maxNewTokens: 12 },
      ppo: { epochs: 2, samplesPerStep: 8, maxGradNorm: 1 },
      optimizer: { lr: 3e-3, lrEnd: 1e-3, scheduleIterations: 0 },
      evaluation: { episodes: 4 },
      engine: { ...changes.engine },
    },
    'test',
  );
const run = (id: string, settings: ReturnType<typeof config>) =>
  withClient(async (client) => (await startRun<typeof train>(client, 'train', id, [settings], 'test')).result());
const startOf = (id: string, settings: ReturnType<typeof config>) =>
  withClient(async (client) =>
    (await startRun<typeof evaluate>(client, 'evaluate', id, [{ config: settings, policy: null }], 'test')).result(),
  );

test('a run that does not fit is refused with the numbers', async (t) => {
  const error = await t.throwsAsync(
    run(
      'too-large',
      config(path.resolve(import.meta.dirname, '../../models/points24-tiny'), 'points24-tiny', {
        model: { train: { kind: 'all' } },
        engine: { memoryGiB: 0.01 },
      }),
    ),
    { instanceOf: WorkflowFailedError },
  );
  const { message, exitCode } = explain(error);
  t.regex(
    message,
    /^model\.base: .*points24-tiny does not fit: the run takes about .* but this machine has 10\.2 MiB; lower /,
  );
  t.is(exitCode, 2);
});

test(
  'two iterations with LoRA dropout, the same bytes on one lane; the exported adapter is the start of another ' +
    'run, to the byte',
  async (t) => {
    const [base, prompt] = [await userCheckpoint(), promptTemplate()];
    const settings = config(base, prompt);
    t.is(settings.model.train.kind === 'lora' && settings.model.train.dropout, 0.05);
    const trained = await run('user', settings);
    t.is(trained.iterations, 2);
    t.not(trained.policy.sha256, (await startOf('untrained', settings)).policy!.sha256);
    t.is((await run('one-lane', config(base, prompt, { engine: { lanes: 1 } }))).policy.sha256, trained.policy.sha256);

    const [adapter] = await withClient(async (client) =>
      exportWeights('user', await readRun(client, 'user'), path.join(work, 'export')),
    );
    const continued = await startOf('continued', config(base, prompt, { model: { adapter } }));
    t.is(continued.policy!.sha256, trained.policy.sha256);
  },
);
