/**
 * The committed models do what README says of them: they load, read the picture, calculate, and mostly miss the goal.
 */
import { isDeepStrictEqual } from 'node:util';
import test from 'ava';
import { modelFolder } from '../../configs/project-folder.ts';
import { rolloutSettings } from '../../activities/roll-out-wave.ts';
import { readConfig } from '../../cli/config-file.ts';
import { runConfigSchema } from '../../configs/schema.ts';
import { expertOf } from '../../core/corrector/experts.ts';
import { saidPlan } from '../../core/corrector/formula-expert.ts';
import { FORMULA_GAMES } from '../../core/envs/formulas/hand.ts';
import { thoughtReader } from '../../core/corrector/thought-reading.ts';
import type { Environment } from '../../core/envs/env.ts';
import { gameByName } from '../../core/envs/registry.ts';
import type { Thought } from '../../core/episodes/episode.ts';
import { Agent } from '../../core/policy/agent.ts';
import { loadPromptTemplate, type PromptTemplate } from '../../core/policy/prompt-template.ts';
import { playEpisodes } from '../../core/policy/rollout.ts';

/** `success`: bounds five standard deviations around what the models were measured at (docs/log.md). */
const MODELS = [
  { config: 'points24-tiny', episodes: 128, success: [0.03, 0.33] },
  { config: 'points24-search-tiny', episodes: 64, success: [-0.01, 0.45] },
  { config: 'ezpoints-tiny', episodes: 128, success: [0.06, 0.44] },
  { config: 'numberline-tiny', episodes: 128, success: [0.23, 0.67] },
  { config: 'blackjack-tiny', episodes: 128, success: [0.08, 0.47] },
  { config: 'alfworld-tiny', episodes: 64, success: [0.02, 0.56] },
  { config: 'frozenlake-tiny', episodes: 128, success: [0.13, 0.55] },
  { config: 'sokoban-tiny', episodes: 128, success: [0.35, 0.79] },
] as const;

/** Whether a thought is one that an expert or a naive player could have, without a mistake. */
function isWhole(environment: Environment, thought: Thought, template: PromptTemplate['thought']): boolean {
  const expert = expertOf(environment.name);
  if (!(environment.name in FORMULA_GAMES))
    return [expert.bestPlan(environment, null)!, expert.naivePlan(environment)].some((plan) =>
      isDeepStrictEqual(plan.word(template), thought),
    );
  try {
    return [false, true].some((hasty) =>
      isDeepStrictEqual(
        saidPlan(FORMULA_GAMES[environment.name], environment.state(), thought, template, hasty)?.word(template),
        thought,
      ),
    );
  } catch {
    return false; // the proposed text is not a formula
  }
}

for (const { config: name, episodes: count, success } of MODELS) {
  test(
    `${name}: reads the picture, words whole thoughts without a mistake in more than half of them, and succeeds ` +
      `as rarely as claimed`,
    async (t) => {
      const config = readConfig(runConfigSchema, name, []);
      const agent = await Agent.open(config, modelFolder);
      try {
        await agent.setPolicy(agent.engine.initialParameters(1), 'the starting policy');
        const game = gameByName(config.environment.name);
        const options = game.parseOptions(config.environment.options);
        const template = loadPromptTemplate(config.model.prompt, config.environment.name);
        const read = thoughtReader(game, options, template.thought);
        const settings = { ...rolloutSettings(config), episodes: count, leaveAfterFailure: false };
        const { episodes } = await playEpisodes(
          agent,
          game,
          options,
          { seed: 77, iteration: 0, firstEpisode: 0 },
          settings,
        );
        // First steps only: later ones may be in states that no demonstration reaches.
        const first = episodes.map(({ steps, states }) => ({ thought: steps[0].thought, state: states[0] }));
        const share = (holds: (thought: Thought, state: (typeof first)[number]['state']) => boolean) =>
          first.filter(({ thought, state }) => thought !== null && holds(thought, state)).length / count;
        t.true(share(() => true) >= 0.98, 'well-formed');
        t.true(share((thought, state) => read(state, thought).seenRightly === true) >= 0.97, 'picture read');
        const whole = share((thought, state) => isWhole(game.fromState(state, options), thought, template.thought));
        t.true(whole >= 0.5, `without a mistake in ${whole} of the thoughts`);
        const outcomes = episodes.map(({ states, steps }) =>
          game.outcome(
            { start: states[0], end: states.at(-1)! },
            steps.reduce((sum, { reward }) => sum + reward, 0),
          ),
        );
        const solved = outcomes.filter((outcome) => outcome.success).length / count;
        t.true(solved > success[0] && solved < success[1], `success ${solved}`);
      } finally {
        await agent.close();
      }
    },
  );
}
