/**
 * Opening the recorded checkpoint in every layout that its tensors can have, and refusing what does not fit in one
 * sentence.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { encodeSafetensors, readTensor } from '../../../core/graph/safetensors.ts';
import { CheckpointError } from '../../../core/policy/checkpoint/errors.ts';
import { exportPolicy } from '../../../core/policy/checkpoint/export-policy.ts';
import { openCheckpoint } from '../../../core/policy/checkpoint/open-checkpoint.ts';
import { names } from '../../../core/policy/families/llava/parameter-names.ts';
import { familyOf } from '../../../core/policy/families/registry.ts';
import { loadImagePreprocessor } from '../../../core/policy/families/llava/preprocess-image.ts';
import { checkpointFolder, RECORDED, recordedJson, recordedTensors, type Tensor, zeros } from './checkpoint-folder.ts';

const weights = recordedTensors('model.safetensors');

test('the recorded checkpoint: every parameter where it lies, its adapter and its value head', (t) => {
  const { config, parameters, adapter, valueHead, files } = openCheckpoint(RECORDED);
  t.deepEqual(
    [...familyOf(config).parameterShapes(config)],
    [...parameters].filter(([name]) => !name.includes('post_layernorm')).map(([name, { shape }]) => [name, shape]),
  );
  t.is(parameters.size, 80);
  t.is(parameters.get('lm_head.weight')!.dtype, 'BF16');
  t.is(adapter?.parameters.size, 28);
  t.like(adapter, { rank: 4, alpha: 8 });
  t.deepEqual(
    [...valueHead!].map(([name, { shape }]) => `${name} ${shape.join('x')}`),
    [
      'value_head.0.weight 32x80',
      'value_head.0.bias 32',
      'value_head.2.weight 16x32',
      'value_head.2.bias 16',
      'value_head.4.weight 1x16',
      'value_head.4.bias 1',
    ],
  );
  t.deepEqual(
    files.map((file) => path.basename(file)),
    [
      'config.json',
      'generation_config.json',
      'model.safetensors',
      'adapter_config.json',
      'adapter_model.safetensors',
      'value_head.safetensors',
    ],
  );
});

test('one name for a parameter, whichever release wrote it', (t) => {
  const same = (canonical: string, ...others: string[]) =>
    t.deepEqual(
      others.map(names.canonical),
      others.map(() => canonical),
    );
  same(
    'language_model.layers.3.mlp.up_proj.weight',
    'language_model.model.layers.3.mlp.up_proj.weight',
    'model.language_model.layers.3.mlp.up_proj.weight',
    'model.layers.3.mlp.up_proj.weight',
  );
  same(
    'language_model.norm.weight',
    'language_model.model.norm.weight',
    'model.language_model.norm.weight',
    'model.norm.weight',
  );
  same('language_model.embed_tokens.weight', 'model.embed_tokens.weight', 'language_model.model.embed_tokens.weight');
  same('lm_head.weight', 'lm_head.weight', 'language_model.lm_head.weight');
  same(
    'vision_tower.pre_layrnorm.bias',
    'vision_tower.pre_layrnorm.bias',
    'vision_tower.vision_model.pre_layrnorm.bias',
    'model.vision_tower.vision_model.pre_layrnorm.bias',
    'model.vision_tower.pre_layrnorm.bias',
    'model.vision_tower.vision_tower.vision_model.pre_layrnorm.bias',
  );
  same(
    'multi_modal_projector.linear_1.weight',
    'multi_modal_projector.linear_1.weight',
    'model.multi_modal_projector.linear_1.weight',
    'model.mm_projector.0.weight',
  );
  same('multi_modal_projector.linear_2.bias', 'model.mm_projector.2.bias');
  same(
    'language_model.layers.0.self_attn.q_proj.lora_A.weight',
    'base_model.model.model.language_model.layers.0.self_attn.q_proj.lora_A.weight',
    'base_model.model.language_model.model.layers.0.self_attn.q_proj.lora_A.weight',
    'base_model.model.model.layers.0.self_attn.q_proj.lora_A.default.weight',
  );
  same('image_newline', 'model.image_newline');
  t.deepEqual(
    [
      'vision_tower.vision_model.embeddings.position_ids',
      'language_model.model.layers.0.self_attn.rotary_emb.inv_freq',
    ].map(names.canonical),
    [null, null],
  );
  for (const { name } of weights) t.is(names.inFile(names.canonical(name)!), name);
});

for (const [what, rename] of [
  ['transformers 4', (name: string) => name.replace('vision_tower.', 'vision_tower.vision_model.')],
  [
    'transformers 5 modules',
    (name: string) =>
      `model.${name}`
        .replace('model.language_model.lm_head', 'lm_head')
        .replace('language_model.model.', 'language_model.'),
  ],
  [
    'the original code',
    (name: string) =>
      name
        .replace('vision_tower.', 'model.vision_tower.vision_tower.vision_model.')
        .replace('multi_modal_projector.linear_1', 'model.mm_projector.0')
        .replace('multi_modal_projector.linear_2', 'model.mm_projector.2')
        .replace('language_model.', ''),
  ],
] as const) {
  test(`tensors named as ${what} names them`, (t) => {
    const extra = [
      zeros('model.image_newline', [80]),
      zeros('vision_tower.vision_model.embeddings.position_ids', [1, 10]),
    ];
    const content = encodeSafetensors([
      ...weights.map((tensor) => ({ ...tensor, name: rename(tensor.name) })),
      ...extra,
    ]);
    const { parameters } = openCheckpoint(checkpointFolder(t, { 'config.json': true, 'model.safetensors': content }));
    t.is(parameters.size, 81);
    for (const name of [
      'lm_head.weight',
      'language_model.norm.weight',
      'vision_tower.embeddings.class_embedding',
      'multi_modal_projector.linear_2.weight',
    ]) {
      t.deepEqual(
        readTensor(parameters.get(name)!),
        weights.find((tensor) => tensor.name === names.inFile(name))!.data,
      );
    }
  });
}

test(
  'the original layout, with its vision tower in a folder beside it: the same model, and exported as ' +
    'transformers lays it out',
  async (t) => {
    const isTower = ({ name }: Tensor) => name.startsWith('vision_tower.');
    const recorded = openCheckpoint(RECORDED);
    const { vision_config: vision, text_config: text } = recordedJson('config.json') as Record<
      string,
      Record<string, unknown>
    >;
    const config = {
      ...text,
      architectures: ['LlavaLlamaForCausalLM'],
      model_type: 'llava',
      mm_vision_tower: 'somebody/tower',
      mm_projector_type: 'mlp2x_gelu',
      mm_vision_select_layer: -2,
      image_aspect_ratio: 'pad',
      tie_word_embeddings: false,
    };
    const original = (name: string) =>
      name
        .replace('multi_modal_projector.linear_1', 'model.mm_projector.0')
        .replace('multi_modal_projector.linear_2', 'model.mm_projector.2')
        .replace('language_model.', '');
    const folder = checkpointFolder(t, {
      'config.json': config,
      'model.safetensors': encodeSafetensors(
        weights.filter((tensor) => !isTower(tensor)).map((tensor) => ({ ...tensor, name: original(tensor.name) })),
      ),
    });
    t.throws(() => openCheckpoint(folder), {
      instanceOf: CheckpointError,
      message: /names the vision tower somebody\/tower; .* any CLIP tower whose folder lies beside the checkpoint/,
    });
    const tower = path.join(folder, 'tower');
    mkdirSync(tower);
    writeFileSync(path.join(tower, 'config.json'), JSON.stringify({ model_type: 'clip', vision_config: vision }));
    const text_model = zeros('text_model.final_layer_norm.weight', [4]);
    writeFileSync(
      path.join(tower, 'model.safetensors'),
      encodeSafetensors([
        text_model,
        ...weights
          .filter(isTower)
          .map((tensor) => ({ ...tensor, name: tensor.name.replace('vision_tower.', 'vision_model.') })),
      ]),
    );
    writeFileSync(
      path.join(tower, 'preprocessor_config.json'),
      readFileSync(path.join(RECORDED, 'preprocessor_config.json')),
    );
    const opened = openCheckpoint(folder);
    t.deepEqual({ ...opened.config, imageTokenId: 300 }, recorded.config);
    t.is(opened.files.length, 3);
    for (const [name, location] of recorded.parameters)
      t.deepEqual(readTensor(opened.parameters.get(name)!), readTensor(location), name);

    const out = path.join(folder, 'out');
    const [merged] = await exportPolicy(out, opened, new Map(), { kind: 'all' });
    const again = openCheckpoint(merged);
    t.deepEqual(again.config, opened.config);
    t.deepEqual(again.parameters.size, recorded.parameters.size);
    // The original pads images to a square; the written files tell transformers to do so, and have the same effect
    // here.
    t.like(JSON.parse(readFileSync(path.join(merged, 'preprocessor_config.json'), 'utf8')) as object, {
      image_processor_type: 'LlavaImageProcessor',
      do_pad: true,
    });
    const image = { width: 30, height: 50, data: Uint8Array.from({ length: 30 * 50 * 3 }, (_, index) => index % 251) };
    t.deepEqual(loadImagePreprocessor(merged, 42)(image), loadImagePreprocessor(folder, 42)(image));
  },
);

test('shards are found through their index', (t) => {
  const halves = {
    'model-00001-of-00002.safetensors': weights.slice(0, 30),
    'model-00002-of-00002.safetensors': weights.slice(30),
  };
  const index = {
    weight_map: Object.fromEntries(
      Object.entries(halves).flatMap(([file, tensors]) => tensors.map(({ name }) => [name, file])),
    ),
  };
  const shards = Object.fromEntries(
    Object.entries(halves).map(([file, tensors]) => [file, encodeSafetensors(tensors)]),
  );
  const { parameters, files } = openCheckpoint(
    checkpointFolder(t, { 'config.json': true, 'model.safetensors.index.json': index, ...shards }),
  );
  t.is(new Set([...parameters.values()].map(({ file }) => file)).size, 2);
  t.is(files.length, 3);
  t.deepEqual(
    readTensor(parameters.get('lm_head.weight')!),
    weights.find(({ name }) => name.includes('lm_head'))!.data,
  );

  const { 'model-00002-of-00002.safetensors': _, ...first } = shards;
  const message = /model-00002-of-00002\.safetensors is missing, which .*index\.json names/;
  t.throws(
    () => openCheckpoint(checkpointFolder(t, { 'config.json': true, 'model.safetensors.index.json': index, ...first })),
    { instanceOf: CheckpointError, message },
  );
  t.throws(
    () =>
      openCheckpoint(
        checkpointFolder(t, {
          'config.json': true,
          'model.safetensors.index.json': { weight_map: { a: '../a.safetensors' } },
        }),
      ),
    { instanceOf: CheckpointError, message: /weight_map\.a: must be the name of a file beside the index/ },
  );
});

test('tied embeddings: either of the two is enough, equal ones are one, different ones are not tied', (t) => {
  const config = { ...recordedJson('config.json'), tie_word_embeddings: true };
  const tied = (content: Tensor[]) => {
    const opened = openCheckpoint(
      checkpointFolder(t, { 'config.json': config, 'model.safetensors': encodeSafetensors(content) }),
    );
    return [
      opened.config.text.tiedEmbeddings,
      opened.parameters.size,
      opened.parameters.get('language_model.embed_tokens.weight')?.name,
    ];
  };
  const [head, embeddings] = ['language_model.lm_head.weight', 'language_model.model.embed_tokens.weight'];
  const without = (dropped: string) => weights.filter(({ name }) => name !== dropped);
  t.deepEqual(tied(without(head)), [true, 79, embeddings]);
  t.deepEqual(tied(without(embeddings)), [true, 79, head]);
  t.deepEqual(tied([...without(head), { ...weights.find(({ name }) => name === embeddings)!, name: head }]), [
    true,
    79,
    embeddings,
  ]);
  t.deepEqual(tied(weights), [false, 80, embeddings]);
});

for (const [what, change, message] of [
  [
    'a missing tensor',
    (all: Tensor[]) => all.filter(({ name }) => name !== 'language_model.model.norm.weight'),
    /has no parameter language_model\.norm\.weight; the weights do not fit/,
  ],
  [
    'many missing tensors',
    (all: Tensor[]) => all.filter(({ name }) => !name.includes('layers.1.mlp')),
    /has no parameter vision_tower\.encoder\.layers\.1\.mlp\.fc1\.weight and 6 more/,
  ],
  [
    'no vision tower',
    (all: Tensor[]) => all.filter(({ name }) => !name.startsWith('vision_tower')),
    /holds no vision tower .*llava-hf\/llava-1\.5-7b-hf/,
  ],
  [
    'a tensor too many',
    (all: Tensor[]) => [...all, zeros('language_model.model.layers.2.mlp.up_proj.weight', [1])],
    /holds language_model\.layers\.2\.mlp\.up_proj\.weight, which a model of this config\.json does not have/,
  ],
  [
    'a wrong shape',
    (all: Tensor[]) =>
      all.map((tensor) => (tensor.name.includes('lm_head') ? { ...tensor, shape: [80, 320] } : tensor)),
    /lm_head\.weight has shape \[80, 320\], but config\.json asks for \[320, 80\]/,
  ],
  [
    'a tensor under two names',
    (all: Tensor[]) => [...all, zeros('model.language_model.norm.weight', [80])],
    /holds .*norm\.weight, which .* holds too, as /,
  ],
] as const) {
  test(`refused in one sentence: ${what}`, (t) => {
    const folder = checkpointFolder(t, {
      'config.json': true,
      'model.safetensors': encodeSafetensors(change(weights)),
    });
    const error = t.throws(() => openCheckpoint(folder), { instanceOf: CheckpointError, message });
    t.true(error.message.startsWith(folder));
    t.notRegex(error.message, /\n/);
  });
}

test('a folder without weights, and no folder, are named', (t) => {
  t.throws(() => openCheckpoint('/no/such'), {
    instanceOf: CheckpointError,
    message: /^There is no model folder \/no\/such; name a folder/,
  });
  t.throws(() => openCheckpoint(checkpointFolder(t, { 'config.json': true })), {
    instanceOf: CheckpointError,
    message: /neither model\.safetensors nor .*convert them to safetensors/,
  });
});
