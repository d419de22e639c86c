/** Compares the engine with a reference checkpoint folder (docs/conformance.md), quantity by quantity. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { CPU, type ComputeDevice } from '../graph/compute-device.ts';
import { type DecodedTensors, decodeSafetensors } from '../graph/safetensors.ts';
import { responseWeights } from './agent.ts';
import { checkConfig, readJson } from './checkpoint/check-config.ts';
import { CheckpointError } from './checkpoint/errors.ts';
import { type Checkpoint, openCheckpoint } from './checkpoint/open-checkpoint.ts';
import type { ParameterNames } from './families/model-family.ts';
import { familyOf } from './families/registry.ts';
import { Lane } from './lanes/lane.ts';
import { OnnxPolicyEngine } from './onnx-policy-engine.ts';
import { pictureShape } from './picture-shape.ts';
import type { Pictures, TrainingRow } from './policy-engine.ts';
import { scoringFeeds } from './vlm/feeds.ts';

/** One compared quantity: its worst error as a multiple of the tolerance (at most 1 passes), and the error itself. */
export type ConformanceLine = { quantity: string; worstError: number; tolerance: number; passed: boolean };

const factsSchema = z.object({
  prompt_len: z.number(),
  temperature: z.number(),
  thought_coefficient: z.number(),
  thought_tokens: z.number(),
  pad_token_id: z.number().optional(),
  ppo_clip: z.number(),
  value_loss_coefficient: z.number(),
  repetition_penalty: z.number(),
  greedy_max_new_tokens: z.number(),
});

/** A checkpoint, and what was recorded of it. */
export type ReferenceCase = { facts: z.infer<typeof factsSchema>; reference: Reference; checkpoint: Checkpoint };

const TOLERANCE = 1e-4;
const GRADIENT_TOLERANCE = 1e-3;
/** A matrix whose largest element is below this share of the largest gradient element of all is rounding noise. */
const NOISE = 1e-5;

/** The folder itself if it is a case, else the cases in it by name. Throws `CheckpointError` where there is none. */
export function referenceFolders(folder: string): string[] {
  const found = ['reference.json', '*/reference.json'].flatMap((pattern) => globSync(pattern, { cwd: folder })).sort();
  if (found.length === 0)
    throw new CheckpointError(
      `${folder}: is not a reference checkpoint (reference.json) and contains none; name folders as ` +
        `docs/conformance.md describes them.`,
    );
  return found.includes('reference.json') ? [folder] : found.map((file) => path.join(folder, path.dirname(file)));
}

/** Throws `CheckpointError` or `SafetensorsError`, which say what the folder lacks. */
export function openReferenceCase(folder: string): ReferenceCase {
  const file = path.join(folder, 'reference.json');
  const facts = checkConfig(factsSchema, readJson(file, 'fetch it again'), file);
  const checkpoint = openCheckpoint(folder);
  const { names } = familyOf(checkpoint.config);
  return { facts, checkpoint, reference: decodeReference(path.join(folder, 'reference.safetensors'), names) };
}

/** All quantities of one case. On a GPU float32 must be float32: NVIDIA_TF32_OVERRIDE=0 in the environment. */
export async function conformVlm(
  { facts, reference, checkpoint }: ReferenceCase,
  device: ComputeDevice = CPU,
): Promise<ConformanceLine[]> {
  const { config } = checkpoint;
  const [rowCount, tokens] = reference.shapeOf('full_ids');
  const promptTokens = facts.prompt_len;
  const responseTokens = tokens - promptTokens;
  const family = familyOf(config);
  const pictures = family.recordedPictures(config, reference.tensor);
  const fullIds = reference.ints('full_ids');
  const rowIds = (row: number) => fullIds.slice(row * tokens, (row + 1) * tokens);
  const prompts = Array.from({ length: rowCount }, (_, row) => rowIds(row).slice(0, promptTokens));
  const responses = Array.from({ length: rowCount }, (_, row) => rowIds(row).slice(promptTokens));
  const lines: ConformanceLine[] = [];
  const compare = (quantity: string, actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance = TOLERANCE) =>
    lines.push(closeness(quantity, actual, expected, tolerance));

  const shown = pictureShape(
    config,
    pictures.map(({ grid }) => grid),
    false,
  );
  /** Without the parts that a picture does not have. */
  const features = (all: Float32Array) => {
    const held = family.tokensOfParts(config, shown.parts) * config.text.hiddenSize;
    return Float32Array.from(
      pictures.flatMap(({ grid }, image) => [
        ...all.subarray(image * held, image * held + family.imageTokens(config, grid) * config.text.hiddenSize),
      ]),
    );
  };

  // All positions at once: the whole sequence counts as prompt.
  const inspect = async (engine: OnnxPolicyEngine | null) => {
    const trained = engine?.trained.filter(({ name }) => !name.startsWith('value_head.')) ?? [];
    const lane = new Lane({
      model: { checkpoint, trained, loraScale, loraDropout: 0, precision: 'float32', gradientCheckpointing: false },
      device,
      sessions: 1,
      threads: 1,
    });
    if (engine !== null) await lane.setParameters(engine.initialParameters(0));
    const shape = {
      rows: rowCount,
      promptTokens: tokens,
      responseTokens: 1,
      padded: false,
      picture: shown,
    };
    const rows = Array.from({ length: rowCount }, (_, row) => ({
      image: row,
      promptIds: rowIds(row),
      responseIds: [],
    }));
    const { outputs } = await lane.run({
      kind: 'inspect',
      shape,
      feeds: scoringFeeds(config, shape, rows, pictures, 1),
    });
    await lane.close();
    return outputs as Record<string, Float32Array>;
  };
  const adapter = checkpoint.adapter;
  const loraScale = adapter === null ? 0 : adapter.alpha / adapter.rank;
  const base = await inspect(null);
  compare('image_features', features(base.image_features), reference.floats('image_features'));
  comparePositions(lines, checkpoint, pictures, reference);
  if (reference.has('deepstack_features'))
    compare(
      'deepstack_features',
      Object.keys(base)
        .filter((name) => name.startsWith('deepstack_features_'))
        .flatMap((name) => [...features(base[name])]),
      reference.floats('deepstack_features'),
    );
  compare('base_logits', base.logits, reference.floats('base_logits'));
  compare('base_last_hidden', base.last_hidden, reference.floats('base_last_hidden'));

  const scope =
    adapter === null
      ? ({ kind: 'all' } as const)
      : ({ kind: 'lora', rank: adapter.rank, alpha: adapter.alpha, dropout: 0, parts: ['language_model'] } as const);
  const engine = OnnxPolicyEngine.open({
    checkpoint,
    scope,
    valueHead: [32, 16],
    device,
    lanes: 1,
    rowsPerShard: rowCount,
    rowsPerSample: rowCount,
  });
  try {
    await engine.setParameters(engine.initialParameters(0));
    compare('lora_logits', (await inspect(engine)).logits, reference.floats('lora_logits'));

    const rows = prompts.map((promptIds, image) => ({ image, promptIds, responseIds: responses[image] }));
    const { logprobs, values } = await engine.score({ rows, pictures, temperature: facts.temperature });
    compare(
      'token_logprobs',
      logprobs.flatMap((row) => [...row]),
      reference.floats('token_logprobs'),
    );
    const weights = responseWeights(facts.thought_tokens, responseTokens, facts.thought_coefficient);
    compare(
      'action_logprob',
      logprobs.map((row) => row.reduce((sum, token, index) => sum + weights[index] * token, 0)),
      reference.floats('action_logprob'),
    );
    compare('value', values, reference.floats('value'));

    const request = {
      pictures,
      temperature: facts.temperature,
      clip: facts.ppo_clip,
      valueCoef: facts.value_loss_coefficient,
    };
    const [old, oldValue, advantage, returns] = ['old_logprob', 'old_value', 'advantage', 'returns'].map((name) =>
      reference.floats(name),
    );
    const ppoRows = rows.map((row, index): TrainingRow => ({
      ...row,
      ppo: {
        tokenWeights: weights,
        oldLogprob: old[index],
        oldValue: oldValue[index],
        advantage: advantage[index],
        return: returns[index],
        weight: 1 / rowCount,
      },
    }));
    const ppo = await engine.gradients({ ...request, rows: ppoRows });
    const meanOf = (name: 'actionLoss' | 'valueLoss') => [ppo.rows.reduce((sum, row) => sum + row[name], 0) / rowCount];
    compare('ppo_action_loss', meanOf('actionLoss'), reference.floats('ppo_action_loss'));
    compare('ppo_value_loss', meanOf('valueLoss'), reference.floats('ppo_value_loss'));

    const thought = facts.thought_tokens;
    const sftRows = rows.map((row): TrainingRow => ({
      ...row,
      sftWeights: new Float32Array(responseTokens).fill(1 / (rowCount * thought), 0, thought),
    }));
    const sft = await engine.gradients({ ...request, rows: sftRows });
    compare('sft_loss', [sft.rows.reduce((sum, { sftLoss }) => sum + sftLoss, 0)], reference.floats('sft_loss'));
    for (const [tag, { gradient }] of [
      ['ppo', ppo],
      ['sft', sft],
    ] as const)
      compareGradients(lines, tag, engine, gradient, reference);

    const sampled = await engine.sample({
      rows: prompts.map((promptIds, image) => ({
        image,
        promptIds,
        noise: new Float32Array(facts.greedy_max_new_tokens),
      })),
      pictures,
      maxNewTokens: facts.greedy_max_new_tokens,
      temperature: 0,
      repetitionPenalty: facts.repetition_penalty,
      penalizePrompt: true,
    });
    const greedyLength = reference.shapeOf('greedy_ids')[1];
    const greedy = sampled.flatMap(({ ids }) =>
      Array.from({ length: greedyLength }, (_, index) => ids[index] ?? facts.pad_token_id ?? config.text.padTokenId),
    );
    const differing = reference.ints('greedy_ids').filter((id, index) => id !== greedy[index]).length;
    lines.push({ quantity: 'greedy_ids', worstError: differing, tolerance: 0, passed: differing === 0 });
  } finally {
    await engine.close();
  }
  return lines;
}

/** Rotary positions and other recorded positions: whole numbers, which must be equal. */
function comparePositions(
  lines: ConformanceLine[],
  { config }: Checkpoint,
  pictures: Pictures,
  reference: Reference,
): void {
  const family = familyOf(config);
  const equal = (quantity: string, actual: readonly number[]) => {
    if (!reference.has(quantity)) return;
    const expected = reference.ints(quantity);
    const worstError = expected.filter((value, index) => value !== actual[index]).length;
    lines.push({
      quantity,
      worstError,
      tolerance: 0,
      passed: worstError === 0 && actual.length === expected.length,
    });
  };
  const [rows, tokens] = reference.shapeOf('full_ids');
  const ids = reference.ints('full_ids');
  const placed = pictures.map(({ grid }, row) => {
    const { axes } = family.positions(config, ids.slice(row * tokens, (row + 1) * tokens), grid);
    return axes.map((axis) => Array.from(axis));
  });
  equal(
    'position_ids',
    Array.from({ length: family.positionAxes }, (_, axis) => placed.flatMap((axes) => axes[axis])).flat(),
  );
  const promptTokens = reference.shapeOf('prompt_ids')[1];
  equal(
    'rope_delta',
    Array.from({ length: rows }, (_, row) => {
      const prompt = ids.slice(row * tokens, row * tokens + promptTokens);
      return family.positions(config, prompt, pictures[row].grid).next - promptTokens;
    }),
  );
  equal('vision_position_ids', family.visionPositions?.(config, pictures) ?? []);
}

/** |actual - expected| against tolerance absolute plus tolerance relative, the worst element. */
function closeness(
  quantity: string,
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
): ConformanceLine {
  if (actual.length !== expected.length)
    return {
      quantity: `${quantity} (${actual.length} elements, not ${expected.length})`,
      worstError: Infinity,
      tolerance,
      passed: false,
    };
  let worstError = 0;
  let passed = true;
  for (let index = 0; index < expected.length; index++) {
    const error = Math.abs(actual[index] - expected[index]);
    if (!(error <= worstError)) worstError = error;
    if (!(error <= tolerance + tolerance * Math.abs(expected[index]))) passed = false;
  }
  return { quantity, worstError, tolerance, passed };
}

/**
 * Each matrix relative to its largest element (unless that is rounding noise compared with all gradients); one line for
 * each, so that a wrong one is named.
 */
function compareGradients(
  lines: ConformanceLine[],
  tag: string,
  engine: OnnxPolicyEngine,
  gradient: Float32Array,
  reference: Reference,
): void {
  let offset = 0;
  // A key's bias shifts all scores of a query equally, so its gradient is zero up to rounding noise.
  const noise = NOISE * largestOf(gradient);
  for (const { name, shape } of engine.trained) {
    const size = shape.reduce((product, length) => product * length, 1);
    const actual = gradient.subarray(offset, (offset += size));
    const expected = reference.gradient(tag, name);
    // A parameter that torch gave no gradient has none.
    const target = expected ?? new Float32Array(size);
    const largest = Math.max(noise, largestOf(target));
    const worst = actual.reduce((most, element, index) => Math.max(most, Math.abs(element - target[index])), 0);
    const worstError = largest === 0 ? worst : worst / largest;
    lines.push({
      quantity: `grad.${tag}.${name}`,
      worstError,
      tolerance: GRADIENT_TOLERANCE,
      passed: worstError <= GRADIENT_TOLERANCE,
    });
  }
}

function largestOf(gradient: Float32Array): number {
  return gradient.reduce((most, element) => Math.max(most, Math.abs(element)), 0);
}

type Reference = {
  has(name: string): boolean;
  tensor(name: string): { shape: readonly number[]; data: Float32Array };
  shapeOf(name: string): readonly number[];
  floats(name: string): Float32Array;
  ints(name: string): number[];
  gradient(tag: string, canonical: string): Float32Array | undefined;
};

/** Reference tensors; ids are stored as I32, which `decodeSafetensors` reads as numbers. */
function decodeReference(file: string, names: ParameterNames): Reference {
  if (!existsSync(file)) throw new CheckpointError(`${file} is missing; fetch the reference checkpoint again`);
  const tensors: DecodedTensors = decodeSafetensors(readFileSync(file), file);
  const gradients = new Map(
    [...tensors]
      .filter(([name]) => name.startsWith('grad.'))
      .map(([name, tensor]) => [
        `${name.split('.')[1]} ${names.canonical(name.split('.').slice(2).join('.'))}`,
        tensor.data,
      ]),
  );
  const tensor = (name: string) => {
    const found = tensors.get(name);
    if (found === undefined) throw new CheckpointError(`${file} lacks ${name}; fetch it again`);
    return found;
  };
  return {
    has: (name) => tensors.has(name),
    tensor,
    shapeOf: (name) => tensor(name).shape,
    floats: (name) => tensor(name).data,
    ints: (name) => [...tensor(name).data],
    gradient: (tag, canonical) => gradients.get(`${tag} ${canonical}`),
  };
}
