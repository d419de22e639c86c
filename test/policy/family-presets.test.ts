/** The presets of real models, planned with their own sizes: what they are for fits. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { readConfig } from '../../cli/config-file.ts';
import { runConfigSchema } from '../../configs/schema.ts';
import { CPU } from '../../core/graph/compute-device.ts';
import { plannedCheckpoint } from '../../core/policy/checkpoint/planned-checkpoint.ts';
import { parseVlmConfig } from '../../core/policy/checkpoint/read-config.ts';
import { familyOf } from '../../core/policy/families/registry.ts';
import { misfit, modelFit } from '../../core/policy/model-fit.ts';

const recorded = JSON.parse(readFileSync(path.resolve(import.meta.dirname, '../golden/vlm-configs.json'), 'utf8')) as {
  name: string;
  config: object & { text_config?: object; vision_config?: object };
}[];
const configOf = (name: string) => recorded.find((one) => one.name === name)!.config;
const [qwen25, qwen3] = [configOf('Qwen2.5-VL, flat'), configOf('Qwen3-VL, 4.57')];

/** Where two sizes differ in these fields only, the other's are given here. */
const MODELS = {
  'Qwen2.5-VL-3B': qwen25,
  'Qwen2.5-VL-7B': {
    ...qwen25,
    hidden_size: 3584,
    intermediate_size: 18_944,
    num_hidden_layers: 28,
    num_attention_heads: 28,
    num_key_value_heads: 4,
    vocab_size: 152_064,
    tie_word_embeddings: false,
    vision_config: { ...qwen25.vision_config, out_hidden_size: 3584 },
  },
  'Qwen3-VL-2B': qwen3,
  'Qwen3-VL-4B': {
    ...qwen3,
    text_config: {
      ...qwen3.text_config,
      hidden_size: 2560,
      intermediate_size: 9728,
      num_hidden_layers: 36,
      num_attention_heads: 32,
      num_key_value_heads: 8,
    },
    vision_config: { ...qwen3.vision_config, out_hidden_size: 2560 },
  },
  'Qwen3-VL-8B': configOf('Qwen3-VL-8B, untied'),
  'SmolVLM-256M': configOf('SmolVLM-256M'),
  'SmolVLM-500M': configOf('SmolVLM2-500M'),
};
const GIB = 2 ** 30;
const gpu = (memory: number) => ({ ...CPU, provider: 'cuda' as const, memory: memory * GIB });

/** Thousand million parameters, image tokens of a picture of 300 pixels a side, what the preset is for. */
const PLANS: [model: keyof typeof MODELS, preset: string, size: number, image: number, device: typeof CPU][] = [
  ['Qwen2.5-VL-3B', 'points24-qwen2_5-vl', 3.75, 121, gpu(40)],
  ['Qwen2.5-VL-7B', 'points24-qwen2_5-vl', 8.29, 121, gpu(80)],
  ['Qwen3-VL-2B', 'points24-qwen3-vl', 2.13, 81, gpu(40)],
  ['Qwen3-VL-4B', 'points24-qwen3-vl', 4.44, 81, gpu(80)],
  ['Qwen3-VL-8B', 'points24-qwen3-vl', 8.77, 81, gpu(80)],
  ['SmolVLM-256M', 'ezpoints-smolvlm', 0.26, 64, CPU],
  ['SmolVLM-500M', 'ezpoints-smolvlm', 0.51, 64, CPU],
];

for (const [name, preset, size, image, device] of PLANS) {
  test(`${preset} on ${name} fits into ${device === CPU ? '8 GiB' : `a GPU of ${device.memory! / GIB} GiB`}`, (t) => {
    const config = readConfig(runConfigSchema, preset, ['model.base=/models/mine', 'engine.memoryGiB=null']);
    const checkpoint = plannedCheckpoint(parseVlmConfig(MODELS[name], name), 'BF16');
    const parameters = [...checkpoint.parameters.values()].reduce((sum, { byteLength }) => sum + byteLength / 2, 0);
    t.is(Math.round(parameters / 1e7) / 100, size);
    const family = familyOf(checkpoint.config);
    const grid =
      family.name === 'smolvlm'
        ? ([0, 0] as const)
        : family.name === 'qwen3_vl'
          ? ([18, 18] as const)
          : ([22, 22] as const);
    t.is(family.imageTokens(checkpoint.config, grid), image);
    const prompt = { tokens: device === CPU ? 144 : 400, pictureParts: family.pictureParts(checkpoint.config, grid) };
    const fit = modelFit(checkpoint, config, prompt, device);
    if (device === CPU) t.true(fit.plan.host < 8 * GIB, `${fit.plan.host / GIB}`);
    else t.is(misfit(fit, config), null, `${fit.plan.device / GIB}`);
  });
}
