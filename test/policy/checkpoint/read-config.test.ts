/**
 * Configurations of both layouts, read as transformers reads them (scripts/golden/vlm-configs.py), and refused in one
 * sentence.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { CheckpointError } from '../../../core/policy/checkpoint/errors.ts';
import { parseVlmConfig, readVlmConfig } from '../../../core/policy/checkpoint/read-config.ts';
import type { LlavaConfig } from '../../../core/policy/families/llava/llava-config.ts';
import type { VlmConfig } from '../../../core/policy/vlm-config.ts';
import { checkpointFolder } from './checkpoint-folder.ts';

type Case = { name: string; config: object; expected: VlmConfig };
const cases = JSON.parse(
  readFileSync(path.resolve(import.meta.dirname, '../../golden/vlm-configs.json'), 'utf8'),
) as Case[];

const llavaConfig = (...given: Parameters<typeof parseVlmConfig>) => parseVlmConfig(...given) as LlavaConfig;

for (const { name, config, expected } of cases) {
  test(`as transformers reads it: ${name}`, (t) => {
    const { padTokenId, ...text } = parseVlmConfig(config, name).text;
    t.deepEqual({ ...parseVlmConfig(config, name), text }, expected);
    t.true(padTokenId >= 0 && padTokenId < text.vocabSize);
  });
}

const small = {
  model_type: 'llava',
  image_token_index: 9,
  text_config: { vocab_size: 400, hidden_size: 64, num_attention_heads: 4 },
};
const original = {
  architectures: ['LlavaMistralForCausalLM'],
  model_type: 'llava_mistral',
  mm_vision_tower: 'openai/clip-vit-large-patch14-336',
  mm_projector_type: 'mlp2x_gelu',
  mm_vision_select_layer: -2,
  mm_vision_select_feature: 'patch',
  mm_use_im_start_end: false,
  hidden_size: 4096,
  intermediate_size: 14336,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  rope_theta: 1000000,
  rms_norm_eps: 1e-5,
  vocab_size: 32000,
  max_position_embeddings: 32768,
  sliding_window: null,
  tie_word_embeddings: false,
  image_aspect_ratio: 'anyres',
  pad_token_id: 0,
};

test(
  'the original layout of LLaVA 1.6 (Mistral) means the same model as the one on the hub, but for its ' + 'vocabulary',
  (t) => {
    const hub = parseVlmConfig(cases[1].config, 'hub');
    const { text, ...config } = parseVlmConfig(original, 'original');
    t.deepEqual(
      { ...config, imageTokenId: 32000 },
      {
        family: 'llava',
        vision: hub.vision,
        featureLayers: [-2],
        featureSelect: 'default',
        projectorActivation: 'gelu',
        projectorBias: true,
        imageTokenId: 32000,
      },
    );
    t.deepEqual({ ...text, vocabSize: 32064, padTokenId: 0 }, { ...hub.text, padTokenId: 0 });
  },
);

test("the original layout of LLaVA 1.5 says model_type llava and is not taken for the hub's", (t) => {
  const { text, vision, featureSelect } = llavaConfig(
    {
      ...original,
      architectures: ['LlavaLlamaForCausalLM'],
      model_type: 'llava',
      mm_vision_tower: '/models/clip-vit-large-patch14/',
      mm_vision_select_feature: 'cls_patch',
      hidden_size: 5120,
      num_attention_heads: 40,
      num_key_value_heads: 40,
    },
    'original',
  );
  t.like(text, { modelType: 'llama', hiddenSize: 5120, keyValueHeads: 40, headDim: 128 });
  t.is(vision.imageSize, 224);
  t.is(featureSelect, 'full');
});

test('invalid padding ids are replaced', (t) => {
  const pad = (inner: unknown, outer?: unknown) =>
    parseVlmConfig({ ...small, pad_token_id: outer, text_config: { ...small.text_config, pad_token_id: inner } }, 'x')
      .text.padTokenId;
  t.deepEqual([pad(-1), pad(null), pad(7), pad(undefined, 8), pad(6, 8), pad(400)], [0, 2, 7, 8, 6, 0]);
});

test('responses end where generate() would end them', (t) => {
  const folder = checkpointFolder(t, { 'config.json': small, 'generation_config.json': { eos_token_id: [2, 5] } });
  t.deepEqual(readVlmConfig(folder).text.eosTokenIds, [2, 5]);
  // Where only generation_config.json names an end.
  const endless = { ...small, text_config: { ...small.text_config, eos_token_id: null } };
  t.throws(() => parseVlmConfig(endless, 'x'), { message: /no eos_token_id ends a response/ });
  const ended = checkpointFolder(t, { 'config.json': endless, 'generation_config.json': { eos_token_id: 5 } });
  t.deepEqual(readVlmConfig(ended).text.eosTokenIds, [5]);
});

for (const [what, config, message] of [
  [
    'another architecture',
    { model_type: 'mllama', architectures: ['MllamaForConditionalGeneration'] },
    /^x\.json describes a model of type MllamaForConditionalGeneration; supported are .*LLaVA 1\.5 and 1\.6/,
  ],
  ['no kind', {}, /of type \(not named\)/],
  ['no object', [1], /^x\.json: the content: /],
  [
    'another decoder',
    { ...small, text_config: { model_type: 'gemma2' } },
    /^x\.json has a decoder of type gemma2; supported/,
  ],
  [
    'a Qwen2 decoder whose layers differ',
    {
      ...small,
      text_config: { ...small.text_config, model_type: 'qwen2', num_key_value_heads: 4, use_sliding_window: true },
    },
    /sets use_sliding_window, which is not supported for Qwen; set it to false/,
  ],
  [
    'a Qwen2 decoder without an end',
    { ...small, text_config: { ...small.text_config, model_type: 'qwen2', num_key_value_heads: 4 } },
    /no eos_token_id ends a response/,
  ],
  [
    'another vision tower',
    { ...small, vision_config: { model_type: 'pixtral' } },
    /^x\.json: vision_config\.model_type: .*\(it is "pixtral"\)/,
  ],
  [
    'a wrong field',
    { ...small, text_config: { num_hidden_layers: 'two' } },
    /^x\.json, text_config: num_hidden_layers: .*\(it is "two"\)/,
  ],
  [
    'positions of another kind',
    { ...small, text_config: { ...small.text_config, rope_scaling: { type: 'yarn', factor: 2 } } },
    /rotary positions of type "yarn" are not supported; default, linear and llama3 are/,
  ],
  [
    'positions with a field that is not known',
    {
      ...small,
      text_config: { ...small.text_config, rope_scaling: { type: 'linear', factor: 2, attention_factor: 2 } },
    },
    /^x\.json, text_config: rope_scaling: .*"attention_factor"/,
  ],
  [
    'positions by layer',
    { ...small, text_config: { ...small.text_config, rope_parameters: { full_attention: { rope_type: 'default' } } } },
    /^x\.json, text_config: rope_parameters: .*"full_attention"/,
  ],
  [
    'positions without their numbers',
    {
      ...small,
      text_config: { ...small.text_config, rope_parameters: { rope_type: 'llama3', rope_theta: 5e5, factor: 8 } },
    },
    /of type "llama3" lack low_freq_factor/,
  ],
  [
    'heads that do not divide',
    { ...small, text_config: { ...small.text_config, num_key_value_heads: 3 } },
    /num_attention_heads 4 is not a multiple of num_key_value_heads 3/,
  ],
  ['odd heads', { ...small, text_config: { ...small.text_config, hidden_size: 60 } }, /heads of size 15/],
  [
    'a feature layer that is not there',
    { ...small, vision_feature_layer: -26 },
    /vision_feature_layer -26 is outside the tower's 24 layers/,
  ],
  [
    'an image token outside the vocabulary',
    { ...small, image_token_index: 400 },
    /token id 400 is outside the vocabulary of 400/,
  ],
  [
    'an original layout with another projector',
    { ...original, mm_projector_type: 'linear' },
    /projector of type linear; only mlp2x_gelu/,
  ],
  [
    'an original layout with another tower',
    { ...original, mm_vision_tower: 'google/siglip-so400m-patch14-384' },
    /names the vision tower google\/siglip/,
  ],
  [
    'an original layout with another decoder',
    { ...original, architectures: ['LlavaMptForCausalLM'] },
    /of type LlavaMptForCausalLM/,
  ],
] as const) {
  test(`refused in one sentence: ${what}`, (t) => {
    const error = t.throws(() => parseVlmConfig(config, 'x.json'), { instanceOf: CheckpointError, message });
    t.notRegex(error.message, /\n/);
  });
}

test('a folder without a readable config.json is named', (t) => {
  t.throws(() => readVlmConfig('/no/such'), {
    instanceOf: CheckpointError,
    message: /^There is no \/no\/such\/config\.json; name a folder/,
  });
});
