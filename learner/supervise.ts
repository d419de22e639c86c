/** Supervised optimizer steps on demonstrations: mean cross-entropy over response tokens, AdamW. */
import type { SftConfig } from '../configs/schema.ts';
import type { Game, JsonState } from '../envs/env.ts';
import type { Agent } from '../policy/agent.ts';
import type { TrainingRow } from '../policy/policy-engine.ts';
import { RandomStream } from '../random/counter.ts';
import { type AdamState, adamStep, clipByGlobalNorm } from './adam.ts';
import { cosineLearningRate } from './schedule.ts';
import { NotFiniteError } from './update-epoch.ts';

export type SupervisedInput<O> = {
  agent: Agent;
  game: Game<O>;
  options: O;
  config: SftConfig;
  demonstrations: readonly { state: JsonState; text: string }[];
  /** Optimizer steps of the whole training, for the schedule. */
  steps: number;
};

export type SupervisedState = {
  parameters: Float32Array;
  adam: AdamState;
  /** Next optimizer step. */
  step: number;
  losses: number[];
};

/** Makes the optimizer steps `state.step` to `until`, changing `state` in place; each demonstration is used once, in a seeded order. */
export async function superviseSteps<O>(input: SupervisedInput<O>, state: SupervisedState, until: number, onStep: (state: SupervisedState) => Promise<void> = async () => {}): Promise<void> {
  const { agent, config, demonstrations, steps } = input;
  const { lr, lrEnd } = config.optimizer;
  const order = new RandomStream({ seed: config.seed, purpose: 'demonstration order' }).shuffled(demonstrations.map((_, index) => index));
  await agent.setPolicy(state.parameters, null);
  while (state.step < until) {
    const chosen = order.slice(state.step * config.batch, (state.step + 1) * config.batch).map((index) => demonstrations[index]);
    const request = trainingRows(input, chosen, new RandomStream({ seed: config.seed, purpose: 'lora dropout', step: state.step }));
    const { gradient, rows } = await agent.engine.gradients({ ...request, temperature: 1, clip: 1, valueCoef: 0 });
    if (!Number.isFinite(clipByGlobalNorm(gradient, config.maxGradNorm))) throw new NotFiniteError(`The gradient of optimizer step ${state.step} is not finite; lower optimizer.lr`);
    adamStep(state.parameters, gradient, state.adam, cosineLearningRate(state.step, steps, lr, lrEnd), config.optimizer);
    await agent.setPolicy(state.parameters, null);
    state.losses.push(rows.reduce((sum, { sftLoss }) => sum + sftLoss, 0));
    state.step++;
    await onStep(state);
  }
}

function trainingRows<O>({ agent, game, options }: SupervisedInput<O>, chosen: readonly { state: JsonState; text: string }[], dropout: RandomStream) {
  const environments = chosen.map(({ state }) => game.fromState(state, options));
  const responses = chosen.map(({ text }) => [...agent.tokenizer.encode(text), agent.tokenizer.endId]);
  const tokens = responses.reduce((sum, ids) => sum + ids.length, 0);
  const rows = environments.map(
    (environment, image): TrainingRow => ({
      image,
      promptIds: agent.promptIds(environment.promptValues()),
      responseIds: responses[image],
      dropoutSeed: dropout.odd64(),
      sftWeights: new Float32Array(responses[image].length).fill(1 / tokens),
    }),
  );
  return { rows, pixels: agent.pixels(environments.map((environment) => environment.observe(agent.imageSize))) };
}
