/** Opening a PEFT LoRA adapter folder: adapter_config.json and adapter_model.safetensors. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { readSafetensorsHeader, readTensor, type TensorLocation } from '../../graph/safetensors.ts';
import type { ModelFamily, ParameterNames } from '../families/model-family.ts';
import { familyOf } from '../families/registry.ts';
import type { VlmConfig } from '../vlm-config.ts';
import { checkConfig, readJson } from './check-config.ts';
import { checkFinite } from './check-finite.ts';
import { CheckpointError } from './errors.ts';
import { namedModules, namesModule, targetFields, type TargetSettings } from './adapter-targets.ts';

export type Adapter = {
  /** `<linear>.lora_A.weight` [rank, inputs] and `<linear>.lora_B.weight` [outputs, rank], by canonical name. */
  parameters: ReadonlyMap<string, TensorLocation>;
  rank: number;
  /**
   * The update is alpha / rank * B A. For rank-stabilised adapters (alpha / sqrt(rank)), alpha is converted
   * accordingly.
   */
  alpha: number;
  files: string[];
};

const none = z.union([z.null(), z.record(z.string(), z.never()), z.array(z.never())]).optional();

/**
 * Settings that change the meaning of the matrices or the model's own weights are refused.
 */
const schema = z.object({
  peft_type: z.literal('LORA'),
  r: z.int().min(1),
  lora_alpha: z.number().positive(),
  ...targetFields,
  use_rslora: z.boolean().nullish(),
  use_dora: z.literal(false).nullish(),
  bias: z.literal('none').default('none'),
  fan_in_fan_out: z.literal(false).nullish(),
  lora_bias: z.literal(false).nullish(),
  modules_to_save: none,
  rank_pattern: none,
  alpha_pattern: none,
  layer_replication: none,
  target_parameters: none,
  trainable_token_indices: none,
  alora_invocation_tokens: none,
  use_qalora: z.literal(false).nullish(),
  use_bdlora: none,
  init_lora_weights: z
    .union([z.boolean(), z.enum(['gaussian', 'eva', 'orthogonal'])], 'starts from changed weights of the model')
    .nullish(),
});

/**
 * Throws `CheckpointError` or `SafetensorsError` when the adapter is incomplete, of an unsupported kind, or does not
 * fit the model.
 */
export function openAdapter(folder: string, config: VlmConfig, model: ReadonlyMap<string, TensorLocation>): Adapter {
  const configFile = path.join(folder, 'adapter_config.json');
  const file = path.join(folder, 'adapter_model.safetensors');
  if (!existsSync(file))
    throw new CheckpointError(
      `${folder} has an adapter_config.json but no adapter_model.safetensors; fetch it, or save the adapter with ` +
        `safe_serialization=True`,
    );
  let settings: z.infer<typeof schema>;
  try {
    settings = checkConfig(schema, readJson(configFile, 'fetch the adapter again'), configFile);
  } catch (error) {
    throw error instanceof CheckpointError && existsSync(configFile)
      ? new CheckpointError(`${error.message}; only plain LoRA is supported: merge the adapter into the model first`)
      : error;
  }
  const family = familyOf(config);
  const found = collect(file, family.names);
  checkFinite([...found.values()]);
  const { r: rank, lora_alpha: alpha, use_rslora: stabilised } = settings;
  const parameters = new Map([...found].filter(([name, tensor]) => !isCopy(name, tensor, model)));
  if (parameters.size === 0)
    throw new CheckpointError(`${file} holds no LoRA matrix, only copies of the model; save the adapter again`);
  const shapes = family.parameterShapes(config);
  for (const [name, { shape }] of parameters) {
    const [, linear, side] = /^(.*)\.lora_([AB])\.weight$/.exec(name) ?? [];
    const base = linear === undefined ? undefined : shapes.get(`${linear}.weight`);
    if (base?.length !== 2 || name.includes('embed'))
      throw new CheckpointError(
        `${file} holds ${name}, which is not a LoRA matrix of a linear layer of this model; use the model that the ` +
          `adapter was trained on`,
      );
    const wanted = side === 'A' ? [rank, base[1]] : [base[0], rank];
    if (shape.join() !== wanted.join())
      throw new CheckpointError(
        `${file}: ${name} has shape [${shape.join(', ')}], but this model and rank ${rank} ask for ` +
          `[${wanted.join(', ')}]; use the model that the adapter was trained on`,
      );
    const partner = `${linear}.lora_${side === 'A' ? 'B' : 'A'}.weight`;
    if (!parameters.has(partner))
      throw new CheckpointError(`${file} holds ${name} without ${partner}; save the adapter again`);
  }
  checkComplete(parameters, family, [...shapes], file, settings, configFile);
  return { parameters, rank, alpha: stabilised ? alpha * Math.sqrt(rank) : alpha, files: [configFile, file] };
}

/** Checks that exactly the modules named by the settings have matrices. */
function checkComplete(
  parameters: ReadonlyMap<string, TensorLocation>,
  { names }: ModelFamily,
  shapes: readonly (readonly [string, readonly number[]])[],
  file: string,
  settings: TargetSettings,
  configFile: string,
): void {
  const named = namesModule(settings, configFile);
  if (named === null) return;
  const moduleOf = (name: string) => name.replace(/(\.lora_[AB](\.default)?)?\.weight$/, '');
  const saved = new Map(
    [...parameters].map(([name, tensor]) => [
      moduleOf(name),
      moduleOf(tensor.name).replace(/^base_model\.model\./, ''),
    ]),
  );
  const modules = shapes.flatMap(([name, shape]) =>
    shape.length > 1 && name.endsWith('.weight') ? [moduleOf(name)] : [],
  );
  // A head tied to the embeddings has no separate weight, but is a module.
  const wanted = namedModules(names, named, [...new Set([...modules, 'lm_head'])], saved);
  const missing = wanted.filter((module) => !saved.has(module));
  const more = (count: number) => (count > 1 ? ` and of ${count - 1} more` : '');
  if (missing.length > 0)
    throw new CheckpointError(
      `${file} has no LoRA matrices of ${missing[0]}${more(missing.length)}, which target_modules of ${configFile} ` +
        `names; save the adapter again`,
    );
  const extra = [...saved.keys()].filter((module) => !wanted.includes(module));
  if (extra.length > 0)
    throw new CheckpointError(
      `${file} holds LoRA matrices of ${extra[0]}${more(extra.length)}, which target_modules of ${configFile} does ` +
        `not name; save the adapter again`,
    );
}

/** PEFT saves the embeddings and the head of the model along with an adapter on them. */
function isCopy(name: string, tensor: TensorLocation, model: ReadonlyMap<string, TensorLocation>): boolean {
  const original = model.get(name.replace('.base_layer.', '.'));
  if (original === undefined || original.shape.join() !== tensor.shape.join()) return false;
  const [saved, own] = [tensor, original].map(readTensor);
  return saved.every((element, index) => element === own[index]);
}

function collect(file: string, names: ParameterNames): Map<string, TensorLocation> {
  const parameters = new Map<string, TensorLocation>();
  for (const tensor of readSafetensorsHeader(file).tensors) {
    const name = names.canonical(tensor.name) ?? tensor.name;
    const other = parameters.get(name);
    if (other !== undefined)
      throw new CheckpointError(`${file} holds ${tensor.name} twice, also as ${other.name}; save the adapter again`);
    parameters.set(name, tensor);
  }
  if (parameters.size === 0) throw new CheckpointError(`${file} holds no matrices; save the adapter again`);
  return parameters;
}
