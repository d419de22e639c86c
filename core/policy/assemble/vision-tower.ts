/** A vision model's folder in Hugging Face format, as the vision tower of a LLaVA-architecture model. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import type { TensorLocation } from '../../graph/safetensors.ts';
import { checkConfig, readJson } from '../checkpoint/check-config.ts';
import { CheckpointError } from '../checkpoint/errors.ts';
import { type Checkpoint, collectParameters, listWeightFiles, openCheckpoint } from '../checkpoint/open-checkpoint.ts';
import type { LlavaConfig } from '../families/llava/llava-config.ts';
import { names } from '../families/llava/parameter-names.ts';
import { visionConfig, visionSchema } from '../families/llava/vision-config.ts';

export type VisionTower = {
  folder: string;
  /**
   * With the layers that feed the projector: for a LLaVA its own; for CLIP the last but one, without the class token,
   * as in LLaVA 1.5; for SigLIP the last one, as in LLaVA-OneVision.
   */
  config: Pick<LlavaConfig, 'vision' | 'featureLayers' | 'featureSelect'>;
  /** `vision_tower.*` by canonical name. */
  parameters: ReadonlyMap<string, TensorLocation>;
  /** Settings of its image processor, as in the folder. */
  preprocessor: object;
};

/** Parts of a vision model that is stored on its own, without a prefix. */
const BARE = /^(embeddings|pre_layrnorm|encoder|post_layernorm|head)\./;

/** Throws `CheckpointError`. */
export function openVisionTower(folder: string): VisionTower {
  const file = path.join(folder, 'config.json');
  const content = readJson(file, 'name the folder of a vision model in Hugging Face format');
  const { model_type: kind, vision_config: inner } = checkConfig(
    z.looseObject({ model_type: z.string().optional(), vision_config: z.looseObject({}).optional() }),
    content,
    file,
  );
  const preprocessor = readPreprocessor(folder);
  const eyes = (parameters: ReadonlyMap<string, TensorLocation>) =>
    new Map(
      [...parameters]
        .map(([name, tensor]): [string, TensorLocation] => [name.replace(BARE, 'vision_tower.$&'), tensor])
        .filter(([name]) => name.startsWith('vision_tower.')),
    );
  if (kind === 'llava' || kind === 'llava_next') {
    const { config, parameters, adapter } = openCheckpoint(folder) as Checkpoint & { config: LlavaConfig };
    if (adapter !== null)
      throw new CheckpointError(`${folder} holds an adapter, which may belong to its vision tower; merge it first`);
    return { folder, config, parameters: eyes(parameters), preprocessor };
  }
  const tower = /^(clip|siglip)(_vision_model)?$/.exec(kind ?? '');
  const described = tower === null || tower[2] !== undefined ? content : inner;
  if (tower === null || described === undefined)
    throw new CheckpointError(
      `${file} describes a model of type ${kind ?? '(not named)'}; a vision tower to assemble with is a CLIP or ` +
        `SigLIP model (clip, siglip, clip_vision_model, siglip_vision_model), or that of a LLaVA (llava, llava_next)`,
    );
  const vision = visionConfig(
    checkConfig(visionSchema, { ...described, model_type: `${tower[1]}_vision_model` }, `${file}, vision_config`),
  );
  return {
    folder,
    config:
      tower[1] === 'clip'
        ? { vision, featureLayers: [-2], featureSelect: 'default' }
        : { vision, featureLayers: [-1], featureSelect: 'full' },
    // SigLIP's head pools the output of the last layer.
    parameters: new Map(
      [...eyes(collectParameters(listWeightFiles(folder), names))].filter(
        ([name]) => !name.startsWith('vision_tower.head.'),
      ),
    ),
    preprocessor,
  };
}

function readPreprocessor(folder: string): object {
  const schema = z.looseObject({ image_processor: z.looseObject({}).optional() });
  for (const name of ['preprocessor_config.json', 'processor_config.json']) {
    const file = path.join(folder, name);
    if (!existsSync(file)) continue;
    const content = checkConfig(schema, readJson(file, 'copy it from the original model'), file);
    const settings = name === 'processor_config.json' ? content.image_processor : content;
    if (settings !== undefined) return settings;
  }
  throw new CheckpointError(`${folder} has no preprocessor_config.json; copy it from the original model`);
}
