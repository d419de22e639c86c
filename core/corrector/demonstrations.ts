/** Demonstrations of a weak player, who sees and describes everything correctly but mostly ignores the goal. */
import { setImmediate } from 'node:timers/promises';
import { ownConfigs } from '../../configs/mixture.ts';
import type { SftConfig } from '../../configs/schema.ts';
import type { Environment, JsonState } from '../envs/env.ts';
import { drawIndex, markedState } from '../envs/mixture.ts';
import { gameOf } from '../envs/with-history.ts';
import { loadPromptTemplate, type PromptTemplate } from '../policy/prompt-template.ts';
import { renderResponse } from '../policy/response.ts';
import { RandomStream } from '../random/counter.ts';
import { canonicalSolution } from '../envs/formulas/exact-solver.ts';
import { formulaTokens } from '../envs/formulas/formula.ts';
import type { Plan } from './expert.ts';
import { expertOf } from './experts.ts';
import { planTo } from './formula-expert.ts';
import { FORMULA_GAMES, formulaGame, handOf } from '../envs/formulas/hand.ts';
import { hastyTarget, pairTarget, randomPairs } from '../envs/formulas/pair-search.ts';
import { randomChain } from '../envs/formulas/random-chain.ts';
import { searches } from './solver-thought.ts';

/** A state and the response that is taught in it. */
export type Demonstration = { state: JsonState; text: string };

/** Milliseconds after which the loop yields, so that heartbeats continue even on a busy machine. */
const AT_ONCE_MS = 100;

/**
 * Draws `config.demonstrations.count` demonstrations; the same config always gives the same ones. In a mixture, each
 * walk is in one of the environments, drawn by their shares.
 */
export async function makeDemonstrations(config: SftConfig): Promise<Demonstration[]> {
  const { environments } = config;
  const players = ownConfigs(config).map((own) => ({
    own,
    template: loadPromptTemplate(own.model.prompt, own.environment.name),
  }));
  const demonstrations: Demonstration[] = [];
  let since = performance.now();
  for (let episode = 0; demonstrations.length < config.demonstrations.count; episode++) {
    const index = environments === undefined ? 0 : drawIndex(environments, { seed: config.seed, episode });
    const taught = demonstrateEpisode(players[index].own, players[index].template, episode);
    demonstrations.push(
      ...(environments === undefined
        ? taught
        : taught.map(({ state, text }) => ({ state: markedState(state, index), text }))),
    );
    if (performance.now() - since < AT_ONCE_MS) continue;
    await setImmediate();
    since = performance.now();
  }
  return demonstrations.slice(0, config.demonstrations.count);
}

function demonstrateEpisode(config: SftConfig, template: PromptTemplate, index: number): Demonstration[] {
  const random = new RandomStream({ seed: config.seed, purpose: 'demonstration', episode: index });
  const taught =
    config.environment.name in FORMULA_GAMES
      ? [demonstrateFormula(config, template, index, random)]
      : demonstrateWalk(config, template, index, random);
  return taught.map(({ state, plan }) => ({
    state,
    text: renderResponse(plan.word(template.thought), plan.action, template.keys),
  }));
}

/** The last states of a walk, and the plan in each: the best one, or the naive one. */
function demonstrateWalk(
  config: SftConfig,
  template: PromptTemplate,
  index: number,
  random: RandomStream,
): { state: JsonState; plan: Plan }[] {
  const {
    habits: { naive },
    walk,
  } = config.demonstrations;
  const game = gameOf(config);
  const expert = expertOf(config.environment.name);
  const options = game.parseOptions(config.environment.options);
  const environment = game.start({ seed: config.seed + 1, episode: index }, options);
  const take = (action: string, plan: Plan | null) => {
    // With a history later prompts tell the answer: what was thought, or would be, on the way to another action.
    const answer =
      config.prompt.history === 'none'
        ? undefined
        : renderResponse((plan ?? expert.naivePlan(environment)).word(template.thought), action, template.keys);
    return environment.step(action, false, answer);
  };
  const states = [environment.state()];
  const planned = (from: Environment) =>
    random.uniform() < naive ? expert.naivePlan(from) : expert.bestPlan(from, null);
  let open = true;
  for (let left = random.below(walk.longest + 1); left > 0; left--) {
    const plan = walk.planned > 0 && random.uniform() < walk.planned ? planned(environment) : null;
    open = take(plan?.action ?? random.pick(environment.legalActions()), plan).stop === null;
    if (!open) break;
    states.push(environment.state());
  }
  const first = Math.max(0, states.length - walk.taught);
  return states.slice(first).map((state, place) => {
    // The state after the end of the episode is left out.
    const plan = planned(open && state === states.at(-1) ? environment : game.fromState(state, options));
    if (plan !== null) return { state, plan };
    // A random step may have lost the game: then the best plan before that step is shown.
    for (const before of states.slice(0, first + place).reverse()) {
      const best = expert.bestPlan(game.fromState(before, options), null);
      if (best !== null) return { state: before, plan: best };
    }
    throw new Error(`Demonstration ${index}: the expert of ${config.environment.name} knows no plan`);
  });
}

function demonstrateFormula(
  config: SftConfig,
  template: PromptTemplate,
  index: number,
  random: RandomStream,
): { state: JsonState; plan: Plan } {
  const { randomChain: chains, plainSums, naive } = config.demonstrations.habits;
  const habit = random.uniform();
  const rules = formulaGame(config.environment.name);
  const expert = expertOf(config.environment.name);
  const searching = searches(template.thought);
  const hasty = searching && habit >= chains && habit < chains + naive;
  const targetOf = (environment: Environment): string | null => {
    const { numbers } = handOf(environment.state());
    if (habit < chains)
      return searching
        ? randomPairs(numbers, rules.operators, [], random)
        : randomChain(numbers, rules.operators, random);
    if (habit < chains + naive)
      return searching ? hastyTarget(numbers, rules.operators) : expert.naivePlan(environment).target;
    if (searching) return pairTarget(numbers, rules);
    return canonicalSolution(numbers, rules.goal, {
      operators:
        habit < chains + naive + plainSums
          ? rules.operators.filter((operator) => '+-'.includes(operator))
          : rules.operators,
    });
  };
  const { environment, target } = dealWith(config, index, targetOf);
  // A demonstration begins at any point on the way to its goal.
  for (const token of formulaTokens(target).slice(0, random.below(formulaTokens(target).length + 1))) {
    const { word } = planTo(rules, environment.state(), target, hasty);
    const answer =
      config.prompt.history === 'none' ? undefined : renderResponse(word(template.thought), token, template.keys);
    environment.step(token, false, answer);
  }
  const state = environment.state();
  if (!searching || hasty) return { state, plan: planTo(rules, state, target, hasty) };
  // With a search, the player finds what can be found from here, or gives up and names any result.
  const { numbers, formula } = handOf(state);
  return {
    state,
    plan: planTo(
      rules,
      state,
      pairTarget(numbers, rules, formula) ?? randomPairs(numbers, rules.operators, formula, random)!,
    ),
  };
}

/** Deals for one demonstration, far apart, so that no two demonstrations can share one. */
const DEALS_PER_DEMONSTRATION = 10_000;

/** The first deal of this demonstration for which there is a goal. */
function dealWith(
  config: SftConfig,
  index: number,
  targetOf: (environment: Environment) => string | null,
): { environment: Environment; target: string } {
  const game = gameOf(config);
  const options = game.parseOptions(config.environment.options);
  for (let attempt = 0; attempt < DEALS_PER_DEMONSTRATION; attempt++) {
    const environment = game.start({ seed: config.seed + 1 + attempt, episode: index }, options);
    const target = targetOf(environment);
    if (target !== null) return { environment, target };
  }
  throw new Error(`Demonstration ${index}: no deal of ${config.environment.name} suits it`);
}
