/** The speed-up of a LoRA update on a 7B model by several GPUs, depending on the store between them. */
import { STEPS_PER_STORED_STATE } from '../../configs/shared-update.ts';
import { plannedCheckpoint } from '../../core/policy/checkpoint/planned-checkpoint.ts';
import { trainedParameters } from '../../core/policy/trained-parameters.ts';
import type { TrainScope } from '../../core/policy/vlm-config.ts';
import { SHAPES } from '../engine/random-llava.ts';
import { type Rates, simulate, type Store } from './simulate.ts';

const VALUE_HEAD = [1024, 512];

/** Trained elements of LoRA adapters of this rank on LLaVA 1.5 7B, with the value head. */
export function trainedElements(rank: number): number {
  const scope: TrainScope = { kind: 'lora', rank, alpha: 2 * rank, dropout: 0, parts: ['language_model'] };
  return trainedParameters(plannedCheckpoint(SHAPES['7b'], 'BF16'), scope, VALUE_HEAD).reduce(
    (sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1),
    0,
  );
}

/**
 * `stepSeconds`: of the gradients of a whole optimizer step on one GPU. `elementSeconds`: of adding a gradient and of
 * clipping and Adam, an element.
 */
export type LargeModel = {
  rank: number;
  exchange: 'float32' | 'float16';
  stepSeconds: number;
  elementSeconds: { add: number; adam: number };
  store: Store;
};

/** Seconds of an optimizer step for each number of GPUs, with as many groups as GPUs, and the speed-up over one. */
export function largeModelSteps(
  { rank, exchange, stepSeconds, elementSeconds, store }: LargeModel,
  gpus: readonly number[],
): { gpus: number; step: number; exchange: number; speedUp: number }[] {
  const elements = trainedElements(rank);
  const rates: Rates = {
    wave: 0,
    judge: 0,
    besides: 0,
    gradients: stepSeconds,
    add: elements * elementSeconds.add,
    adam: elements * elementSeconds.adam,
    dispatch: 0.02,
    vectorBytes: 4 * elements,
    gradientBytes: (exchange === 'float16' ? 2 : 4) * elements,
    store,
  };
  // One GPU alone computes a whole epoch in one activity: nothing is exchanged.
  const alone = rates.gradients + rates.adam;
  return gpus.map((workers) => {
    const shape = { workers, waves: 0, groups: workers, steps: STEPS_PER_STORED_STATE };
    const { step, exchange: moving } = simulate(rates, shape);
    return { gpus: workers, step, exchange: moving / STEPS_PER_STORED_STATE, speedUp: alone / step };
  });
}
