import test from 'ava';
import { readConfig } from '../../cli/config-file.ts';
import { runConfigSchema } from '../../configs/schema.ts';
import { expertOf } from '../../core/corrector/experts.ts';
import { likelyKept, mostKept } from '../../core/corrector/needed-steps.ts';
import { gameByName } from '../../core/envs/registry.ts';
import type { Episode } from '../../core/episodes/episode.ts';
import { loadPromptTemplate } from '../../core/policy/prompt-template.ts';

const config = readConfig(runConfigSchema, 'smoke', []);
const game = gameByName('points24');
const options = game.parseOptions(config.environment.options);
const { thought: wording } = loadPromptTemplate(config.model.prompt, 'points24');

/** An episode whose thoughts are right up to step `until`, when it turns to a naive plan and acts on it. */
function episode(until: number): Episode {
  const environment = game.start({ seed: 3, episode: 0 }, options);
  const played: Episode = { episode: 0, states: [environment.state()], steps: [], stop: null, bootstrapValue: 0 };
  while (played.stop === null && played.steps.length < 10) {
    const expert = expertOf('points24');
    const plan = played.steps.length < until ? expert.bestPlan(environment, null)! : expert.naivePlan(environment);
    const { reward, stop } = environment.step(plan.action);
    played.steps.push({
      responseIds: [],
      text: '',
      thoughtTokens: 0,
      thought: plan.word(wording),
      action: plan.action,
      legal: true,
      logprob: 0,
      value: 0,
      sampledBy: '',
      reward,
    });
    played.states.push(environment.state());
    played.stop = stop;
  }
  return played;
}
const after = (steps: number, { states, steps: all, ...rest }: Episode): Episode => ({
  ...rest,
  stop: null,
  states: states.slice(0, steps + 1),
  steps: all.slice(0, steps),
});

test('the estimate of kept steps is final once the episode is over, or the solver would cut it', async (t) => {
  const [right, wrong] = [episode(20), episode(2)];
  t.deepEqual(await likelyKept(config, 0, [right, wrong], [true, true]), [
    { steps: right.steps.length, final: true },
    { steps: 3, final: true },
  ]);
  t.deepEqual(await likelyKept(config, 0, [after(1, right), after(2, wrong), after(3, wrong)], [false, false, false]), [
    { steps: 1, final: false },
    { steps: 2, final: false },
    { steps: 3, final: true },
  ]);
});

test('a game without a cut keeps everything', async (t) => {
  const household = readConfig(runConfigSchema, 'alfworld-tiny', []);
  t.deepEqual(await likelyKept(household, 0, [episode(0)], [false]), [
    { steps: episode(0).steps.length, final: false },
  ]);
});

test(
  'an episode takes less and less from the needed steps: the limit, what is likely, what is kept if that is ' + 'less',
  (t) => {
    const unjudged = { verdicts: [], done: false };
    const judged = (length: number) => ({
      verdicts: Array.from({ length }, () => ({ outcome: 'noSolution' }) as const),
      done: true,
    });
    t.is(mostKept({ steps: 2, final: false }, unjudged, 20), 20);
    t.is(mostKept({ steps: 5, final: true }, unjudged, 20), 5);
    t.is(mostKept({ steps: 5, final: true }, judged(3), 20), 3);
    t.is(mostKept({ steps: 5, final: true }, judged(8), 20), 5);
    t.is(mostKept({ steps: 2, final: false }, judged(2), 20), 2);
  },
);
