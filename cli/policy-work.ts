/** The work of a run's policy, and its hours at given rates, for `gtr estimate`. */
import { hasHeldOut } from '../configs/evaluation-plays.ts';
import { mostEpisodeSteps } from '../configs/mixture.ts';
import type { RunConfig } from '../configs/schema.ts';
import { modelFolder } from '../configs/project-folder.ts';
import { chooseDevice } from '../core/graph/provider.ts';
import { CPU } from '../core/graph/compute-device.ts';
import { openWordings } from '../core/policy/agent-parts.ts';
import { CheckpointError } from '../core/policy/checkpoint/errors.ts';
import { plannedFolder } from '../core/policy/checkpoint/planned-checkpoint.ts';
import { describePictures, type LongestPrompt, longestPrompt } from '../core/policy/longest-prompt.ts';
import { gibibytes, modelFit } from '../core/policy/model-fit.ts';

/** Tokens a second of sampling, all rows together; samples a second of updates. Null: unknown. */
export type Rates = { sampling: number | null; updating: number | null };

export type PolicyWork = {
  /** The maximum: answers as long as allowed, including evaluations. */
  sampledTokens: number;
  /** Samples of all epochs, each with its corrected thought. */
  updateSamples: number;
  hours: Rates;
  /** Tokens of the longest prompt, and how pictures are cut; or why neither is known. */
  prompt: { tokens: number; pictures: string } | string;
  /** Bytes that a worker holds, and of them those of one GPU; null where the prompt is not known. */
  memory: { host: number; device: number } | null;
};

/** Plays two episodes to measure prompts; does not read weights. */
export async function policyWork(config: RunConfig, rates: Rates): Promise<PolicyWork> {
  const { evaluation, rollout, ppo } = config;
  const iterations = Math.ceil(config.envSteps / rollout.envStepsPerIteration);
  const steps = iterations * rollout.envStepsPerIteration;
  const between = evaluation.everyIterations === 0 ? 0 : Math.floor((iterations - 1) / evaluation.everyIterations);
  const evaluations = (2 + between) * (evaluation.decoding === 'both' ? 2 : 1) * (hasHeldOut(config) ? 2 : 1);
  const evaluated = evaluations * evaluation.episodes * mostEpisodeSteps(config);
  const sampledTokens = (steps + evaluated) * rollout.maxNewTokens;
  const updateSamples = steps * ppo.epochs;
  const hours = (amount: number, rate: number | null) => (rate === null ? null : amount / rate / 3600);
  const prompt = await promptOf(config);
  return {
    sampledTokens,
    updateSamples,
    hours: { sampling: hours(sampledTokens, rates.sampling), updating: hours(updateSamples, rates.updating) },
    prompt: typeof prompt === 'string' ? prompt : { tokens: prompt.tokens, pictures: prompt.pictures },
    memory: typeof prompt === 'string' ? null : await memoryOf(config, prompt),
  };
}

async function promptOf(config: RunConfig): Promise<(LongestPrompt & { pictures: string }) | string> {
  try {
    const wordings = openWordings(config, modelFolder);
    const longest = await longestPrompt(wordings, config);
    return { ...longest, pictures: describePictures(wordings[0].config, longest.pictures) };
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    return `not known (${error.message})`;
  }
}

/** Of a machine that need not be there: what `engine.provider` names, or what this one has where it is `auto`. */
async function memoryOf(config: RunConfig, prompt: LongestPrompt): Promise<{ host: number; device: number }> {
  const { engine, model } = config;
  const device = engine.provider === 'auto' ? await chooseDevice(engine) : { ...CPU, provider: engine.provider };
  const { host, device: onDevice } = modelFit(plannedFolder(modelFolder(model.base)), config, prompt, device).plan;
  return { host, device: onDevice };
}

/** Lines for people. */
export function policyWorkText(
  { sampledTokens, updateSamples, hours, prompt, memory }: PolicyWork,
  config: RunConfig,
): string {
  const count = (value: number) => value.toLocaleString('en-US');
  const time = (value: number | null, option: string) =>
    value === null ? `hours: ${option}` : `${value.toFixed(1)} h`;
  return [
    `Prompt: ${typeof prompt === 'string' ? prompt : `${prompt.pictures}; up to ${prompt.tokens} tokens in all`}.`,
    `Sampling: up to ${count(sampledTokens)} tokens, answers of ${config.rollout.maxNewTokens} and evaluations ` +
      `included (${time(hours.sampling, '--sampling-rate')}).`,
    `Updating: ${count(updateSamples)} samples (${time(hours.updating, '--updating-rate')}).`,
    ...(memory === null ? [] : [`Memory: ${memoryText(memory)} (docs/benchmarks.md says how near plans come).`]),
    '',
  ].join('\n');
}

function memoryText({ host, device }: { host: number; device: number }): string {
  const own = `about ${gibibytes(host)} of the machine's`;
  return device === 0 ? own : `about ${gibibytes(device)} of one GPU's, ${own}`;
}
