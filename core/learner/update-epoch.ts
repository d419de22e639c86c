/** One PPO epoch over the kept steps, with supervised rows drawn for every sample. */
import { algorithmOf } from '../../configs/algorithms.ts';
import type { RunConfig } from '../../configs/schema.ts';
import type { Game, JsonState } from '../envs/env.ts';
import type { Agent } from '../policy/agent.ts';
import { observationIn } from '../policy/observation.ts';
import type { Picture } from '../policy/families/model-family.ts';
import { responseWeights } from '../policy/agent.ts';
import { NotFiniteError } from '../policy/not-finite-error.ts';
import type { GradientRequest, Gradients, RowStatistics, TrainingRow } from '../policy/policy-engine.ts';
import { RandomStream } from '../random/counter.ts';
import { type AdamState, adamStep, clipByGlobalNorm } from './adam.ts';
import type { CorrectionRow, PpoSample } from './batch.ts';

/** The most consecutive optimizer steps that may be skipped because a loss or gradient is not finite. */
const MOST_SKIPPED_IN_A_ROW = 3;

/** Sums over the samples of an epoch so far; means are computed at its end. */
export type EpochSums = { [name: string]: number };

export type EpochState = {
  parameters: Float32Array;
  adam: AdamState;
  /** Optimizer steps of this epoch that are done. */
  step: number;
  skippedInARow: number;
  sums: EpochSums;
};

export type EpochInput<O> = {
  agent: Agent;
  game: Game<O>;
  options: O;
  config: RunConfig;
  samples: readonly PpoSample[];
  rows: readonly CorrectionRow[];
  key: { iteration: number; epoch: number };
  lr: number;
  /** sft_coef after annealing. */
  sftCoef: number;
};

/** Optimizer steps of one epoch. */
export function optimizerSteps(samples: number, samplesPerStep: number): number {
  return Math.ceil(samples / samplesPerStep);
}

/**
 * Makes the optimizer steps from `state.step` on, changing `state` in place. Sample order and row draws are functions
 * of (seed, iteration, epoch), so an epoch that is resumed in the middle ends with the same bytes. `onStep` gets the
 * number of tokens trained on. `whileComputing` is called after each step but the last, while lanes compute the next
 * step's gradients; `state` does not change until it settles.
 */
export async function updateEpoch<O>(
  input: EpochInput<O>,
  state: EpochState,
  onStep: (state: EpochState, tokens: number) => Promise<void> = async () => {},
  whileComputing: (state: EpochState) => Promise<void> = async () => {},
): Promise<void> {
  const { agent, config, samples } = input;
  const steps = optimizerSteps(samples.length, config.ppo.samplesPerStep);
  const request = stepRequests(input);
  await agent.setPolicy(state.parameters, null);
  const first = state.step;
  let next = first < steps ? request(first) : null;
  while (next !== null) {
    const { rows } = next;
    const computing = agent.engine.gradients(next);
    computing.catch(() => {}); // awaited below, unless preparing the next request fails
    const meanwhile = state.step > first ? whileComputing(state) : null;
    next = state.step + 1 < steps ? request(state.step + 1) : null;
    if (next !== null) agent.engine.layOut(next);
    const [gradients] = await Promise.all([computing, meanwhile]);
    await optimizerStep(input, state, rows, gradients);
    state.step++;
    await onStep(
      state,
      rows.reduce((sum, { responseIds }) => sum + responseIds.length, 0),
    );
  }
}

/** The request of each optimizer step of an epoch. */
export function stepRequests<O>(input: EpochInput<O>): (step: number) => GradientRequest {
  const { config, samples, rows } = input;
  const { samplesPerStep } = config.ppo;
  const key = { seed: config.seed, iteration: input.key.iteration, step: input.key.epoch };
  const order = new RandomStream({ ...key, purpose: 'sample order' }).shuffled(samples.map((_, index) => index));
  const draws = new RandomStream({ ...key, purpose: 'row draws' });
  const { rowsPerSample } = config.sft;
  const drawn =
    rows.length === 0 ? [] : Array.from({ length: order.length * rowsPerSample }, () => draws.below(rows.length));
  return (step) => {
    const from = step * samplesPerStep;
    const chosen = order.slice(from, from + samplesPerStep).map((index) => samples[index]);
    const paired = drawn
      .slice(from * rowsPerSample, (from + samplesPerStep) * rowsPerSample)
      .map((index) => rows[index]);
    return stepRequest(input, step, chosen, paired);
  };
}

async function optimizerStep<O>(
  { agent, config, lr }: EpochInput<O>,
  state: EpochState,
  rows: readonly TrainingRow[],
  { gradient, rows: statistics }: Gradients,
): Promise<void> {
  if (rows.length === 0) return;
  const applied = await applyGradient(state, gradient, { config, lr }, (work) => agent.engine.timed(work));
  if (!applied) return;
  agent.engine.recycle(gradient);
  await agent.setPolicy(state.parameters, null);
  collect(state.sums, rows, statistics, clips(config));
}

/**
 * Clips the gradient in place and applies it to `state` by Adam; false: it was not finite, and the step is skipped.
 * Throws `NotFiniteError` after a few of these in a row. `timed` counts the arithmetic.
 */
export async function applyGradient(
  state: EpochState,
  gradient: Float32Array,
  { config, lr }: { config: Pick<RunConfig, 'ppo' | 'optimizer'>; lr: number },
  timed: <T>(work: () => T) => Promise<T> = async (work) => work(),
): Promise<boolean> {
  const gradNorm = await timed(() => clipByGlobalNorm(gradient, config.ppo.maxGradNorm));
  if (!Number.isFinite(gradNorm)) {
    add(state.sums, 'skippedSteps', 1);
    if (++state.skippedInARow > MOST_SKIPPED_IN_A_ROW)
      throw new NotFiniteError(
        `The gradient was not finite in ${state.skippedInARow} optimizer steps in a row; lower optimizer.lr or look ` +
          `at the batch of this iteration`,
      );
    return false;
  }
  state.skippedInARow = 0;
  await timed(() => adamStep(state.parameters, gradient, state.adam, lr, config.optimizer));
  add(state.sums, 'steps', 1);
  add(state.sums, 'gradNorm', gradNorm);
  return true;
}

/** PPO rows first, then supervised rows, each with its weight in the step's loss. */
function stepRequest<O>(
  { agent, game, options, config, key, sftCoef }: EpochInput<O>,
  step: number,
  chosen: readonly PpoSample[],
  paired: readonly CorrectionRow[],
): GradientRequest {
  const dropout = new RandomStream({
    seed: config.seed,
    purpose: 'lora dropout',
    iteration: key.iteration,
    episode: key.epoch,
    step,
  });
  const pictures: Picture[] = [];
  const row = (state: JsonState, responseIds: readonly number[]) => {
    const { promptIds, picture } = agent.prompt(observationIn(game.fromState(state, options), agent.imageSize));
    return {
      image: pictures.push(picture) - 1,
      promptIds,
      responseIds,
      dropoutSeed: dropout.odd64(),
    };
  };
  const { losses } = algorithmOf(config);
  const ppoRows = losses.policy === 0 ? [] : chosen;
  const rows: TrainingRow[] = [
    ...ppoRows.map((sample) => ({
      ...row(sample.state, sample.responseIds),
      ppo: {
        tokenWeights: responseWeights(sample.thoughtTokens, sample.responseIds.length, config.ppo.thoughtCoef),
        oldLogprob: sample.oldLogprob,
        oldValue: sample.oldValue,
        advantage: sample.advantage,
        return: sample.return,
        weight: 1 / chosen.length,
      },
    })),
    ...(sftCoef === 0 ? [] : paired).map(({ state, responseIds, trainedTokens }) => ({
      ...row(state, responseIds.slice(0, trainedTokens)),
      sftWeights: new Float32Array(trainedTokens).fill(sftCoef / (paired.length * trainedTokens)),
    })),
  ];
  return {
    rows,
    pictures,
    temperature: config.rollout.temperature,
    ...clips(config),
    valueCoef: losses.value * config.ppo.valueCoef,
  };
}

/** How far the ratio may fall below or rise above 1; values use the lower bound. */
export function clips(config: RunConfig): { clip: number; clipHigh: number } {
  const { clip } = config.ppo;
  const high = algorithmOf(config).advantages === 'group' ? config.grpo.clipHigh : null;
  return { clip, clipHigh: high ?? clip };
}

/** Adds the rows' statistics to `sums`; entries without statistics belong to another group of shards. */
export function collect(
  sums: EpochSums,
  rows: readonly TrainingRow[],
  statistics: readonly RowStatistics[],
  { clip, clipHigh }: { clip: number; clipHigh: number },
): void {
  for (const [index, row] of rows.entries()) {
    if (statistics[index] === undefined) continue;
    const { ratio, actionLoss, valueLoss, entropy, logprob, sftLoss } = statistics[index];
    if (row.ppo !== undefined) {
      add(sums, 'ppoRows', 1);
      add(sums, 'actionLoss', actionLoss);
      add(sums, 'valueLoss', valueLoss);
      add(sums, 'entropy', entropy);
      add(sums, 'ratio', ratio);
      sums.ratioMin = Math.min(sums.ratioMin ?? Infinity, ratio);
      sums.ratioMax = Math.max(sums.ratioMax ?? 0, ratio);
      // Schulman's low-variance estimate of KL(old || new).
      add(sums, 'kl', ratio - 1 - (logprob - row.ppo.oldLogprob));
      add(sums, 'clipped', ratio > 1 + clipHigh || ratio < 1 - clip ? 1 : 0);
    }
    if (row.sftWeights !== undefined) add(sums, 'sftLoss', sftLoss);
  }
}

function add(sums: EpochSums, name: string, value: number): void {
  sums[name] = (sums[name] ?? 0) + value;
}

/** Joins the sums of two groups of rows; for ratios, the smallest and largest. */
export function addSums(sums: EpochSums, other: EpochSums): void {
  for (const [name, value] of Object.entries(other)) {
    if (name === 'ratioMin') sums.ratioMin = Math.min(sums.ratioMin ?? Infinity, value);
    else if (name === 'ratioMax') sums.ratioMax = Math.max(sums.ratioMax ?? 0, value);
    else add(sums, name, value);
  }
}
