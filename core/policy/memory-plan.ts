/** The memory that sampling and updating take, computed from the graphs before anything is loaded or run. */
import { elements } from '../graph/tensor.ts';
import { largestTensor, type LargestTensor, type RunMemory, runMemory } from '../graph/memory.ts';
import type { Provider } from '../graph/program.ts';
import type { PictureShape } from './families/model-family.ts';
import { MOST_REORDERED } from './lanes/kept-sessions.ts';
import { reorderedBytes } from './lanes/lane.ts';
import type { GraphModel } from './vlm/parameters.ts';
import { samplingProgram } from './vlm/sampling-graph.ts';
import { type ShardShape, trainingProgram } from './vlm/training-graph.ts';

/** Bytes. */
export type MemoryPlan = {
  sampling: RunMemory & { prepacked: number };
  updating: RunMemory;
  /** Trained parameters, gradients and Adam's moments, in the process's own memory. */
  optimizer: number;
  /** The most that the process holds, weights mapped from files counted once. */
  host: number;
  /** The most that one GPU holds; 0 where graphs run on the CPU. */
  device: number;
  /** The largest single tensor of both. */
  largest: LargestTensor;
};

export type PlannedWork = {
  model: GraphModel;
  provider: Provider;
  lanes: number;
  /** `parallel.gradients`. */
  groups: number;
  rowsPerShard: number;
  rowsPerSample: number;
  promptTokens: number;
  picture: PictureShape;
  /** Tokens of the longest response. */
  responseTokens: number;
};

/** A Node process with onnxruntime, measured: without a model, and each thread of a lane. */
const PROCESS_BYTES = 120 * 2 ** 20;
const LANE_BYTES = 40 * 2 ** 20;
/**
 * What the process's heaps hold beyond memory in use, measured: up to a fifth. Applied to everything, mapped weights
 * too, so that a plan overestimates rather than underestimates.
 */
const HEAP_SLACK = 1.15;
/**
 * On a GPU. With CUDA: context, cuBLAS and its workspace; with WebGPU: compiled kernels, and buffers in transfer. What
 * allocators hold beyond memory in use: CUDA's arena grows by powers of two, WebGPU's buffers come in steps.
 */
const CONTEXT_BYTES = { cuda: 1.5 * 2 ** 30, webgpu: 0.25 * 2 ** 30 };
const ARENA_SLACK = 1.3;

/** For the largest shape that the work can have. Builds both graphs, which takes a second for a 7B model. */
export function memoryPlan({
  model,
  provider,
  lanes,
  groups,
  rowsPerShard,
  rowsPerSample,
  promptTokens,
  picture,
  responseTokens,
}: PlannedWork): MemoryPlan {
  const shard: ShardShape = { rows: rowsPerShard, promptTokens, responseTokens, padded: true, picture };
  const trainingGraph = trainingProgram(model, shard);
  const updating = runMemory(trainingGraph);
  const samplingGraph = samplingProgram(model, {
    rows: rowsPerSample,
    rowsPerPrompt: 1,
    promptTokens,
    padded: true,
    picture,
    maxNewTokens: responseTokens,
    greedy: false,
    penalized: true,
  });
  // onnxruntime keeps a second, reordered copy of float32 matrices for products with few rows.
  const prepacked = provider !== 'cpu' ? 0 : reorderedBytes(samplingGraph);
  const sampling = { ...runMemory(samplingGraph, responseTokens), prepacked };
  const trained = model.trained.reduce((sum, { shape }) => sum + 4 * elements(shape), 0);
  // In a step that is spread, one worker may hold the gradients of all groups; at least a sum and two of others.
  const gradients = groups === 1 ? 1 : Math.max(groups, 3);
  // Parameters, two moments, gradients, and garbage not yet collected; for each lane: parameters, new ones in transfer,
  // and its gradient.
  const optimizer = (4 + gradients + 4 * lanes) * trained;
  const base = PROCESS_BYTES + lanes * LANE_BYTES + optimizer;
  const fed = Math.max(sampling.inputs, updating.inputs) - trained;
  const largest = [trainingGraph, samplingGraph]
    .map((graph) => largestTensor(graph, responseTokens))
    .reduce((one, other) => (other.bytes > one.bytes ? other : one));
  if (provider !== 'cpu') {
    const session = ({ stored, inputs, outputs, activations }: RunMemory) =>
      stored + ARENA_SLACK * (inputs + outputs + activations);
    return {
      sampling,
      updating,
      optimizer,
      largest,
      host: base + lanes * fed,
      device: lanes * (session(sampling) + session(updating)) + CONTEXT_BYTES[provider],
    };
  }
  const running = Math.max(sampling.activations + sampling.outputs, updating.activations);
  return {
    sampling,
    updating,
    optimizer,
    largest,
    host: HEAP_SLACK * (base + updating.stored + lanes * (kept(prepacked, rowsPerSample) + fed + running)),
    device: 0,
  };
}

/**
 * Bytes of reordered weights that a lane keeps: a copy for each shape of a shrinking wave, up to what lanes keep.
 */
function kept(prepacked: number, rowsPerSample: number): number {
  const shapes = 1 + Math.ceil(Math.log2(rowsPerSample));
  return prepacked === 0 ? 0 : prepacked * Math.min(shapes, Math.max(1, Math.floor(MOST_REORDERED / prepacked)));
}
