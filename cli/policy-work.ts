/** What a run asks of its policy, and the hours of it at stated rates: for `gtr estimate`. */
import type { RunConfig } from '../configs/schema.ts';
import { modelFolder } from '../configs/project-folder.ts';
import { gameOf } from '../core/envs/with-history.ts';
import { openWording } from '../core/policy/agent-parts.ts';
import { CheckpointError } from '../core/policy/checkpoint/errors.ts';
import { describePictures, longestPrompt } from '../core/policy/longest-prompt.ts';

/** Tokens a second of sampling, all rows together; samples a second of updates. Null: not known. */
export type Rates = { sampling: number | null; updating: number | null };

export type PolicyWork = {
  /** At most: answers as long as allowed, evaluated episodes too. */
  sampledTokens: number;
  /** Samples of all epochs; a corrected thought beside each counts with it. */
  updateSamples: number;
  hours: Rates;
  /** Tokens of the longest prompt, and what pictures become; or why neither is known. */
  prompt: { tokens: number; pictures: string } | string;
};

/** Plays two episodes for the prompts; weights are not read. */
export async function policyWork(config: RunConfig, rates: Rates): Promise<PolicyWork> {
  const { evaluation, rollout, ppo, environment } = config;
  const iterations = Math.ceil(config.envSteps / rollout.envStepsPerIteration);
  const steps = iterations * rollout.envStepsPerIteration;
  const between = evaluation.everyIterations === 0 ? 0 : Math.floor((iterations - 1) / evaluation.everyIterations);
  const evaluations = (2 + between) * (evaluation.decoding === 'both' ? 2 : 1) * (evaluation.heldOut === null ? 1 : 2);
  const evaluated = evaluations * evaluation.episodes * environment.maxEpisodeSteps;
  const sampledTokens = (steps + evaluated) * rollout.maxNewTokens;
  const updateSamples = steps * ppo.epochs;
  const hours = (amount: number, rate: number | null) => (rate === null ? null : amount / rate / 3600);
  return {
    sampledTokens,
    updateSamples,
    hours: { sampling: hours(sampledTokens, rates.sampling), updating: hours(updateSamples, rates.updating) },
    prompt: await promptOf(config),
  };
}

async function promptOf(config: RunConfig): Promise<PolicyWork['prompt']> {
  const { model, environment, seed } = config;
  try {
    const wording = openWording(config, modelFolder);
    const game = gameOf(config);
    const options = game.parseOptions(environment.options);
    const { maxEpisodeSteps } = environment;
    const { tokens, pictures } = await longestPrompt(wording, model.imageSize, game, options, maxEpisodeSteps, seed);
    return { tokens, pictures: describePictures(wording.config, pictures) };
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    return `not known (${error.message})`;
  }
}

/** Lines for people. */
export function policyWorkText({ sampledTokens, updateSamples, hours, prompt }: PolicyWork, config: RunConfig): string {
  const count = (value: number) => value.toLocaleString('en-US');
  const time = (value: number | null, option: string) =>
    value === null ? `hours: ${option}` : `${value.toFixed(1)} h`;
  return [
    `Prompt: ${typeof prompt === 'string' ? prompt : `${prompt.pictures}; up to ${prompt.tokens} tokens in all`}.`,
    `Sampling: up to ${count(sampledTokens)} tokens, answers of ${config.rollout.maxNewTokens} and evaluations ` +
      `included (${time(hours.sampling, '--sampling-rate')}).`,
    `Updating: ${count(updateSamples)} samples (${time(hours.updating, '--updating-rate')}).`,
    '',
  ].join('\n');
}
