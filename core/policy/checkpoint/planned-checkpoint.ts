/** A checkpoint as plans see it before its weights are there. */
import path from 'node:path';
import { z } from 'zod';
import { elements } from '../../graph/tensor.ts';
import { familyOf } from '../families/registry.ts';
import type { VlmConfig } from '../vlm-config.ts';
import { checkConfig, readJson } from './check-config.ts';
import { TORCH_TYPES, type WrittenDType } from './config-json.ts';
import type { Checkpoint } from './open-checkpoint.ts';
import { readVlmConfig } from './read-config.ts';

/** Every parameter of `config` in one type, in a file that is not there; without adapter and value head. */
export function plannedCheckpoint(config: VlmConfig, dtype: WrittenDType, folder = ''): Checkpoint {
  const file = path.join(folder, 'model.safetensors');
  let byteOffset = 0;
  const parameters = new Map(
    [...familyOf(config).parameterShapes(config)].map(([name, shape]) => {
      const byteLength = (dtype === 'F32' ? 4 : 2) * elements(shape);
      byteOffset += byteLength;
      return [name, { name, dtype, shape, file, byteOffset: byteOffset - byteLength, byteLength }];
    }),
  );
  return { folder, config, parameters, adapter: null, valueHead: null, files: [] };
}

const typed = z.looseObject({ dtype: z.string().nullish(), torch_dtype: z.string().nullish() });
const schema = typed.extend({ text_config: typed.nullish() });

/**
 * Of a folder's config.json alone, in the type that it states; float32, as transformers has it, where it states none.
 * Throws `CheckpointError`.
 */
export function plannedFolder(folder: string): Checkpoint {
  const config = readVlmConfig(folder);
  const file = path.join(folder, 'config.json');
  const { text_config: text, ...top } = checkConfig(schema, readJson(file, 'fetch it again'), file);
  const stated = top.dtype ?? top.torch_dtype ?? text?.dtype ?? text?.torch_dtype;
  const types = Object.entries(TORCH_TYPES) as [WrittenDType, string][];
  const dtype = types.find(([, name]) => name === stated)?.[0] ?? 'F32';
  return plannedCheckpoint(config, dtype, folder);
}
