/** Signs of collapse that single thoughts do not show: whether thoughts depend on prompt and picture. */
import { createHash } from 'node:crypto';
import type { Environment, Game, JsonState } from '../envs/env.ts';
import type { Step } from '../episodes/episode.ts';
import type { Metrics } from '../episodes/metrics.ts';
import type { RgbImage } from '../pictures/rgb-image.ts';
import type { Agent } from '../policy/agent.ts';
import { RandomStream } from '../random/counter.ts';
import { scoreAnswers } from './score-answers.ts';

/**
 * Over a seeded choice of `count` well-formed thoughts about different observations, scored at temperature 1 under the
 * agent's current policy. `mutualInformation`: between thoughts and observations (RAGEN-2, arXiv 2604.06268), see
 * below; `pictureGain`: how much likelier a thought's token is with its own picture than with a white one, in nats.
 * Null with fewer than two thoughts.
 */
export async function collapseMetrics<O>(
  agent: Agent,
  game: Game<O>,
  options: O,
  steps: readonly { state: JsonState; step: Step }[],
  { seed, iteration, count }: { seed: number; iteration: number; count: number },
): Promise<Metrics> {
  const wellFormed = steps.filter(({ step }) => step.thought !== null && step.thoughtTokens > 0);
  const order = new RandomStream({ seed, purpose: 'collapse watch', iteration }).shuffled(wellFormed);
  const different = new Map<string, (typeof steps)[number]>();
  for (const one of order) {
    if (different.size === count) break;
    const observed = observation(agent, game.fromState(one.state, options));
    if (!different.has(observed)) different.set(observed, one);
  }
  const chosen = [...different.values()];
  if (chosen.length < 2) return { 'collapse/mutualInformation': null, 'collapse/pictureGain': null };
  const thoughts = chosen.map(({ step }) => step.responseIds.slice(0, step.thoughtTokens));
  const blank = white(agent.imageSize);
  const asked = chosen.flatMap(({ state }, index) => [
    ...thoughts.map((responseIds) => ({ state, responseIds })),
    { state, responseIds: thoughts[index], instead: blank },
  ]);
  const sums = (await scoreAnswers(agent, game, options, asked, 1)).map((row) =>
    row.reduce((sum, token) => sum + token, 0),
  );
  const width = chosen.length + 1;
  const own = (index: number) => sums[index * width + index];
  const gains = thoughts.map(({ length }, index) => (own(index) - sums[index * width + chosen.length]) / length);
  return {
    'collapse/mutualInformation': mutualInformation(
      thoughts.map((_, thought) => chosen.map((_, state) => sums[state * width + thought])),
    ),
    'collapse/pictureGain': gains.reduce((sum, gain) => sum + gain, 0) / gains.length,
  };
}

/** The agent's view; states that look the same to it share one. */
function observation(agent: Agent, environment: Environment): string {
  const picture = createHash('sha256').update(environment.observe(agent.imageSize).data).digest('hex');
  return JSON.stringify([environment.promptValues(), picture]);
}

/**
 * Estimate of I(thought; observation) in nats per thought, at most log n: the mean over thoughts of log p(thought | its
 * own observation) - log of the mean of p(thought | each observation). `logprobs[i][j]`: log-prob of thought i under
 * observation j; its own is i. 0: thoughts do not depend on the observation.
 */
export function mutualInformation(logprobs: readonly (readonly number[])[]): number {
  const terms = logprobs.map((row, own) => {
    const most = Math.max(...row);
    const mean = row.reduce((sum, logprob) => sum + Math.exp(logprob - most), 0) / row.length;
    return row[own] - most - Math.log(mean);
  });
  return terms.reduce((sum, term) => sum + term, 0) / terms.length;
}

function white(size: number): RgbImage {
  return { width: size, height: size, data: new Uint8Array(3 * size * size).fill(255) };
}
