/** Opens a checkpoint folder: its configuration and the location of each parameter. Nothing is converted or copied. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { readSafetensorsHeader, readTensorBytes, type TensorLocation } from '../../graph/safetensors.ts';
import type { ParameterNames } from '../families/model-family.ts';
import { familyOf } from '../families/registry.ts';
import type { CommonConfig, VlmConfig } from '../vlm-config.ts';
import { checkConfig, readJson } from './check-config.ts';
import { checkFinite } from './check-finite.ts';
import { CheckpointError } from './errors.ts';
import { type Adapter, openAdapter } from './open-adapter.ts';
import { readVlmConfig } from './read-config.ts';

export type Checkpoint = {
  folder: string;
  config: VlmConfig;
  /** By canonical name: all of `parameterShapes`, and the `unreadShapes` that the folder has. */
  parameters: ReadonlyMap<string, TensorLocation>;
  /** The LoRA adapter of the adapter's folder, or of the checkpoint's own. */
  adapter: Adapter | null;
  /** `value_head.*`, from the folder of the adapter or of the checkpoint; null if neither has one. */
  valueHead: ReadonlyMap<string, TensorLocation> | null;
  /** Every file that was opened, for hashing. */
  files: string[];
};

/**
 * Opens a checkpoint, with the adapter of `adapterFolder` if one is named. Throws `CheckpointError` or
 * `SafetensorsError` with one clear sentence when a tensor is missing, unexpected, not finite, or not of the shape in
 * config.json.
 */
export function openCheckpoint(folder: string, adapterFolder: string | null = null): Checkpoint {
  if (!existsSync(folder))
    throw new CheckpointError(
      `There is no model folder ${folder}; name a folder in Hugging Face format (config.json, model.safetensors)`,
    );
  if (!existsSync(path.join(folder, 'config.json')) && holdsAdapter(folder))
    throw new CheckpointError(
      `${folder} holds a PEFT adapter without its model; name it as model.adapter, and the model that it was ` +
        `trained on as model.base`,
    );
  if (adapterFolder !== null && !holdsAdapter(adapterFolder))
    throw new CheckpointError(
      `There is no PEFT adapter (adapter_config.json, adapter_model.safetensors) in ${adapterFolder}; name a folder ` +
        `that has one`,
    );
  const { config: checkedConfig, parameters, weightFiles } = openWeights(folder, readVlmConfig(folder));
  const adapter =
    adapterFolder !== null
      ? openAdapter(adapterFolder, checkedConfig, parameters)
      : holdsAdapter(folder)
        ? openAdapter(folder, checkedConfig, parameters)
        : null;
  const valueHeadFile = [adapterFolder, folder]
    .flatMap((one) => (one === null ? [] : [path.join(one, 'value_head.safetensors')]))
    .find((file) => existsSync(file));
  const valueHead = valueHeadFile === undefined ? null : openValueHead(valueHeadFile, checkedConfig);
  for (const tensors of [adapter?.parameters, valueHead]) checkElementTypes(tensors ?? new Map());
  checkFinite([...parameters.values(), ...(valueHead?.values() ?? [])]);
  const configFiles = ['config.json', 'generation_config.json']
    .map((name) => path.join(folder, name))
    .filter((file) => existsSync(file));
  return {
    folder,
    config: checkedConfig,
    parameters,
    adapter,
    valueHead,
    files: [
      ...configFiles,
      ...weightFiles,
      ...(adapter?.files ?? []),
      ...(valueHeadFile === undefined ? [] : [valueHeadFile]),
    ],
  };
}

/** The model's own weights, and `config` with their tying. */
function openWeights(
  folder: string,
  config: VlmConfig,
): Pick<Checkpoint, 'config' | 'parameters'> & { weightFiles: string[] } {
  const family = familyOf(config);
  try {
    const own = listWeightFiles(folder);
    const found = collectParameters(own, family.names);
    const beside = family.weightsBeside?.(folder) ?? null;
    const isBeside = (name: string) => beside !== null && name.startsWith(beside.prefix);
    const others = beside === null || [...found.keys()].some(isBeside) ? [] : listWeightFiles(beside.folder);
    for (const [name, tensor] of collectParameters(others, family.names)) if (isBeside(name)) found.set(name, tensor);
    return { ...checkParameters(folder, ...withTying(config, found)), weightFiles: [...own, ...others] };
  } catch (error) {
    const kind = quantisedAs(folder);
    throw kind === null
      ? error
      : new CheckpointError(
          `${folder} holds quantised weights (${kind}), which cannot be trained; use the checkpoint in F32, F16 or ` +
            `BF16 that they were made from`,
        );
  }
}

/** The method by which config.json says that weights are quantised; null: not at all. */
function quantisedAs(folder: string): string | null {
  const { quantization_config: settings } = readJson(path.join(folder, 'config.json'), 'fetch it again') as {
    quantization_config?: { quant_method?: unknown } | null;
  };
  if (settings === undefined || settings === null) return null;
  const { quant_method: method } = settings;
  return typeof method === 'string' ? method : 'quantization_config';
}

function holdsAdapter(folder: string): boolean {
  return ['adapter_config.json', 'adapter_model.safetensors'].some((name) => existsSync(path.join(folder, name)));
}

/** model.safetensors, or the shards that its index names. */
export function listWeightFiles(folder: string): string[] {
  const single = path.join(folder, 'model.safetensors');
  if (existsSync(single)) return [single];
  const index = `${single}.index.json`;
  if (!existsSync(index))
    throw new CheckpointError(
      `${folder} has neither model.safetensors nor model.safetensors.index.json; fetch the weights, or convert them ` +
        `to safetensors`,
    );
  const shard = z
    .string()
    .refine((name) => path.basename(name) === name, 'must be the name of a file beside the index');
  const { weight_map: shards } = checkConfig(
    z.object({ weight_map: z.record(z.string(), shard) }),
    readJson(index, 'fetch the checkpoint again'),
    index,
  );
  const files = [...new Set(Object.values(shards))].sort().map((name) => path.join(folder, name));
  const missing = files.find((file) => !existsSync(file));
  if (missing !== undefined)
    throw new CheckpointError(`${missing} is missing, which ${index} names; fetch the checkpoint again`);
  return files;
}

export function collectParameters(files: readonly string[], names: ParameterNames): Map<string, TensorLocation> {
  const parameters = new Map<string, TensorLocation>();
  for (const tensor of files.flatMap((file) => readSafetensorsHeader(file).tensors)) {
    const name = names.canonical(tensor.name);
    if (name === null) continue;
    const other = parameters.get(name);
    if (other !== undefined)
      throw new CheckpointError(
        `${tensor.file} holds ${tensor.name}, which ${other.file} holds too, as ${other.name}; delete one of them ` +
          `or fetch the checkpoint again`,
      );
    parameters.set(name, tensor);
  }
  return parameters;
}

const [EMBEDDINGS, HEAD] = ['language_model.embed_tokens.weight', 'lm_head.weight'];

/**
 * Tied embeddings as in transformers 5: a file may hold either of the two, and two that differ are not tied, whatever
 * config.json says.
 */
export function withTying<C extends CommonConfig>(
  config: C,
  found: ReadonlyMap<string, TensorLocation>,
): [C, ReadonlyMap<string, TensorLocation>] {
  const [embeddings, head] = [found.get(EMBEDDINGS), found.get(HEAD)];
  if (!config.text.tiedEmbeddings || head === undefined) return [config, found];
  if (embeddings !== undefined && !Buffer.from(readTensorBytes(embeddings).buffer).equals(readTensorBytes(head)))
    return [{ ...config, text: { ...config.text, tiedEmbeddings: false } }, found];
  const one = new Map([...found, [EMBEDDINGS, embeddings ?? head]]);
  one.delete(HEAD);
  return [config, one];
}

/** The parameters that config.json asks for, in its order. */
function checkParameters(
  folder: string,
  config: VlmConfig,
  found: ReadonlyMap<string, TensorLocation>,
): Pick<Checkpoint, 'config' | 'parameters'> {
  const family = familyOf(config);
  const expected = family.parameterShapes(config);
  const optional = family.unreadShapes(config);
  const missing = [...expected.keys()].filter((name) => !found.has(name));
  const explanation = missing.length === 0 ? null : (family.explainMissing?.([...found.keys()]) ?? null);
  if (explanation !== null) throw new CheckpointError(`${folder} holds ${explanation}`);
  checkFound(folder, found, expected, optional);
  return {
    config,
    parameters: new Map(
      [...expected.keys(), ...optional.keys()].flatMap((name) => (found.has(name) ? [[name, found.get(name)!]] : [])),
    ),
  };
}

/** Linear layers `0`, `2`, `4` ... with ReLU between them, from the hidden state to one number. */
function openValueHead(file: string, { text }: VlmConfig): Map<string, TensorLocation> {
  const found = new Map(
    readSafetensorsHeader(file).tensors.map((tensor) => [tensor.name.replace(/^value_head\./, ''), tensor]),
  );
  const head = new Map<string, TensorLocation>();
  let width = text.hiddenSize;
  for (let layer = 0; found.size > head.size || width !== 1; layer += 2) {
    const [weight, bias] = [found.get(`${layer}.weight`), found.get(`${layer}.bias`)];
    const outputs = weight?.shape[0] ?? 0;
    if (
      weight === undefined ||
      bias === undefined ||
      weight.shape.join() !== `${outputs},${width}` ||
      bias.shape.join() !== `${outputs}`
    ) {
      throw new CheckpointError(
        `${file}: layer ${layer} is not a weight [outputs, ${width}] with its bias; a value head is 0.weight, ` +
          `0.bias, 2.weight ... from ${text.hiddenSize} to 1: make it again or delete it`,
      );
    }
    head.set(`value_head.${layer}.weight`, weight).set(`value_head.${layer}.bias`, bias);
    width = outputs;
  }
  return head;
}

/**
 * Throws `CheckpointError` where a folder lacks an `expected` parameter, or holds one that is neither expected nor
 * `optional`, has another shape, or has an unsupported element type.
 */
export function checkFound(
  folder: string,
  found: ReadonlyMap<string, TensorLocation>,
  expected: ReadonlyMap<string, readonly number[]>,
  optional: ReadonlyMap<string, readonly number[]>,
): void {
  const missing = [...expected.keys()].filter((name) => !found.has(name));
  if (missing.length > 0)
    throw new CheckpointError(
      `${folder} has no parameter ` +
        `${missing[0]}${missing.length > 1 ? ` and ${missing.length - 1} more` : ''}; the weights do not fit ` +
        'config.json: fetch both from one place',
    );
  for (const [name, { file, shape }] of found) {
    const wanted = expected.get(name) ?? optional.get(name);
    if (wanted === undefined)
      throw new CheckpointError(
        `${file} holds ${name}, which a model of this config.json does not have; fetch both from one place`,
      );
    if (wanted.join() !== shape.join())
      throw new CheckpointError(
        `${file}: ${name} has shape [${shape.join(', ')}], but config.json asks for [${wanted.join(', ')}]; fetch ` +
          `both from one place`,
      );
  }
  checkElementTypes(found);
}

/** Throws `CheckpointError` where a tensor is neither float32 nor float16 nor bfloat16. */
function checkElementTypes(tensors: ReadonlyMap<string, TensorLocation>): void {
  for (const [name, { dtype, file }] of tensors) {
    if (dtype === 'I32' || dtype === 'I64')
      throw new CheckpointError(
        `${file}: ${name} holds whole numbers (${dtype}); quantised checkpoints are not supported: use one in F32, ` +
          `F16 or BF16`,
      );
    if (dtype === 'F64') throw new CheckpointError(`${file}: ${name} is stored as F64; convert it to F32, F16 or BF16`);
  }
}
