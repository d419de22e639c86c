/** Opening a checkpoint folder: configuration, and where each parameter lies. Nothing is converted or copied. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { readSafetensorsHeader, type TensorLocation } from '../../graph/safetensors.ts';
import type { VlmConfig } from '../vlm-config.ts';
import { CheckpointError } from './errors.ts';
import { canonicalName } from './parameter-names.ts';
import { readVlmConfig } from './read-config.ts';

export type Checkpoint = {
  folder: string;
  config: VlmConfig;
  /** By canonical name. */
  parameters: ReadonlyMap<string, TensorLocation>;
  /** A LoRA adapter that lies in the folder; by canonical name. */
  adapter: { parameters: ReadonlyMap<string, TensorLocation>; rank: number; alpha: number } | null;
  /** `value_head.*`; null when the folder brings none. */
  valueHead: ReadonlyMap<string, TensorLocation> | null;
  /** Every file that was opened, for hashing. */
  files: string[];
};

/** Throws `CheckpointError` or `SafetensorsError` with one clear sentence. */
export function openCheckpoint(folder: string): Checkpoint {
  if (!existsSync(folder)) throw new CheckpointError(`There is no model folder ${folder}; name a folder in Hugging Face format (config.json, model.safetensors)`);
  const config = readVlmConfig(folder);
  const weightFiles = listWeightFiles(folder);
  const adapterFile = path.join(folder, 'adapter_model.safetensors');
  const valueHeadFile = path.join(folder, 'value_head.safetensors');
  const adapterConfig = path.join(folder, 'adapter_config.json');
  const hasAdapter = existsSync(adapterFile) && existsSync(adapterConfig);
  const valueHead = existsSync(valueHeadFile) ? new Map(readSafetensorsHeader(valueHeadFile).tensors.map((tensor) => [`value_head.${tensor.name}`, tensor])) : null;
  return {
    folder,
    config,
    parameters: collect(weightFiles),
    adapter: hasAdapter ? { parameters: collect([adapterFile]), ...adapterShape(adapterConfig) } : null,
    valueHead,
    files: [path.join(folder, 'config.json'), ...weightFiles, ...(hasAdapter ? [adapterConfig, adapterFile] : []), ...(valueHead ? [valueHeadFile] : [])],
  };
}

/** model.safetensors, or the shards that its index names. */
function listWeightFiles(folder: string): string[] {
  const single = path.join(folder, 'model.safetensors');
  if (existsSync(single)) return [single];
  const index = `${single}.index.json`;
  if (!existsSync(index)) throw new CheckpointError(`${folder} has neither model.safetensors nor model.safetensors.index.json; convert the checkpoint to safetensors`);
  const { weight_map: places } = JSON.parse(readFileSync(index, 'utf8')) as { weight_map: Record<string, string> };
  const files = [...new Set(Object.values(places))].sort().map((name) => path.join(folder, name));
  const missing = files.find((file) => !existsSync(file));
  if (missing !== undefined) throw new CheckpointError(`${missing} is missing, which ${index} names; fetch the checkpoint again`);
  return files;
}

function collect(files: readonly string[]): Map<string, TensorLocation> {
  const parameters = new Map<string, TensorLocation>();
  for (const tensor of files.flatMap((file) => readSafetensorsHeader(file).tensors)) {
    const name = canonicalName(tensor.name);
    if (name === null) continue;
    if (parameters.has(name)) throw new CheckpointError(`${tensor.file}: ${tensor.name} is there twice (as ${name})`);
    parameters.set(name, tensor);
  }
  return parameters;
}

function adapterShape(file: string): { rank: number; alpha: number } {
  const { r, lora_alpha: alpha, use_rslora: rsLora, use_dora: dora } = JSON.parse(readFileSync(file, 'utf8')) as { r: number; lora_alpha: number; use_rslora?: boolean; use_dora?: boolean };
  if (dora) throw new CheckpointError(`${file}: DoRA adapters are not supported; merge the adapter into the model first`);
  return { rank: r, alpha: rsLora ? alpha * Math.sqrt(r) : alpha };
}
