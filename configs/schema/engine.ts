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
        'Where there are several GPUs: the number of one or a part of its name, as `gtr doctor` lists them. A worker ' +
          'of `gtr up --workers gpu:1` has its own. null: the first.',
      ),
    lanes: positive
      .max(256)
      .default(2)
      .describe(
        'Sessions at work at the same time: threads of the worker, on a GPU processes; does not change the bytes ' +
          'of any result.',
      ),
    threads: positive
      .max(256)
      .default(1)
      .describe(
        'Threads of one operator in a lane; part of the arithmetic. From about 100 million parameters on, one lane of ' +
          'several threads computes as fast as several lanes, in the memory of one.',
      ),
    rowsPerShard: positive.default(16).describe('Rows of one gradient shard; part of the arithmetic.'),
    rowsPerSample: positive.default(16).describe('Rows sampled together by one lane; part of the arithmetic.'),
    sessions: positive
      .default(24)
      .describe('Shapes that a lane keeps ready; on a GPU each holds its own copy of the weights: 2 for a 7B model.'),
    lengthStep: positive
      .nullable()
      .default(null)
      .describe(
        'Lengths of responses, and of prompts where they differ, are rounded up to a multiple of it; null: to 1/32 ' +
          'to 1/16 of them. Where `sessions` is small, large enough for few shapes.',
      ),
    precision: z
      .enum(['float32', 'float16', 'bfloat16'])
      .default('float32')
      .describe(
        'What embeddings, matrix products and residuals are computed in; norms, softmax, losses, trained parameters ' +
          'and their gradients stay float32. bfloat16 needs `provider: cuda`, float16 on webgpu a GPU with 16-bit kernels; a CPU computes float16 by ' +
          'converting.',
      ),
    memoryGiB: z
      .number()
      .positive()
      .nullable()
      .default(null)
      .describe(
        'Memory that the run may take, on the GPU where `provider` names one; a run that does not fit is refused ' +
          'before it starts. null: what the machine has.',
      ),
    gradientCheckpointing: z
      .boolean()
      .default(false)
      .describe(
        "Whether updates compute each layer's activations again in the backward pass instead of keeping them: far " +
          'less memory, about a third more time.',
      ),
  })
  .refine(({ provider, precision }) => provider === 'cuda' || provider === 'auto' || precision !== 'bfloat16', {
    path: ['precision'],
    message: 'bfloat16 needs engine.provider cuda; onnxruntime has no such kernels elsewhere: use float32 or float16',
  })
  .describe('How graphs are run.');

export const parallel = z
  .strictObject({
    waves: positive.default(1).describe('Waves sampled at once, on as many GPU workers as poll.'),
    gradients: positive
      .default(1)
      .describe(
        'Groups of gradient shards that make an optimizer step; each is an activity that any GPU worker takes. Part of ' +
          'the arithmetic: any number of workers gives the same bytes. 1: a whole epoch is one activity.',
      ),
  })
  .describe('How a run is spread over GPU workers (docs/scaling.md).');
