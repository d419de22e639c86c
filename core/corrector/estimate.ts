/**
 * Estimates what a run's paid teacher will take, before anything is started, from its configuration and the measured
 * sizes of its requests.
 */
import { algorithmOf } from '../../configs/algorithms.ts';
import { correctsAt, ownConfigs } from '../../configs/mixture.ts';
import type { RunConfig } from '../../configs/schema.ts';
import { skipsProvedThoughts } from '../../configs/teachers.ts';
import type { Environment } from '../envs/env.ts';
import { gameByName } from '../envs/registry.ts';
import type { Thought } from '../episodes/episode.ts';
import { loadPromptTemplate } from '../policy/prompt-template.ts';
import { RandomStream } from '../random/counter.ts';
import { findExpert } from './experts.ts';
import { OpenAITeacher, openaiTerms } from './openai-teacher.ts';
import { costUsd } from './prices.ts';

/** `low` and `high` bound what is possible; `likely` is not a promise. */
export type Range = { low: number; likely: number; high: number };

/** The provider's limits; null: unknown. */
export type Limits = { requestsPerMinute: number | null; tokensPerMinute: number | null };

export type Estimate = {
  /** Thoughts that the teacher is asked about. */
  calls: Range;
  requests: Range;
  tokensIn: Range;
  tokensCached: Range;
  tokensOut: Range;
  /** Null where the model's price is unknown. */
  costUsd: Range | null;
  /** Hours of judging: the longest of the times that each limit alone would impose. */
  hours: Range;
  /** Each in hours; null if there is no such limit. */
  bounds: { requestsPerMinute: Range | null; tokensPerMinute: Range | null; latency: Range };
  /** Hours of the same calls in sequence, as in the original. */
  serialHours: Range;
  assumptions: string[];
};

/** Sizes of one judgement, means over sampled states. */
type Sizes = {
  promptTokens: number;
  constantTokens: number;
  answerTokens: number;
  stepsPerEpisode: number;
  samples: number;
};

const SAMPLED_EPISODES = 32;
const CHARACTERS_PER_TOKEN = 4;
/** Tokens of an answer in addition to its correction: numbered answers, verdict, target formula. */
const ANSWER_TOKENS_BESIDE = 140;
/** Seconds a judgement takes: 12.6 s is what the paper's authors measured with GPT-4o. */
const SECONDS: Range = { low: 4, likely: 12.6, high: 25 };
/**
 * Share of thoughts that the solver cannot prove right: 0.15 over a run whose policy learns fast (docs/benchmarks.md),
 * up to all where it learns little.
 */
const UNPROVED: Range = { low: 0.15, likely: 0.5, high: 1 };
const WELL_FORMED: Range = { low: 0.8, likely: 1, high: 1 };
/** Providers cache prompts whose constant beginning has at least this many tokens. */
const CACHED_FROM_TOKENS = 1024;

const each = (make: (of: keyof Range) => number): Range => ({
  low: make('low'),
  likely: make('likely'),
  high: make('high'),
});

/** Throws `ConfigError` where the configuration cannot be run with a paid teacher. */
export function estimateRun(config: RunConfig, limits: Limits): Estimate {
  const { corrector, rollout, parallel } = config;
  const episodesAtOnce = rollout.episodesPerWave * parallel.waves;
  const { openai } = corrector;
  const { prices } = openaiTerms(config);
  const { perThought, corrected, ...sizes } = blend(config);
  const iterations = Math.ceil(config.envSteps / rollout.envStepsPerIteration);
  const envSteps = iterations * rollout.envStepsPerIteration;
  // If the teacher keeps episodes longer than the exact solver, there are more steps than needed: at most a whole wave.
  const surplus: Range = { low: 0, likely: 0, high: rollout.episodesPerWave * sizes.stepsPerEpisode };
  const skip = skipsProvedThoughts(config);
  const judged = algorithmOf(config).judges ? corrector.judgedShare * corrected : 0;

  const calls = each((of) =>
    Math.round((envSteps + iterations * surplus[of]) * judged * WELL_FORMED[of] * (skip ? UNPROVED[of] : 1)),
  );
  // At least, the tool is not used; at most, there is one more request per thought.
  const requests = each((of) => calls[of] * { low: 1, likely: perThought, high: perThought + 1 }[of]);
  const tokensIn = each((of) => Math.round((requests[of] / perThought) * sizes.promptTokens));
  const caches = sizes.constantTokens >= CACHED_FROM_TOKENS;
  const tokensCached = each((of) =>
    caches ? Math.round(requests[of] * sizes.constantTokens * { low: 0.9, likely: 0.5, high: 0 }[of]) : 0,
  );
  const tokensOut = each((of) =>
    Math.round(calls[of] * { low: sizes.answerTokens / 2, likely: sizes.answerTokens, high: openai.maxTokens }[of]),
  );
  const costs = each(
    (of) =>
      costUsd(
        { promptTokens: tokensIn[of], cachedTokens: tokensCached[of], completionTokens: tokensOut[of] },
        prices,
      ) ?? 0,
  );

  const { requestsPerMinute, tokensPerMinute } = limits;
  const serialHours = each((of) => (calls[of] * SECONDS[of]) / 3600);
  const bounds = {
    requestsPerMinute: requestsPerMinute === null ? null : each((of) => requests[of] / requestsPerMinute / 60),
    tokensPerMinute:
      tokensPerMinute === null ? null : each((of) => (tokensIn[of] + tokensOut[of]) / tokensPerMinute / 60),
    latency: each((of) => serialHours[of] / episodesAtOnce),
  };
  return {
    calls,
    requests,
    tokensIn,
    tokensCached,
    tokensOut,
    costUsd: prices === null ? null : costs,
    hours: each((of) =>
      Math.max(bounds.requestsPerMinute?.[of] ?? 0, bounds.tokensPerMinute?.[of] ?? 0, bounds.latency[of]),
    ),
    bounds,
    serialHours,
    assumptions: [
      `${envSteps} kept steps in ${iterations} iterations, ${percent(judged)} of them judged, ` +
        `${percent(WELL_FORMED.low)} to ${percent(WELL_FORMED.high)} of the responses well-formed`,
      `only steps that are kept are asked about; where the teacher keeps episodes longer than the exact solver ` +
        `would, up to ${Math.round(surplus.high)} thoughts an iteration more`,
      skip
        ? `verified-skip: the solver proves ${percent(1 - UNPROVED.high)} to ${percent(1 - UNPROVED.low)} of the ` +
          `thoughts right`
        : 'ask always: the teacher is asked about every judged thought',
      `a judgement has ${Math.round(sizes.promptTokens)} prompt tokens in ${perThought} ` +
        `request${perThought > 1 ? 's' : ''} (${Math.round(sizes.constantTokens)} of each are the same for ` +
        `all${caches ? ' and cached by providers' : ', too few for providers to cache'}) and about ` +
        `${Math.round(sizes.answerTokens)} of answer: ${sizes.samples} actual requests of this configuration, ` +
        `${CHARACTERS_PER_TOKEN} characters a token`,
      `${SECONDS.low} to ${SECONDS.high} s per judgement, ${SECONDS.likely} likely; ${episodesAtOnce} ` +
        `at once; sampling${rollout.ahead === 1 ? ' and the update before it run' : ' runs'} concurrently; the hours ` +
        'hold neither sampling nor updating',
      prices === null
        ? `the price of ${openai.model} is unknown: set corrector.openai.prices`
        : `$${prices.prompt} per million prompt tokens, $${prices.cached} of cached, $${prices.completion} of answers`,
      'the ledger is empty',
    ],
  };
}

/**
 * Sizes of the judgements in all environments of a run, the requests for one, and the share of steps in environments
 * that are corrected.
 */
function blend(config: RunConfig): Sizes & { perThought: number; corrected: number } {
  const parts = ownConfigs(config).map((own, index) => ({
    ...measureSizes(own, correctsAt(config, index)),
    perThought: openaiTerms(own).requestsPerThought,
    corrected: correctsAt(config, index) ? 1 : 0,
    share: config.environments?.[index].share ?? 1,
  }));
  type Part = (typeof parts)[number];
  const mean = (value: (part: Part) => number, weight: (part: Part) => number) =>
    parts.reduce((sum, part) => sum + value(part) * weight(part), 0) /
    Math.max(
      1e-12,
      parts.reduce((sum, part) => sum + weight(part), 0),
    );
  const steps = (part: Part) => part.share * part.stepsPerEpisode;
  const judged = (part: Part) => steps(part) * part.corrected;
  return {
    promptTokens: mean((part) => part.promptTokens, judged),
    constantTokens: mean((part) => part.constantTokens, judged),
    answerTokens: mean((part) => part.answerTokens, judged),
    perThought: mean((part) => part.perThought, judged),
    corrected: mean((part) => part.corrected, steps),
    stepsPerEpisode: mean(
      (part) => part.stepsPerEpisode,
      (part) => part.share,
    ),
    samples: parts.reduce((sum, part) => sum + part.samples, 0),
  };
}

/**
 * Requests about the thoughts of episodes that the expert plays, with the policy's prompts; without an expert, about
 * random actions, with the placeholders left in the thoughts; none where nothing is corrected.
 */
function measureSizes(config: RunConfig, corrected: boolean): Sizes {
  const template = loadPromptTemplate(config.model.prompt, config.environment.name);
  const requests = sampledThoughts(config, template.thought);
  const stepsPerEpisode = requests.length / SAMPLED_EPISODES;
  if (!corrected) return { promptTokens: 0, constantTokens: 0, answerTokens: 0, stepsPerEpisode, samples: 0 };
  const teacher = new OpenAITeacher(config, template);
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return {
    promptTokens: mean(requests.map((request) => teacher.estimate({ ...request, target: null }).promptTokens)),
    constantTokens: teacher.constantTokens,
    answerTokens:
      ANSWER_TOKENS_BESIDE + mean(requests.map(({ thought }) => JSON.stringify(thought).length / CHARACTERS_PER_TOKEN)),
    stepsPerEpisode,
    samples: requests.length,
  };
}

function sampledThoughts(
  config: RunConfig,
  wording: Readonly<Record<string, string>>,
): { environment: Environment; thought: Thought; action: string }[] {
  const game = gameByName(config.environment.name);
  const options = game.parseOptions(config.environment.options);
  const expert = findExpert(config.environment.name);
  return Array.from({ length: SAMPLED_EPISODES }).flatMap((_, episode) => {
    const environment = game.start({ seed: config.seed, episode }, options);
    const random = new RandomStream({ seed: config.seed, purpose: 'estimate', episode });
    const requests: { environment: Environment; thought: Thought; action: string }[] = [];
    for (let step = 0; step < config.environment.maxEpisodeSteps; step++) {
      const plan = expert?.bestPlan(environment, null) ?? expert?.naivePlan(environment);
      const action = plan?.action ?? random.pick(environment.legalActions());
      requests.push({
        environment: game.fromState(environment.state(), options),
        thought: plan?.word(wording) ?? wording,
        action,
      });
      if (environment.step(action).stop !== null) break;
    }
    return requests;
  });
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}
