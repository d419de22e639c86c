/** LoRA adapters in a checkpoint's folder: which modules they must contain, and what is refused. */
import test from 'ava';
import { encodeSafetensors } from '../../../core/graph/safetensors.ts';
import { CheckpointError } from '../../../core/policy/checkpoint/errors.ts';
import { openCheckpoint } from '../../../core/policy/checkpoint/open-checkpoint.ts';
import { familyOf } from '../../../core/policy/families/registry.ts';
import { checkpointFolder, RECORDED, recordedJson, recordedTensors, type Tensor, zeros } from './checkpoint-folder.ts';

const weights = recordedTensors('model.safetensors');
const adapterTensors = recordedTensors('adapter_model.safetensors');
function withAdapter(
  t: { teardown(fn: () => void): void },
  settings: object,
  tensors: readonly Tensor[] = adapterTensors,
) {
  const folder = checkpointFolder(t, {
    'config.json': true,
    'model.safetensors': true,
    'adapter_config.json': { ...recordedJson('adapter_config.json'), ...settings },
    'adapter_model.safetensors': encodeSafetensors(tensors),
  });
  return openCheckpoint(folder).adapter!;
}

/** Matrices of the modules (paths of transformers 5) that PEFT 0.21 adapts by the settings, with zeros in them. */
function matricesOf(modules: readonly string[]): Tensor[] {
  const { config } = openCheckpoint(RECORDED);
  const shapes = familyOf(config).parameterShapes(config);
  return modules.flatMap((module) => {
    const [outputs, inputs] = shapes.get(`${module.replace(/^model\./, '')}.weight`)!;
    const side = (letter: string, shape: number[]) => zeros(`base_model.model.${module}.lora_${letter}.weight`, shape);
    return [side('A', [4, inputs]), side('B', [outputs, 4])];
  });
}
const decoder = (layer: number, ...names: string[]) =>
  names.map((name) => `model.language_model.layers.${layer}.${name === 'down_proj' ? 'mlp' : 'self_attn'}.${name}`);
const tower = (layer: number, ...names: string[]) =>
  names.map((name) => `model.vision_tower.encoder.layers.${layer}.${name === 'fc1' ? 'mlp' : 'self_attn'}.${name}`);

for (const [what, settings, modules] of [
  [
    'endings in every part',
    { target_modules: ['q_proj', 'fc1', 'linear_1'] },
    [0, 1, 2]
      .flatMap((layer) => tower(layer, 'q_proj', 'fc1'))
      .concat('model.multi_modal_projector.linear_1', decoder(0, 'q_proj'), decoder(1, 'q_proj')),
  ],
  [
    'some layers',
    { target_modules: ['q_proj', 'down_proj'], layers_to_transform: [1] },
    [...tower(1, 'q_proj'), ...decoder(1, 'q_proj', 'down_proj')],
  ],
  [
    'one layer of a named list',
    { target_modules: ['down_proj'], layers_to_transform: 1, layers_pattern: 'layers' },
    decoder(1, 'down_proj'),
  ],
  [
    'less what a regular expression excludes',
    { target_modules: ['q_proj', 'o_proj'], exclude_modules: '.*vision_tower.*' },
    [...decoder(0, 'q_proj', 'o_proj'), ...decoder(1, 'q_proj', 'o_proj')],
  ],
  [
    'less what a list excludes',
    { target_modules: ['o_proj', 'lm_head'], exclude_modules: ['layers.0.self_attn.o_proj'] },
    [...decoder(1, 'o_proj'), 'lm_head'],
  ],
  ['a regular expression', { target_modules: 'model\\.lang.*\\.1\\..*\\.down_proj' }, decoder(1, 'down_proj')],
  ['a whole path', { target_modules: decoder(0, 'q_proj') }, decoder(0, 'q_proj')],
] as [string, object, string[]][])
  test(`adapters are checked against their settings, which name ${what}`, (t) => {
    const matrices = matricesOf(modules);
    t.is(withAdapter(t, settings, matrices).parameters.size, matrices.length);
    t.throws(
      () =>
        withAdapter(t, settings, matrices.slice(2).concat(matricesOf(['model.language_model.layers.0.mlp.up_proj']))),
      {
        instanceOf: CheckpointError,
        message:
          /adapter_model\.safetensors has no LoRA matrices of .*, which target_modules of .*adapter_config\.json names/,
      },
    );
    t.throws(
      () => withAdapter(t, settings, [...matrices, ...matricesOf(['model.language_model.layers.0.mlp.up_proj'])]),
      {
        instanceOf: CheckpointError,
        message:
          /holds LoRA matrices of language_model\.layers\.0\.mlp\.up_proj, which target_modules of .* does not name/,
      },
    );
  });

test('the original code adapts the decoder before it adds the tower and the projector', (t) => {
  const renamed = matricesOf([...decoder(0, 'q_proj'), ...decoder(1, 'q_proj')]).map((tensor) => ({
    ...tensor,
    name: tensor.name.replace('model.language_model.', 'model.'),
  }));
  t.is(withAdapter(t, { target_modules: ['q_proj'] }, renamed).parameters.size, 4);
});

test('adapters: settings that leave the layers to PEFT, rank-stabilised scaling', (t) => {
  t.is(withAdapter(t, { target_modules: null }).parameters.size, 28);
  // alpha / sqrt(r) = 8 / 2 = 4 = 16 / 4
  t.like(withAdapter(t, { use_rslora: true }), { rank: 4, alpha: 16 });
});

for (const [what, settings, tensors, message] of [
  ['DoRA', { use_dora: true }, adapterTensors, /adapter_config\.json: use_dora: .*only plain LoRA is supported: merge/],
  ['another method', { peft_type: 'IA3' }, adapterTensors, /peft_type: .*\(it is "IA3"\); only plain LoRA/],
  ['ranks by layer', { rank_pattern: { q_proj: 8 } }, adapterTensors, /rank_pattern.*only plain LoRA/],
  ['saved modules', { modules_to_save: ['lm_head'] }, adapterTensors, /modules_to_save.*only plain LoRA/],
  [
    'another rank',
    { r: 8 },
    adapterTensors,
    /lora_A\.weight has shape \[4, \d+\], but this model and rank 8 ask for \[8, \d+\]/,
  ],
  [
    'half of its layers',
    {},
    adapterTensors.filter(({ name }) => name.includes('layers.0')),
    /has no LoRA matrices of language_model\.layers\.1\.self_attn\.q_proj and of 6 more, which target_modules of/,
  ],
  [
    'nothing but a copy of the head',
    {},
    weights
      .filter(({ name }) => name.includes('lm_head'))
      .map((head) => ({ ...head, name: 'base_model.model.lm_head.weight' })),
    /holds no LoRA matrix, only copies of the model/,
  ],
  [
    'a matrix under two names',
    {},
    [
      ...adapterTensors,
      { ...adapterTensors[0], name: adapterTensors[0].name.replace('model.language_model', 'language_model.model') },
    ],
    /holds base_model.* twice, also as base_model/,
  ],
  [
    'another start of the model',
    { init_lora_weights: 'pissa' },
    adapterTensors,
    /init_lora_weights: starts from changed weights/,
  ],
  ['parameters named', { target_parameters: ['experts'] }, adapterTensors, /target_parameters.*only plain LoRA/],
  [
    'a pattern of another language',
    { target_modules: '(?P<x>.*)_proj' },
    adapterTensors,
    /not a regular expression that can be read/,
  ],
  ['half a pair', {}, adapterTensors.slice(1), /holds .*lora_B\.weight without .*lora_A\.weight/],
  [
    'a layer that is not there',
    {},
    [...adapterTensors, zeros('base_model.model.model.language_model.layers.7.mlp.up_proj.lora_A.weight', [4, 80])],
    /layers\.7.* which is not a LoRA matrix of a linear layer of this model/,
  ],
  ['nothing', {}, [], /holds no matrices/],
] as const) {
  test(`refused in one sentence: an adapter with ${what}`, (t) => {
    const error = t.throws(() => withAdapter(t, settings, tensors), { instanceOf: CheckpointError, message });
    t.notRegex(error.message, /\n/);
  });
}

test('an adapter without its matrices, or without its settings, is named', (t) => {
  t.throws(
    () =>
      openCheckpoint(
        checkpointFolder(t, { 'config.json': true, 'model.safetensors': true, 'adapter_config.json': true }),
      ),
    { instanceOf: CheckpointError, message: /no adapter_model\.safetensors/ },
  );
  t.throws(
    () =>
      openCheckpoint(
        checkpointFolder(t, { 'config.json': true, 'model.safetensors': true, 'adapter_model.safetensors': true }),
      ),
    { instanceOf: CheckpointError, message: /There is no .*adapter_config\.json/ },
  );
});
