/** Supervised optimizer steps on demonstrations: mean cross-entropy over response tokens, AdamW. */
import type { SftConfig } from '../../configs/schema.ts';
import type { Game, JsonState } from '../envs/env.ts';
import type { Agent } from '../policy/agent.ts';
import { observationIn } from '../policy/observation.ts';
import { NotFiniteError } from '../policy/not-finite-error.ts';
import type { TrainingRow } from '../policy/policy-engine.ts';
import { readPicture } from '../pictures/read-picture.ts';
import { RandomStream } from '../random/counter.ts';
import { type AdamState, adamStep, clipByGlobalNorm } from './adam.ts';
import { cosineLearningRate } from './schedule.ts';

/** An answer in a state of the game, or about a picture file and its question. */
export type TaughtAnswer = { text: string } & ({ state: JsonState } | { image: string; prompt: string });

export type SupervisedInput<O> = {
  agent: Agent;
  game: Game<O>;
  options: O;
  config: SftConfig;
  /** Demonstrations `from` to before `until`, in the order of training. */
  demonstrations(from: number, until: number): Promise<readonly TaughtAnswer[]>;
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

/**
 * Makes the optimizer steps `state.step` to `until`, changing `state` in place. `onStep` gets the number of tokens
 * trained on. `whileComputing` is called after each step but the last, while lanes compute the next step's gradients;
 * `state` does not change until it settles.
 */
export async function superviseSteps<O>(
  input: SupervisedInput<O>,
  state: SupervisedState,
  until: number,
  onStep: (state: SupervisedState, tokens: number) => Promise<void> = async () => {},
  whileComputing: (state: SupervisedState) => Promise<void> = async () => {},
): Promise<void> {
  const { agent, config, demonstrations, steps } = input;
  const { lr, lrEnd } = config.optimizer;
  await agent.setPolicy(state.parameters, null);
  for (let first = true; state.step < until; first = false) {
    const chosen = await demonstrations(
      state.step * config.batch,
      Math.min((state.step + 1) * config.batch, config.demonstrations.count),
    );
    const request = await trainingRows(
      input,
      chosen,
      new RandomStream({ seed: config.seed, purpose: 'lora dropout', step: state.step }),
    );
    const computing = agent.engine.gradients({ ...request, temperature: 1, clip: 1, valueCoef: 0 });
    const [{ gradient, rows }] = await Promise.all([computing, first ? null : whileComputing(state)]);
    const gradNorm = await agent.engine.timed(() => clipByGlobalNorm(gradient, config.maxGradNorm));
    if (!Number.isFinite(gradNorm))
      throw new NotFiniteError(`The gradient of optimizer step ${state.step} is not finite; lower optimizer.lr`);
    await agent.engine.timed(() =>
      adamStep(
        state.parameters,
        gradient,
        state.adam,
        cosineLearningRate(state.step, steps, lr, lrEnd),
        config.optimizer,
      ),
    );
    agent.engine.recycle(gradient);
    await agent.setPolicy(state.parameters, null);
    state.losses.push(rows.reduce((sum, { sftLoss }) => sum + sftLoss, 0));
    state.step++;
    await onStep(
      state,
      request.rows.reduce((sum, { responseIds }) => sum + responseIds.length, 0),
    );
  }
}

async function trainingRows<O>(
  { agent, game, options }: SupervisedInput<O>,
  chosen: readonly TaughtAnswer[],
  dropout: RandomStream,
) {
  const responses = chosen.map(({ text }) => [...agent.tokenizer.encode(text), agent.tokenizer.endId]);
  const tokens = responses.reduce((sum, ids) => sum + ids.length, 0);
  const questions = await Promise.all(
    chosen.map(async (answer) => {
      if (!('state' in answer)) {
        const picture = agent.picture(await readPicture(answer.image));
        return { promptIds: agent.questionIds(answer.prompt, picture), picture };
      }
      const environment = game.fromState(answer.state, options);
      return agent.prompt(observationIn(environment, agent.imageSize));
    }),
  );
  const rows = questions.map(({ promptIds }, image): TrainingRow => ({
    image,
    promptIds,
    responseIds: responses[image],
    dropoutSeed: dropout.odd64(),
    sftWeights: new Float32Array(responses[image].length).fill(1 / tokens),
  }));
  return { rows, pictures: questions.map(({ picture }) => picture) };
}
