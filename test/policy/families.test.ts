/** What the families do with real folders: names of all generations, chat templates, pictures of varying size. */
import path from 'node:path';
import test from 'ava';
import { openCheckpoint } from '../../core/policy/checkpoint/open-checkpoint.ts';
import { parseVlmConfig } from '../../core/policy/checkpoint/read-config.ts';
import { CheckpointError } from '../../core/policy/checkpoint/errors.ts';
import { qwen25Names, qwen3Names } from '../../core/policy/families/qwen-vl/parameter-names.ts';
import { qwenProcessor } from '../../core/policy/families/qwen-vl/preprocess-image.ts';
import { families, familyOf } from '../../core/policy/families/registry.ts';
import { smolVlm } from '../../core/policy/families/smolvlm/smolvlm.ts';
import { OnnxPolicyEngine } from '../../core/policy/onnx-policy-engine.ts';
import { pictureShape } from '../../core/policy/picture-shape.ts';
import { END_TOKENS, pieceTokenizer } from '../../core/policy/piece-tokenizer.ts';
import { PolicyTokenizer } from '../../core/policy/tokenizer.ts';
import { RandomStream } from '../../core/random/counter.ts';
import { sizedPictures } from './sized-pictures.ts';

const golden = (name: string) => path.resolve(import.meta.dirname, '../golden/vlm', name);

test('names of all generations, in checkpoints and adapters, mean the same parameters', (t) => {
  const same = (names: typeof qwen25Names, canonical: string, ...others: string[]) =>
    t.deepEqual(
      others.map(names.canonical),
      others.map(() => canonical),
    );
  const layer = 'layers.3.self_attn.q_proj';
  same(qwen25Names, `language_model.${layer}.bias`, `model.${layer}.bias`, `model.language_model.${layer}.bias`);
  const matrix = `language_model.${layer}.lora_A.weight`;
  same(
    qwen25Names,
    matrix,
    `base_model.model.model.${layer}.lora_A.weight`,
    `base_model.model.model.language_model.${layer}.lora_A.default.weight`,
  );
  const qkv = 'blocks.0.attn.qkv.weight';
  same(qwen25Names, `vision_tower.${qkv}`, `visual.${qkv}`, `model.visual.${qkv}`);
  same(qwen25Names, 'multi_modal_projector.merger.mlp.0.weight', 'visual.merger.mlp.0.weight');
  const deep = 'deepstack_merger_list.1.norm.weight';
  same(qwen3Names, `multi_modal_projector.${deep}`, `model.visual.${deep}`);
  same(smolVlm.names, `language_model.${layer}.weight`, `model.text_model.${layer}.weight`);
  t.is(qwen25Names.inFile(`language_model.${layer}.bias`), `model.${layer}.bias`);
  t.is(qwen3Names.inFile(`language_model.${layer}.bias`), `model.language_model.${layer}.bias`);
  for (const family of families)
    for (const name of ['lm_head.weight', 'language_model.norm.weight'])
      t.is(family.names.canonical(family.names.inFile(name)), name);
});

const QWEN_TEMPLATE = `{% set image_count = namespace(value=0) %}{% for message in messages %}{% if loop.first and message['role'] != 'system' %}<|im_start|>system
You are a helpful assistant.<|im_end|>
{% endif %}<|im_start|>{{ message['role'] }}
{% if message['content'] is string %}{{ message['content'] }}<|im_end|>
{% else %}{% for content in message['content'] %}{% if content['type'] == 'image' or 'image' in content or 'image_url' in content %}{% set image_count.value = image_count.value + 1 %}{% if add_vision_id %}Picture {{ image_count.value }}: {% endif %}<|vision_start|><|image_pad|><|vision_end|>{% elif 'text' in content %}{{ content['text'] }}{% endif %}{% endfor %}<|im_end|>
{% endif %}{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}`;
const SMOLVLM_TEMPLATE =
  "<|im_start|>{% for message in messages %}{{message['role'] | capitalize}}{% if " +
  "message['content'][0]['type'] == 'image' %}{{':'}}{% else %}{{': '}}{% endif %}{% for line in " +
  "message['content'] %}{% if line['type'] == 'text' %}{{line['text']}}{% elif line['type'] == 'image' %}{{ " +
  "'<image>' }}{% endif %}{% endfor %}<end_of_utterance>\n{% endfor %}{% if add_generation_prompt %}{{ " +
  "'Assistant:' }}{% endif %}";

for (const [name, template, grid, words] of [
  [
    'qwen2_5-small',
    QWEN_TEMPLATE,
    [4, 6],
    '<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n<|vision_start|>6 x image' +
      '<|vision_end|>play<|im_end|>\n<|im_start|>assistant\n',
  ],
  [
    'smolvlm-small',
    SMOLVLM_TEMPLATE,
    [1, 2],
    '<|im_start|>User:<fake_token_around_image><row_1_col_1>9 x image<fake_token_around_image><row_1_col_2>9 x image' +
      '\n\n<fake_token_around_image><global-img>9 x image<fake_token_around_image>play<end_of_utterance>\nAssistant:',
  ],
] as const)
  test(`${name}: the image stands where the model's own chat template says, and costs what the picture says`, (t) => {
    const { config } = openCheckpoint(golden(name));
    const family = familyOf(config);
    const special = family.newTokens.map(({ text }) => text);
    const pieces = [...'abcdefghijklmnopqrstuvwxyzUSAY .:_|<>'].concat(
      '<|im_start|>',
      '<|im_end|>',
      '<end_of_utterance>',
    );
    const content = pieceTokenizer(special.includes('\n') ? pieces : [...pieces, '\n'], special);
    const tokenizer = new PolicyTokenizer(
      content,
      {},
      { bosTokenId: 1, eosTokenIds: [2], alwaysBegins: family.alwaysBegins },
      template,
    );
    const id = END_TOKENS.length + special.indexOf(family.imageMark);
    const ids = tokenizer.chatPromptIds('<image>play', {
      mark: family.imageMark,
      id,
      ...family.imageWords(config, grid, false),
    });
    t.is(ids.filter((each) => each === id).length, family.imageTokens(config, grid));
    const texts = (content as { added_tokens: { content: string }[] }).added_tokens.map((token) => token.content);
    let run = 0;
    const said = [...ids, -1].reduce((text, each) => {
      if (each === id) {
        run++;
        return text;
      }
      const before = run > 0 ? `${text}${run} x image` : text;
      run = 0;
      return each < 0 ? before : before + texts[each];
    }, '');
    t.is(said, words);
  });

for (const [name, grids] of [
  [
    'qwen2_5-small',
    [
      [4, 6],
      [8, 4],
      [6, 10],
      [2, 2],
    ],
  ],
  [
    'qwen3-small',
    [
      [4, 6],
      [8, 4],
      [6, 10],
      [2, 2],
    ],
  ],
  [
    'smolvlm-small',
    [
      [0, 0],
      [1, 2],
      [2, 2],
      [2, 1],
    ],
  ],
] as const)
  test(`${name}: pictures of four sizes in one batch give what each gives alone`, async (t) => {
    const checkpoint = { ...openCheckpoint(golden(name)), adapter: null };
    const { config } = checkpoint;
    const { pictures, rows } = sizedPictures(config, grids, { seed: 3, wordsBehind: 3 });
    const shape = pictureShape(config, grids, false);
    const { pictureParts } = familyOf(config);
    t.true(shape.padded && shape.parts >= Math.max(...grids.map((grid) => pictureParts(config, grid))));
    const open = async (most: number) => {
      const engine = OnnxPolicyEngine.open({
        checkpoint,
        scope: {
          kind: 'lora',
          rank: 2,
          alpha: 4,
          dropout: 0,
          parts: ['language_model', 'vision_tower', 'multi_modal_projector'],
        },
        valueHead: [4],
        lanes: 1,
        rowsPerShard: most,
        rowsPerSample: most,
      });
      return engine;
    };
    const [together, alone] = [await open(4), await open(1)];
    const start = together.initialParameters(1).map((value) => (value === 0 ? 0.02 : value));
    for (const engine of [together, alone]) await engine.setParameters(start);
    const weighted = rows.map((row) => ({ ...row, sftWeights: new Float32Array(4).fill(0.25) }));
    const asked = { rows: weighted, pictures, temperature: 1, clip: 0.1, valueCoef: 0.5 };
    const [all, one] = [await together.gradients(asked), await alone.gradients(asked)];
    const largest = one.gradient.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    t.true(largest > 0 && all.gradient.every((value, at) => Math.abs(value - one.gradient[at]) < 1e-4 * largest));
    // The tower and the connector have their own gradients.
    let offset = 0;
    const moved = new Set<string>();
    for (const { name: parameter, shape: sizes } of together.trained) {
      const size = sizes.reduce((product, length) => product * length, 1);
      if (all.gradient.subarray(offset, offset + size).some((value) => value !== 0)) moved.add(parameter.split('.')[0]);
      offset += size;
    }
    t.true(['language_model', 'vision_tower', 'multi_modal_projector'].every((part) => moved.has(part)));
    const random = new RandomStream({ seed: 3, purpose: 'noise' });
    const sampling = {
      rows: rows.map((row) => ({ ...row, noise: Float32Array.from({ length: 5 }, () => random.uniform()) })),
      pictures,
      maxNewTokens: 5,
      temperature: 0.8,
      repetitionPenalty: 1.2,
      penalizePrompt: false,
    };
    const [sampled, single] = [await together.sample(sampling), await alone.sample(sampling)];
    t.deepEqual(
      sampled.map(({ ids }) => ids),
      single.map(({ ids }) => ids),
    );
    await Promise.all([together.close(), alone.close()]);
  });

test("Qwen's image processor goes by the names of several releases", (t) => {
  for (const kind of ['Qwen2VLImageProcessor', 'Qwen2_5_VLImageProcessor', 'Qwen3VLImageProcessorFast'])
    t.not(qwenProcessor({ image_processor_type: kind }, 'preprocessor_config.json'), null, kind);
  t.is(qwenProcessor({ image_processor_type: 'Idefics3ImageProcessor' }, 'preprocessor_config.json'), null);
});

test('configurations that cannot be computed are refused in one sentence', (t) => {
  const qwen = {
    model_type: 'qwen2_5_vl',
    vocab_size: 320,
    hidden_size: 64,
    num_attention_heads: 4,
    image_token_id: 9,
  };
  const ids = {
    bos_token_id: 1,
    eos_token_id: 2,
    vision_config: { out_hidden_size: 64, hidden_size: 64, num_heads: 4 },
  };
  const rope = { rope_scaling: { type: 'mrope', mrope_section: [2, 3, 3] } };
  t.is(parseVlmConfig({ ...qwen, ...ids, ...rope, num_key_value_heads: 2 }, 'x').family, 'qwen2_5_vl');
  for (const [config, message] of [
    [{ ...qwen, ...ids }, /mrope_section 16, 24, 24 makes 64 frequencies, but heads of 16 have 8/],
    [{ ...qwen, ...ids, ...rope, use_sliding_window: true }, /use_sliding_window, which is not supported/],
    [
      { ...qwen, ...ids, ...rope, vision_config: { ...ids.vision_config, window_size: 27 } },
      /window_size 27 is less than the 28 pixels that make one image token/,
    ],
    [
      { ...qwen, ...rope, bos_token_id: 1, eos_token_id: 2 },
      /out_hidden_size 3584 is not the decoder's hidden_size 64/,
    ],
    [{ model_type: 'qwen2_vl' }, /a model of type qwen2_vl; supported are LLaVA .*Qwen2\.5-VL.*Qwen3-VL.*SmolVLM/],
    [
      { model_type: 'smolvlm', image_token_id: 9, text_config: { vocab_size: 320 }, vision_config: { image_size: 60 } },
      /tiles of 60 pixels do not divide into squares of 2 x 2 patches of 32 pixels/,
    ],
  ] as const) {
    const error = t.throws(() => parseVlmConfig({ num_key_value_heads: 2, ...config }, 'x.json'), {
      instanceOf: CheckpointError,
      message,
    });
    t.notRegex(error.message, /\n/);
  }
});
