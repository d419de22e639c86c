/** How the policy is updated: PPO, groups, the supervised loss, Adam. */
import { z } from 'zod';
import { positive, probability } from './values.ts';

export const ppo = z
  .strictObject({
    gamma: probability.default(0.9).describe('Discount.'),
    lambda: probability.default(0.95).describe('GAE lambda.'),
    clip: z.number().positive().default(0.1).describe('PPO clip of ratio and value.'),
    valueCoef: z.number().min(0).default(0.5).describe('Weight of the value loss.'),
    thoughtCoef: z
      .number()
      .min(0)
      .default(0.5)
      .describe('Weight of thought tokens in the log-probability of a response.'),
    epochs: positive.max(1000).default(4).describe('Passes over the kept steps.'),
    samplesPerStep: positive
      .default(128)
      .describe('Samples whose gradients are accumulated for one optimizer step (minibatch 1 x 128 in the paper).'),
    maxGradNorm: z
      .number()
      .positive()
      .default(0.01)
      .describe('Largest global norm of the gradient; longer ones are clipped.'),
  })
  .describe('The PPO part of the update.');

export const grpo = z
  .strictObject({
    topP: z
      .number()
      .gt(0)
      .max(1)
      .default(1)
      .describe(
        'Keep only the groups with the largest variance of returns that together make up this share of all ' +
          'variance; 1: all groups whose returns differ.',
      ),
    clipHigh: z
      .number()
      .positive()
      .nullable()
      .default(null)
      .describe('Upper clip of the ratio. Above `ppo.clip`, rare tokens can become likely faster. null: `ppo.clip`.'),
  })
  .describe('Algorithms that compare groups of episodes.');

export const sft = z
  .strictObject({
    coef: z.number().min(0).default(1).describe('Weight of the SFT loss beside PPO.'),
    annealIterations: z
      .int()
      .min(0)
      .default(0)
      .describe('Iterations over which the SFT weight falls linearly to 0; 0: it stays constant.'),
    rowsPerSample: positive.max(1000).default(1).describe('Rows drawn for each PPO sample.'),
    confirmed: z
      .boolean()
      .default(false)
      .describe(
        'Also train on thoughts that the corrector found right, as the agent wrote them. The paper trains on ' +
          'corrected ones only.',
      ),
    dagger: z
      .boolean()
      .default(true)
      .describe('true: draw from the rows of all iterations so far; false: from those of this iteration only.'),
    actionCloning: z
      .boolean()
      .default(false)
      .describe("Also train the action tokens of correction rows, with the corrector's action."),
  })
  .describe('The supervised part of the update (thought cloning).');

export const optimizer = z
  .strictObject({
    lr: z.number().positive().default(1e-5).describe('Learning rate at the first update.'),
    lrEnd: z.number().min(0).default(1e-9).describe('Learning rate at the end of the cosine.'),
    scheduleIterations: z.int().min(0).default(25).describe('Iterations of the cosine; 0: the length of the run.'),
    beta1: probability.default(0.9).describe('Adam beta 1.'),
    beta2: probability.default(0.999).describe('Adam beta 2.'),
    eps: z.number().positive().default(1e-7).describe('Adam epsilon.'),
  })
  .describe('Adam and its schedule.');
