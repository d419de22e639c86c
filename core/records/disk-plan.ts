/**
 * The disk space of a run: bytes known before it starts, from its configuration and the number of elements that it
 * trains. docs/durability.md says what is kept, and for how long.
 */
import { algorithmOf } from '../../configs/algorithms.ts';
import type { RunConfig, SftConfig } from '../../configs/schema.ts';
import { STEPS_PER_STORED_STATE } from '../../configs/shared-update.ts';
import { mergedNext } from './retention.ts';

/** Bytes. */
export type DiskPlan = {
  /** Contents of the store at its fullest. */
  parts: readonly { what: string; bytes: number }[];
  /** The sum of the parts. */
  most: number;
  /** Bytes that a finished run leaves. */
  left: number;
  /** Ways to reduce it, e.g. `lower checkpoints.keepLast`. */
  remedies: readonly string[];
};

/** Trained parameters are float32; Adam has two moments of each. */
const ELEMENT_BYTES = 4;
/** Resume points at the same time: two that the server has, and one that is being stored. */
const POINTS = 3;

/**
 * Measured on the built-in models (docs/durability.md): permanent bytes of a kept step besides its response, and of
 * each response token; of a record with its samples, line of metrics and TensorBoard pictures.
 */
const STEP_BYTES = 300;
const TOKEN_BYTES = 6;
const ITERATION_BYTES = 2 ** 16;
const DEMONSTRATION_BYTES = 100;

/** Numbers of elements: what the run trains, and its merged teacher, if any. */
export function runDiskPlan(config: RunConfig, { trained, teacher }: { trained: number; teacher: number }): DiskPlan {
  const { ppo, rollout, evaluation, parallel, checkpoints } = config;
  const policy = ELEMENT_BYTES * trained;
  const state = 3 * policy;
  const gradient = parallel.exchange === 'float16' ? policy / 2 : policy;
  const iterations = Math.ceil(config.envSteps / rollout.envStepsPerIteration);
  const steps = Math.ceil(rollout.envStepsPerIteration / ppo.samplesPerStep);

  // The store is fullest in the last update: earlier iterations are kept, the last one is running.
  const before = keptStates(config, iterations - 1);
  const after = keptStates(config, iterations);
  const kept = ({ whole, policies }: ReturnType<typeof keptStates>) => whole * state + policies * policy;
  const best = evaluation.everyIterations > 0 && evaluation.episodes > 0 ? policy : 0;
  // The first iteration begins with its own state; every other with that of the iteration before, which is kept.
  const finished = Math.max(state, kept(before));
  const underWay =
    parallel.gradients === 1
      ? ((ppo.epochs > 1 ? 1 : 0) + Math.min(POINTS, steps)) * state
      : // The stored state, the gradients of all groups since, and the next state beside the next step.
        2 * state + (Math.min(STEPS_PER_STORED_STATE, steps) + 1) * parallel.gradients * gradient;
  const merged = algorithmOf(config).merged === null ? 0 : ELEMENT_BYTES * teacher;
  const sampled = rollout.envStepsPerIteration * (STEP_BYTES + TOKEN_BYTES * rollout.maxNewTokens);
  const records = iterations * ITERATION_BYTES;
  return plan(
    [
      ['states of finished iterations', finished],
      ['policy of the best evaluation', best],
      [
        parallel.gradients === 1 ? 'resume points and states of an update' : 'states and gradients of an update',
        underWay,
      ],
      ['merged teachers', merged * (Math.min(before.whole, iterations) + 1)],
      // For the running iteration, also resume points and the batch.
      ['episodes, judgements and correction rows', (iterations + POINTS + 1) * sampled],
      ['records and metrics', records],
    ],
    kept(after) + best + merged * after.whole + iterations * sampled + records,
    [
      lessTrained(config.model),
      ...(merged > policy ? ['set turbo.merge.adapters to factors'] : []),
      ...(checkpoints.keepLast > 1 ? ['lower checkpoints.keepLast'] : []),
      ...(checkpoints.keepEvery > 0 ? ['raise checkpoints.keepEvery, or set it to 0'] : []),
      ...(parallel.gradients > 1 ? ['lower parallel.gradients'] : []),
      'lower envSteps',
    ],
  );
}

/** For an iteration: states to continue from, and policies that teachers will be merged from. */
function keptStates(config: RunConfig, iterations: number): { whole: number; policies: number } {
  const { keepLast, keepEvery } = config.checkpoints;
  const last = Math.min(keepLast, iterations);
  const every = keepEvery === 0 ? 0 : Math.floor((iterations - last) / keepEvery);
  const besides = (policies: number) => Math.max(0, policies - 1);
  return {
    whole: last + every,
    policies:
      besides(mergedNext(iterations - last + 1, config).length) +
      (algorithmOf(config).merged === null ? 0 : every * besides(config.turbo.merge.interval)),
  };
}

/** `trained`: number of elements that are trained; `checkpoint`: bytes of the checkpoint's weights. */
export function sftDiskPlan(config: SftConfig, trained: number, checkpoint: number): DiskPlan {
  const { demonstrations, batch, model } = config;
  const policy = ELEMENT_BYTES * trained;
  const state = 3 * policy;
  const steps = Math.ceil(demonstrations.count / batch);
  const written = (model.base === null ? 2 : 1) * checkpoint;
  const pages = demonstrations.count * DEMONSTRATION_BYTES;
  return plan(
    [
      ['resume points and states of an update', (1 + Math.min(POINTS, steps)) * state],
      ['checkpoints that are written', written],
      ['demonstrations', pages],
    ],
    policy + written + pages,
    [lessTrained(model), 'lower demonstrations.count'],
  );
}

function lessTrained({ train }: Pick<RunConfig['model'], 'train'>): string {
  return train.kind === 'lora' ? 'lower model.train.rank' : 'train LoRA adapters (model.train)';
}

function plan(parts: readonly (readonly [string, number])[], left: number, remedies: readonly string[]): DiskPlan {
  const there = parts.flatMap(([what, bytes]) => (bytes > 0 ? [{ what, bytes }] : []));
  return { parts: there, most: there.reduce((sum, { bytes }) => sum + bytes, 0), left, remedies };
}
