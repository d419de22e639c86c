/** Checks whether a run's sampling and updates fit into the machine, before anything is loaded. */
import { algorithmOf } from '../../configs/algorithms.ts';
import type { RunConfig } from '../../configs/schema.ts';
import { gradientGroups } from '../../configs/shared-update.ts';
import { CheckpointError } from './checkpoint/errors.ts';
import type { Checkpoint } from './checkpoint/open-checkpoint.ts';
import type { LongestPrompt } from './longest-prompt.ts';
import { CPU, type ComputeDevice } from '../graph/compute-device.ts';
import { elements, formatType } from '../graph/tensor.ts';
import { hostMemory } from './machine-memory.ts';
import { type MemoryPlan, memoryPlan } from './memory-plan.ts';
import { graphModel } from './onnx-policy-engine.ts';
import { tooLong } from './positions.ts';
import { trainedParameters } from './trained-parameters.ts';

/** Bytes. `limits`: what the machine has, or `engine.memoryGiB`; null: unknown. */
export type ModelFit = {
  plan: MemoryPlan;
  limits: { host: number; device: number | null; /** Of one tensor. */ tensor: number | null };
  prompt: LongestPrompt;
  rowsPerShard: number;
  /** The whole matrices of a teacher merged from adapters; 0 where the run has no such teacher. */
  teacher: number;
};

type FitConfig = Pick<RunConfig, 'algorithm' | 'model' | 'engine' | 'rollout' | 'ppo' | 'parallel' | 'turbo'>;

/** `prompt`: the longest to expect. Throws `CheckpointError` where no array can hold a row's positions. */
export function modelFit(
  checkpoint: Checkpoint,
  config: FitConfig,
  prompt: LongestPrompt,
  device: ComputeDevice = CPU,
): ModelFit {
  const { model, engine, rollout, ppo } = config;
  // An optimizer step has a supervised row for each sample.
  const rowsPerShard = Math.min(engine.rowsPerShard, 2 * ppo.samplesPerStep);
  const rounded = (length: number) => Math.ceil(length / (engine.lengthStep ?? 1)) * (engine.lengthStep ?? 1);
  const plan = planned({
    ...engine,
    provider: device.provider,
    model: graphModel({
      checkpoint,
      scope: model.train,
      valueHead: model.valueHead,
      precision: engine.precision,
      gradientCheckpointing: engine.gradientCheckpointing,
      device,
    }),
    groups: gradientGroups(config),
    rowsPerShard,
    promptTokens: rounded(prompt.tokens),
    picture: { parts: prompt.pictureParts, padded: false },
    responseTokens: rounded(rollout.maxNewTokens),
  });
  const stated = engine.memoryGiB === null ? null : engine.memoryGiB * 2 ** 30;
  const limits =
    device.provider === 'cpu'
      ? { host: stated ?? hostMemory(), device: null, tensor: null }
      : { host: hostMemory(), device: stated ?? device.memory, tensor: device.limits?.maxTensor ?? null };
  const teacher = teacherBytes(checkpoint, config);
  const lanes = teacher * engine.lanes;
  return {
    // As read from the store, as one vector, and as fed by each lane.
    plan: { ...plan, host: plan.host + 2 * teacher + lanes, device: plan.device === 0 ? 0 : plan.device + lanes },
    limits,
    prompt,
    rowsPerShard,
    teacher,
  };
}

/** Graphs hold masks of all positions by all positions, which beyond some length no array can hold. */
function planned(work: Parameters<typeof memoryPlan>[0]): MemoryPlan {
  try {
    return memoryPlan(work);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new CheckpointError(
      `maxNewTokens: prompts of ${work.promptTokens} tokens and responses of ${work.responseTokens}, rounded up to ` +
        `engine.lengthStep, are longer than can be computed here; lower rollout.maxNewTokens or engine.lengthStep`,
    );
  }
}

function teacherBytes(checkpoint: Checkpoint, config: FitConfig): number {
  const { train, valueHead } = config.model;
  const isProduct = train.kind === 'lora' && config.turbo.merge.adapters === 'product';
  if (algorithmOf(config).merged === null || !isProduct) return 0;
  const matrices = trainedParameters(checkpoint, { ...train, kind: 'merged' }, valueHead);
  return matrices.reduce((sum, { shape }) => sum + 4 * elements(shape), 0);
}

/** What does not fit, as one sentence with the numbers and remedies; null where everything fits. */
export function misfit(
  { plan, limits, rowsPerShard, teacher }: ModelFit,
  config: Pick<RunConfig, 'engine' | 'rollout' | 'parallel'>,
): string | null {
  const { engine, rollout } = config;
  const { largest } = plan;
  if (largest.bytes > (limits.tensor ?? Infinity))
    return (
      `its largest tensor, ${formatType(largest)}, takes ${gibibytes(largest.bytes)}, but the GPU's kernels take at ` +
      `most ${gibibytes(limits.tensor!)}; lower engine.rowsPerShard or engine.rowsPerSample, or use a smaller ` +
      `model or another GPU`
    );
  const [needed, limit, where] =
    plan.device > (limits.device ?? Infinity)
      ? [plan.device, limits.device!, 'the GPU']
      : [plan.host, limits.host, 'this machine'];
  if (needed <= limit) return null;
  const { sampling, updating, optimizer } = plan;
  const parts =
    `weights ${gibibytes(updating.stored)}, trained parameters with gradients and moments ` +
    `${gibibytes(optimizer)}, activations of an update of ${rowsPerShard} rows ${gibibytes(updating.activations)}, ` +
    `of sampling ${engine.rowsPerSample} rows with up to ${rollout.maxNewTokens} new tokens ` +
    `${gibibytes(sampling.activations)}` +
    (teacher === 0 ? '' : `, whole matrices of a merged teacher ${gibibytes(teacher)}`);
  const remedies = [
    'engine.rowsPerShard',
    'engine.rowsPerSample',
    ...(engine.lanes > 1 ? ['engine.lanes'] : []),
    ...(gradientGroups(config) > 1 ? ['parallel.gradients'] : []),
  ].join(', ');
  const asFactors = teacher === 0 ? '' : ', set turbo.merge.adapters=factors';
  return (
    `the run takes about ${gibibytes(needed)} (${parts}), but ${where} has ${gibibytes(limit)}; lower ` +
    `${remedies}${asFactors}${engine.gradientCheckpointing ? '' : ', set engine.gradientCheckpointing'}, or ` +
    'use a smaller model'
  );
}

/** Throws `CheckpointError` where a row would be longer than the model's positions. */
export function checkLength(
  checkpoint: Checkpoint,
  { rollout }: Pick<RunConfig, 'rollout'>,
  prompt: LongestPrompt,
): void {
  const long = tooLong(checkpoint.config.text, prompt.tokens, rollout.maxNewTokens);
  if (long !== null)
    throw new CheckpointError(
      `maxNewTokens: ${long} in ${checkpoint.folder}; lower it, shorten the prompt template, or use another model`,
    );
}

/** Throws `CheckpointError` when the run does not fit: the model's positions, or the machine's memory. */
export function checkFit(
  checkpoint: Checkpoint,
  config: FitConfig,
  prompt: LongestPrompt,
  device: ComputeDevice = CPU,
): void {
  checkLength(checkpoint, config, prompt);
  const reason = misfit(modelFit(checkpoint, config, prompt, device), config);
  if (reason !== null) throw new CheckpointError(`model.base: ${checkpoint.folder} does not fit: ${reason}`);
}

/** Bytes as text: MiB below a tenth of a GiB. */
export function gibibytes(bytes: number): string {
  return bytes < 0.1 * 2 ** 30 ? `${(bytes / 2 ** 20).toFixed(1)} MiB` : `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}
