/** Writes checkpoint folders in Hugging Face format that transformers and PEFT load. */
import { existsSync } from 'node:fs';
import { copyFile, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { writeDurably } from '../../artifacts/file-store.ts';
import {
  encodeSafetensors,
  fromFloat32,
  readTensorBytes,
  safetensorsHeader,
  type TensorLocation,
} from '../../graph/safetensors.ts';
import { elements } from '../../graph/tensor.ts';
import type { Parameters } from '../policy-engine.ts';
import type { ParameterNames } from '../families/model-family.ts';
import { familyOf } from '../families/registry.ts';
import type { VlmConfig } from '../vlm-config.ts';
import type { WrittenDType } from './config-json.ts';
import { CheckpointError } from './errors.ts';

/** A parameter in a file, or one that is computed when it is written: a large model is never in memory as a whole. */
export type WrittenParameter =
  | TensorLocation
  | { dtype: WrittenDType; shape: readonly number[]; data: () => Float32Array };

/** Files of a checkpoint in addition to configuration and weights. */
const SIDE_FILES = [
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'tokenizer.model',
  'vocab.json',
  'merges.txt',
  'chat_template.jinja',
  'chat_template.json',
  'preprocessor_config.json',
  'video_preprocessor_config.json',
  'processor_config.json',
];

/** transformers and PEFT require it. */
const METADATA = { format: 'pt' };

/**
 * Writes config.json and model.safetensors with every parameter of `parameterShapes`, by canonical name. The other
 * fields of config.json, the tokenizer and preprocessing come from the checkpoint folder `source`; a source in the
 * original LLaVA layout is written in transformers' layout. The weights are written last: a folder with weights is
 * complete. Throws `CheckpointError` when a parameter is missing or has another shape.
 */
export async function writeCheckpoint(
  folder: string,
  config: VlmConfig,
  parameters: ReadonlyMap<string, WrittenParameter>,
  { source }: { source?: string } = {},
): Promise<void> {
  const dtype = mainType(parameters);
  const written = new Map(parameters);
  const family = familyOf(config);
  const files = family.writeConfigs(config, dtype, source);
  const unread = family.unreadShapes(config, files['config.json']);
  for (const [name, shape] of unread) {
    // Never read, but without them transformers warns of new parameters.
    if (!written.has(name))
      written.set(name, {
        dtype,
        shape,
        data: () => new Float32Array(elements(shape)).fill(name.endsWith('.weight') ? 1 : 0),
      });
  }
  const tensors = [...family.parameterShapes(config), ...unread].map(([name, shape]) => {
    const parameter = written.get(name);
    if (parameter?.shape.join() !== shape.join())
      throw new CheckpointError(
        `${folder} cannot be written: ${name} ` +
          `${parameter === undefined ? 'is missing' : `has shape [${parameter.shape.join(', ')}]`}, the ` +
          `configuration asks for [${shape.join(', ')}]`,
      );
    return { name: family.names.inFile(name), parameter, dtype: parameter.dtype, shape };
  });
  await mkdir(folder, { recursive: true });
  if (source !== undefined)
    for (const name of SIDE_FILES)
      if (existsSync(path.join(source, name))) await copyFile(path.join(source, name), path.join(folder, name));
  for (const [name, content] of Object.entries(files)) await writeDurably(path.join(folder, name), json(content));
  const contents = function* (): Generator<Uint8Array> {
    yield safetensorsHeader(tensors, METADATA);
    for (const { parameter } of tensors)
      yield 'file' in parameter ? readTensorBytes(parameter) : fromFloat32(parameter.data(), parameter.dtype);
  };
  await writeStreamed(path.join(folder, 'model.safetensors'), contents());
}

export type WrittenAdapter = {
  /** Of the model's family. */
  names: ParameterNames;
  /** `<linear>.lora_A.weight` and `<linear>.lora_B.weight` by canonical name; other trained parameters are left out. */
  matrices: Parameters;
  rank: number;
  alpha: number;
  dropout: number;
  /** The model that the adapter belongs to: a folder or a name on the hub. */
  baseModel: string | null;
};

/**
 * Writes adapter_config.json and adapter_model.safetensors as PEFT does. Throws `CheckpointError` when there are no
 * LoRA matrices.
 */
export async function writeAdapter(
  folder: string,
  { names, matrices, rank, alpha, dropout, baseModel }: WrittenAdapter,
): Promise<void> {
  const lora = [...matrices].filter(([name]) => /\.lora_[AB]\.weight$/.test(name)).sort(([a], [b]) => (a < b ? -1 : 1));
  if (lora.length === 0)
    throw new CheckpointError(
      `${folder} cannot be written: the policy has no adapter; write the whole checkpoint instead`,
    );
  const pathOf = (module: string) => names.modulePaths(module)[0];
  const config = {
    base_model_name_or_path: baseModel,
    bias: 'none',
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: true,
    lora_alpha: alpha,
    lora_dropout: dropout,
    peft_type: 'LORA',
    r: rank,
    // Module paths, which PEFT matches from their end.
    target_modules: lora.flatMap(([name]) =>
      name.endsWith('.lora_A.weight') ? [pathOf(name.slice(0, -'.lora_A.weight'.length)).replace(/^model\./, '')] : [],
    ),
    task_type: 'CAUSAL_LM',
    use_dora: false,
    use_rslora: false,
  };
  await writeDurably(path.join(folder, 'adapter_config.json'), json(config));
  await writeDurably(
    path.join(folder, 'adapter_model.safetensors'),
    encodeSafetensors(
      lora.map(([name, { shape, data }]) => {
        const [, module, matrix] = /^(.*)(\.lora_[AB]\.weight)$/.exec(name)!;
        return { name: `base_model.model.${pathOf(module)}${matrix}`, shape, data };
      }),
      METADATA,
    ),
  );
}

/** Writes value_head.safetensors from the trained parameters called `value_head.*`, if there are any. */
export async function writeValueHead(folder: string, trained: Parameters): Promise<void> {
  const head = [...trained].filter(([name]) => name.startsWith('value_head.'));
  if (head.length > 0)
    await writeDurably(
      path.join(folder, 'value_head.safetensors'),
      encodeSafetensors(
        head.map(([name, { shape, data }]) => ({ name: name.slice('value_head.'.length), shape, data })),
        METADATA,
      ),
    );
}

/** The type of most parameters, for config.json. */
function mainType(parameters: ReadonlyMap<string, WrittenParameter>): WrittenDType {
  const types = [...parameters.values()].map(({ dtype }) => dtype);
  const count = (type: WrittenDType) => types.filter((other) => other === type).length;
  return (['F32', 'F16', 'BF16'] as const).reduce((most, type) => (count(type) > count(most) ? type : most));
}

function json(value: object): string {
  return `${JSON.stringify(value, null, 1)}\n`;
}

/** Node's file handles can also write a file in parts. */
const writeStreamed = writeDurably as (
  target: string,
  data: Uint8Array | string | Iterable<Uint8Array>,
) => Promise<void>;
