/** How graphs run, and how a run is spread over workers. */
import { z } from 'zod';
import { positive } from './values.ts';

export const engine = z
  .strictObject({
    provider: z
      .enum(['auto', 'cpu', 'cuda', 'webgpu'])
      .default('cpu')
      .describe(
        'onnxruntime execution provider. webgpu: any GPU with a Vulkan driver (Linux), Metal or Direct3D. auto: the ' +
          'first of cuda, webgpu and cpu that the worker can use (docs/gpu.md).',
      ),
    device: z
      .union([z.int().min(0), z.string().min(1)])
      .nullable()
      .default(null)
      .describe(
        'Which of several GPUs: its number or a part of its name, as `gtr doctor` lists them; null: the first. ' +
          'Workers that `gtr up --workers gpu:1` starts have their own.',
      ),
    lanes: positive
      .max(256)
      .default(2)
      .describe(
        'Sessions that compute at the same time: threads of the worker, or processes on a GPU. Does not change ' +
          'the bytes of any result.',
      ),
    threads: positive
      .max(256)
      .default(1)
      .describe(
        'Threads per operator in a lane; part of the arithmetic. From about 100 million parameters on, one lane ' +
          'with several threads is as fast as several lanes and takes the memory of one.',
      ),
    rowsPerShard: positive.default(16).describe('Rows of one gradient shard; part of the arithmetic.'),
    rowsPerSample: positive.default(16).describe('Rows sampled together by one lane; part of the arithmetic.'),
    sessions: positive
      .default(24)
      .describe(
        'Input shapes for which a lane keeps a session. On a GPU each session holds a copy of the weights: use 2 ' +
          'for a 7B model.',
      ),
    lengthStep: positive
      .max(4096)
      .nullable()
      .default(null)
      .describe(
        'Lengths of responses, and of prompts that differ in length, are rounded up to a multiple of this; ' +
          'null: to 1/32 to 1/16 of the length. Choose it large if `sessions` is small, so that few shapes ' +
          'occur.',
      ),
    precision: z
      .enum(['float32', 'float16', 'bfloat16'])
      .default('float32')
      .describe(
        'Type of embeddings, matrix products and residuals; norms, softmax, losses, trained parameters and ' +
          'their gradients stay float32. bfloat16 needs `provider: cuda`; float16 on webgpu needs a GPU with ' +
          '16-bit kernels; a CPU computes float16 by converting.',
      ),
    memoryGiB: z
      .number()
      .positive()
      .nullable()
      .default(null)
      .describe(
        'Memory that the run may take (of the GPU, with a GPU provider). A run that needs more is refused ' +
          'before it starts. null: all that the machine has.',
      ),
    gradientCheckpointing: z
      .boolean()
      .default(false)
      .describe(
        "Recompute each layer's activations in the backward pass instead of keeping them: far less memory, " +
          'about a third more time.',
      ),
  })
  .describe('How graphs are run.');

export const parallel = z
  .strictObject({
    waves: positive
      .max(256)
      .default(1)
      .describe('Waves sampled at the same time, on as many GPU workers as there are.'),
    gradients: positive
      .default(1)
      .describe(
        'Groups of gradient shards per optimizer step. Each group is an activity for any GPU worker. Part of ' +
          'the arithmetic: the bytes do not depend on the number of workers. 1: a whole epoch is one activity.',
      ),
    exchange: z
      .enum(['float32', 'float16'])
      .default('float32')
      .describe(
        'Format in which gradients are exchanged. float16: half the bytes; every group is rounded, by a rule that ' +
          'does not depend on workers (docs/scaling.md). Part of the arithmetic.',
      ),
  })
  .describe('How a run is spread over GPU workers (docs/scaling.md).');
