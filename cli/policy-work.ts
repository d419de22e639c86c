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
import { checkLength, gibibytes, modelFit } from '../core/policy/model-fit.ts';
import { elements } from '../core/graph/tensor.ts';
import { trainedParameters } from '../core/policy/trained-parameters.ts';
import { megabytes } from '../core/artifacts/megabytes.ts';

/** Of one GPU worker: tokens a second of sampling, all rows together; samples a second of updates. Null: unknown. */
export type Rates = { sampling: number | null; updating: number | null };

/** `both`: sampling and updating; at the same time with `rollout.ahead`, where there are several workers. */
export type Hours = Rates & { both: number | null };

export type PolicyWork = {
  /** The maximum: answers as long as allowed, including evaluations. */
  sampledTokens: number;
  /** Samples of all epochs, each with its corrected thought. */
  updateSamples: number;
  /** GPU workers of the run; those that can sample at once, and those that can compute a step's gradients. */
  workers: { there: number; sampling: number; updating: number };
  /** On those workers, what they exchange not counted. */
  hours: Hours;
  /** Bytes of gradients that an optimizer step writes, and that all workers read; null: not spread, or unknown. */
  exchange: { written: number; read: number } | null;
  /** Tokens of the longest prompt, and how pictures are cut; or why neither is known. */
  prompt: { tokens: number; pictures: string } | string;
  /** Bytes that a worker holds, and of them those of one GPU; null where the prompt is not known. */
  memory: { host: number; device: number } | null;
};

/** Plays two episodes to measure prompts; does not read weights. `there`: GPU workers. */
export async function policyWork(config: RunConfig, rates: Rates, there = 1): Promise<PolicyWork> {
  const { evaluation, rollout, ppo, parallel } = config;
  const iterations = Math.ceil(config.envSteps / rollout.envStepsPerIteration);
  const steps = iterations * rollout.envStepsPerIteration;
  const between = evaluation.everyIterations === 0 ? 0 : Math.floor((iterations - 1) / evaluation.everyIterations);
  const evaluations = (2 + between) * (evaluation.decoding === 'both' ? 2 : 1) * (hasHeldOut(config) ? 2 : 1);
  const evaluated = evaluations * evaluation.episodes * mostEpisodeSteps(config);
  const sampledTokens = (steps + evaluated) * rollout.maxNewTokens;
  const updateSamples = steps * ppo.epochs;
  const workers = {
    there,
    sampling: Math.min(there, parallel.waves),
    // Of 3 groups on 2 workers one computes two.
    updating: parallel.gradients / Math.ceil(parallel.gradients / there),
  };
  const hours = (amount: number, rate: number | null, by: number) => (rate === null ? null : amount / rate / by / 3600);
  const sampling = hours(sampledTokens, rates.sampling, workers.sampling);
  const updating = hours(updateSamples, rates.updating, workers.updating);
  // At the same time as long as the longer, or as these workers need for both.
  const both =
    sampling === null || updating === null
      ? null
      : rollout.ahead === 0
        ? sampling + updating
        : Math.max(sampling, updating, (sampling * workers.sampling + updating * workers.updating) / there);
  const prompt = await promptOf(config);
  return {
    sampledTokens,
    updateSamples,
    workers,
    hours: { sampling, updating, both },
    exchange: typeof prompt === 'string' ? null : exchangeOf(config, there),
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
  const planned = plannedFolder(modelFolder(model.base));
  checkLength(planned, config, prompt);
  const { host, device: onDevice } = modelFit(planned, config, prompt, device).plan;
  return { host, device: onDevice };
}

/** Each group is written once, and read by the workers that did not compute it. */
function exchangeOf({ model, parallel }: RunConfig, workers: number): PolicyWork['exchange'] {
  const { gradients, exchange } = parallel;
  if (gradients === 1) return null;
  const trained = trainedParameters(plannedFolder(modelFolder(model.base)), model.train, model.valueHead);
  const size = trained.reduce((sum, { shape }) => sum + elements(shape), 0);
  const written = gradients * (exchange === 'float16' ? 2 : 4) * size;
  return { written, read: written * (Math.min(workers, gradients) - 1) };
}

/** Lines for people. */
export function policyWorkText(
  { sampledTokens, updateSamples, workers, hours, exchange, prompt, memory }: PolicyWork,
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
    ...spreadLines(),
    ...(memory === null ? [] : [`Memory: ${memoryText(memory)} (docs/benchmarks.md says how near plans come).`]),
    '',
  ].join('\n');

  function spreadLines(): string[] {
    const { parallel, rollout } = config;
    const isAhead = rollout.ahead === 1;
    if (workers.there === 1 && exchange === null && !isAhead) return [];
    const atOnce = isAhead && workers.there > 1 ? ', the next iteration sampled while one updates' : '';
    return [
      `GPU workers: ${workers.there}; parallel.waves=${parallel.waves} lets ${workers.sampling} sample at once, ` +
        `parallel.gradients=${parallel.gradients} makes an update up to ${workers.updating.toFixed(1)} times as fast` +
        `${hours.both === null ? '' : `; both ${hours.both.toFixed(1)} h${atOnce}`}.`,
      ...(exchange === null
        ? []
        : [
            `Exchange: an optimizer step writes ${megabytes(exchange.written)} of gradients, and workers read ` +
              `${megabytes(exchange.read)}; not in the hours (docs/scaling.md).`,
          ]),
    ];
  }
}

function memoryText({ host, device }: { host: number; device: number }): string {
  const own = `about ${gibibytes(host)} of the machine's`;
  return device === 0 ? own : `about ${gibibytes(device)} of one GPU's, ${own}`;
}
