/**
 * Assembled checkpoints against transformers: ids, pixels and log-probs recorded by scripts/golden/assembled-cases.py.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync, cpSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import sharp from 'sharp';
import { decodeSafetensors, readTensorBytes } from '../../core/graph/safetensors.ts';
import { assemble } from '../../core/policy/assemble/assemble.ts';
import { openCheckpoint } from '../../core/policy/checkpoint/open-checkpoint.ts';
import { OnnxPolicyEngine } from '../../core/policy/onnx-policy-engine.ts';
import { imageTokens, type LlavaConfig } from '../../core/policy/families/llava/llava-config.ts';
import { loadImagePreprocessor } from '../../core/policy/families/llava/preprocess-image.ts';
import { loadTokenizer } from '../../core/policy/tokenizer.ts';

const GOLDEN = path.resolve(import.meta.dirname, '../golden/assemble');
const BUILT_IN = path.resolve(import.meta.dirname, '../../models/points24-tiny');
const temporary = () => mkdtempSync(path.join(tmpdir(), 'gtr-assemble-'));

type Facts = {
  prompt: string;
  prompt_ids: number[];
  response: string;
  response_ids: number[];
  vocab_size: number;
};

function partsOf(name: string): { language: string; vision: string } {
  const folder = path.join(GOLDEN, name);
  const vision = path.join(folder, 'vision');
  return { language: path.join(folder, 'language'), vision: existsSync(vision) ? vision : BUILT_IN };
}

for (const name of readdirSync(GOLDEN)) {
  test(`${name}: prompt, picture and log-probs are those of transformers`, async (t) => {
    const folder = path.join(GOLDEN, name);
    const facts = JSON.parse(readFileSync(path.join(folder, 'golden.json'), 'utf8')) as Facts;
    const golden = decodeSafetensors(readFileSync(path.join(folder, 'golden.safetensors')), name);
    const out = path.join(temporary(), 'assembled');
    await assemble({ ...partsOf(name), out, seed: 7 });

    const checkpoint = openCheckpoint(out);
    t.is(checkpoint.config.text.vocabSize, facts.vocab_size);
    const tokenizer = loadTokenizer(out);
    const config = checkpoint.config as LlavaConfig;
    const image = { mark: '<image>', text: '<image>', tokensEach: imageTokens(config), id: config.imageTokenId };
    t.deepEqual(tokenizer.chatPromptIds(facts.prompt, image), facts.prompt_ids);
    t.deepEqual(tokenizer.encode(facts.response), facts.response_ids);

    const { data, info } = await sharp(path.join(folder, 'picture.png')).raw().toBuffer({ resolveWithObject: true });
    const picture = loadImagePreprocessor(
      out,
      config.vision.imageSize,
    )({ width: info.width, height: info.height, data });
    t.true(worstError(picture.pixels, golden.get('pixels')!.data) < 1e-6);

    const engine = OnnxPolicyEngine.open({
      checkpoint,
      scope: { kind: 'lora', rank: 2, alpha: 4, dropout: 0, parts: ['language_model'] },
      valueHead: [4],
      lanes: 1,
      rowsPerShard: 1,
      rowsPerSample: 1,
    });
    await engine.setParameters(engine.initialParameters(1));
    const { logprobs } = await engine.score({
      rows: [{ image: 0, promptIds: facts.prompt_ids, responseIds: facts.response_ids }],
      pictures: [picture],
      temperature: 1,
    });
    await engine.close();
    t.true(worstError(logprobs[0], golden.get('logprobs')!.data) < 1e-4);
  });
}

test(
  'both parts are unchanged; the seed determines the projector; ' + 'a grown vocabulary has mean rows',
  async (t) => {
    const parts = partsOf('llama-clip');
    const [one, same, other] = await Promise.all(
      [1, 1, 2].map(async (seed) => {
        const out = path.join(temporary(), 'assembled');
        await assemble({ ...parts, out, seed });
        return out;
      }),
    );
    const bytes = (folder: string) => readFileSync(path.join(folder, 'model.safetensors'));
    t.true(bytes(one).equals(bytes(same)));
    t.false(bytes(one).equals(bytes(other)));
    const [a, b] = [one, other].map((folder) => openCheckpoint(folder).parameters);
    for (const [name, location] of a)
      t.is(
        Buffer.from(readTensorBytes(location)).equals(readTensorBytes(b.get(name)!)),
        !/^multi_modal_projector.*weight$/.test(name),
        name,
      );
    // 300 words grow to 320: the rows behind them are the mean of the 300.
    const table = a.get('language_model.embed_tokens.weight')!;
    const width = table.shape[1] * 2;
    const rows = Buffer.from(readTensorBytes(table));
    t.true(rows.subarray(300 * width, 301 * width).equals(rows.subarray(319 * width)));
  },
);

test('what cannot be assembled is reported in one sentence, and nothing is left behind', async (t) => {
  const { language, vision } = partsOf('llama-clip');
  const parent = temporary();
  const out = path.join(parent, 'assembled');
  const refused = async (input: Partial<Parameters<typeof assemble>[0]>, message: RegExp) => {
    await t.throwsAsync(assemble({ language, vision, out, seed: 1, ...input }), { message });
    t.deepEqual(readdirSync(parent), []);
  };
  await refused({ language: BUILT_IN }, /config\.json describes a model of type llava; a language model to /);
  await refused({ vision: language }, /has no preprocessor_config\.json; copy it/);
  await refused({ language: path.join(parent, 'none') }, /There is no .*none\/config\.json; name the folder of a/);
  const copy = (change: (config: Record<string, unknown>) => object) => {
    const folder = temporary();
    cpSync(language, folder, { recursive: true });
    const file = path.join(folder, 'config.json');
    writeFileSync(file, JSON.stringify(change(JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>)));
    return folder;
  };
  await refused(
    { language: copy((config) => ({ ...config, num_hidden_layers: 3 })) },
    /has no parameter language_model\.layers\.2\.input_layernorm\.weight and 12 more; the weights do not fit/,
  );
  await refused(
    { language: copy((config) => ({ ...config, num_hidden_layers: 1 })) },
    /holds language_model\.layers\.1\..*, which a model of this config\.json does not have/,
  );
  await refused(
    { language: copy((config) => ({ ...config, intermediate_size: 47 })) },
    /mlp\.down_proj\.weight has shape \[32, 48\], but config\.json asks for \[32, 47\]/,
  );
  writeFileSync(path.join(parent, 'mine'), '');
  await t.throwsAsync(assemble({ language, vision, out: parent, seed: 1 }), {
    message: /is not empty; name a new folder/,
  });
});

function worstError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Infinity;
  return Array.from(actual).reduce((worst, value, index) => Math.max(worst, Math.abs(value - expected[index])), 0);
}
