/** Checks an environment against the contract by playing it: everything that training relies on, one line per check. */
import { inspect, isDeepStrictEqual } from 'node:util';
import { type Game, type JsonState, type PlayedEnvironment, resumeEpisode, startEpisode } from '../envs/env.ts';
import { EnvironmentError } from '../envs/plug-in.ts';
import { gameByName, plugIn } from '../envs/registry.ts';
import { fillTemplate, loadPromptTemplate, type PromptTemplate, thoughtKeys } from '../policy/prompt-template.ts';
import { renderResponse } from '../policy/response.ts';
import { RandomStream } from '../random/counter.ts';
import { loadCorrectorPrompt } from './corrector-prompt.ts';
import type { Expert } from './expert.ts';
import { findExpert } from './experts.ts';

export type EnvironmentCheck = { check: string; passed: boolean; detail: string };

export type CheckSettings = {
  options: unknown;
  prompt: string | null;
  maxEpisodeSteps: number;
  imageSize: number;
  /** The policy's tokenizer; null: no model is known, so its vocabulary is not checked. */
  tokenizer: { encode(text: string): number[]; canSay(text: string): boolean } | null;
};

/** Number of episodes, and of steps after which an episode counts as one that never ends by itself. */
const HERE = { episodes: 20, patience: 1000 };
/** The same where each step is a request to a server. */
const ELSEWHERE = { episodes: 5, patience: 100 };
/** Bytes of a state as JSON. */
const MOST_STATE_BYTES = 256 * 1024;

/** The recording of one episode of random legal actions. */
type Trace = {
  states: JsonState[];
  pictures: string[];
  prompts: Readonly<Record<string, string>>[];
  actions: string[];
  rewards: number[];
  stop: string | null;
};

/**
 * Checks a game that is played here or elsewhere; when a broken game throws, the check fails with its message. Throws
 * `ConfigError` for the name.
 */
export async function* checkEnvironment(name: string, settings: CheckSettings): AsyncGenerator<EnvironmentCheck> {
  const game = gameByName(name);
  const template = loadPromptTemplate(settings.prompt, name);
  const expert = findExpert(name);
  const options = game.parseOptions(settings.options);
  const { episodes: EPISODES, patience: PATIENCE } = game.remote === undefined ? HERE : ELSEWHERE;
  const check = async (what: string, run: () => string | Promise<string>): Promise<EnvironmentCheck> => {
    try {
      return { check: what, passed: true, detail: await run() };
    } catch (error) {
      return { check: what, passed: false, detail: (error as Error).message.split('\n')[0] };
    }
  };
  /** An episode from its start, closed after use. */
  const starting = async <T>(episode: number, use: (environment: PlayedEnvironment) => T): Promise<Awaited<T>> => {
    const environment = await startEpisode(game, { seed: 1, episode }, options);
    try {
      return await use(environment);
    } finally {
      environment.close?.();
    }
  };
  const traces: Trace[] = [];

  yield await check('options', async () => {
    await expectThrow(
      () => game.parseOptions({ 'no such option': 1 }),
      'an unknown option must be refused by parseOptions',
    );
    const { notes, faults } = (await game.check?.(options)) ?? { notes: [], faults: [] };
    if (faults.length > 0) throw new Error(faults.join('; '));
    return ['unknown options are refused', ...notes].join('; ');
  });
  yield await check('determinism', async () => {
    for (let episode = 0; episode < EPISODES; episode++) {
      const playing = () =>
        starting(episode, (environment) => playOut(game, environment, episode, PATIENCE, settings.imageSize));
      const [one, other] = [await playing(), await playing()];
      expectSame(one, other, `episode ${episode}, played twice from seed 1 with the same actions`);
      traces.push(one);
    }
    const starts = new Set(traces.map(({ states, pictures }) => JSON.stringify([shownOf(states[0]), pictures[0]])));
    // A server's game may have only one start.
    if (starts.size < 2 && game.remote === undefined)
      throw new Error(`all of ${EPISODES} episodes begin the same way: start must use its seed or random`);
    const began = starts.size === 1 ? 'all begin the same way' : `${starts.size} different starts`;
    return `${EPISODES} episodes twice, ${began}`;
  });
  if (traces.length === 0) return; // nothing can be said of episodes that cannot be played
  yield await check('stop reasons', async () => {
    const stops = Map.groupBy(traces, ({ stop }) => stop ?? 'open');
    const counts = [...stops].map(([stop, { length }]) => `${length} ${stop}`).join(', ');
    await starting(0, async (environment) => {
      const { stop } = await playOut(game, environment, 0, PATIENCE, settings.imageSize);
      if (stop !== null)
        await expectThrow(
          () => environment.step(environment.legalActions()[0]),
          'step must throw once the episode is over',
        );
    });
    if (game.freeText !== true && options?.freeText !== true)
      await starting(0, (environment) =>
        expectThrow(() => environment.step('no such action'), 'step must throw for an action that is not legal'),
      );
    return stops.has('open') ? `${counts} after ${PATIENCE} steps (environment.maxEpisodeSteps ends those)` : counts;
  });
  yield await check('states', async () => {
    let compared = 0;
    for (const [episode, { states, pictures, prompts, actions }] of traces.entries()) {
      const at = Math.floor(actions.length / 2);
      const json = JSON.parse(JSON.stringify(states[at])) as JsonState;
      const bytes = JSON.stringify(json).length;
      if (bytes > MOST_STATE_BYTES && game.remote === undefined)
        throw new Error(
          `state() takes ${bytes} bytes in episode ${episode}; every step stores one, so keep it under ${MOST_STATE_BYTES}`,
        );
      const copy = await resumeEpisode(game, json, options);
      const what =
        `episode ${episode}, step ${at}, made again by ` + `${game.remote === undefined ? 'fromState' : 'its actions'}`;
      try {
        expectSame(copy.state(), states[at], `the state of ${what}`);
        if (picture(copy, settings.imageSize) !== pictures[at]) throw new Error(`the picture of ${what} differs`);
        expectSame(copy.promptValues(), prompts[at], `the prompt values of ${what}`);
        for (const action of actions.slice(at)) await copy.step(action);
        expectSame(copy.state(), states.at(-1), `the last state of ${what} and played on`);
      } finally {
        copy.close?.();
      }
      compared++;
    }
    return `${compared} saved, restored and played on`;
  });
  yield await check('pictures', async () => {
    const [{ width, height }] = await starting(0, (environment) =>
      [settings.imageSize, 64].map((size) => environment.observe(size)),
    );
    const different = new Set(traces.flatMap(({ pictures }) => pictures)).size;
    if (different < 2 && game.remote === undefined)
      throw new Error('all pictures are the same: the agent sees nothing');
    return `${width} x ${height} at imageSize ${settings.imageSize}, ${different} different ones`;
  });
  yield await check('prompts', () => checkPrompts(template, traces, settings));
  yield await check('actions', () => {
    let read = 0;
    for (const { states } of traces) {
      const legal = game.fromState(states[0], options).legalActions();
      for (const action of legal) {
        const response = renderResponse(emptyThought(template), action, template.keys);
        const text = response.slice(response.lastIndexOf('"action":') + '"action":'.length).toLowerCase();
        const found = game.readAction(text, legal, options);
        if (found !== action) throw new Error(`readAction gives ${JSON.stringify(found)} for the answer ${text}`);
        if (settings.tokenizer?.canSay(action) === false)
          throw new Error(`the model's tokenizer cannot express the action "${action}"; add its pieces`);
        read++;
      }
      const nothing = game.readAction('', legal, options);
      if (nothing !== null) throw new Error(`readAction gives ${JSON.stringify(nothing)} for an empty answer`);
    }
    return `${read} read back from answers`;
  });
  yield await check('expert', () =>
    expert === undefined
      ? 'none: runs need `ppo` or a model as teacher'
      : checkExpert(game, options, expert, template, traces, settings),
  );
  yield await check('corrector prompt', () => {
    const module = plugIn(name);
    if (module !== null && module.correctorPrompt === undefined) return 'none: corrector.teacher "openai" needs one';
    return `${loadCorrectorPrompt(name).questions.length} questions`;
  });
}

async function playOut(
  game: Game<any>,
  environment: PlayedEnvironment,
  episode: number,
  patience: number,
  imageSize: number,
): Promise<Trace> {
  const random = new RandomStream({ seed: 1, purpose: 'conformance', episode });
  const trace: Trace = { states: [], pictures: [], prompts: [], actions: [], rewards: [], stop: null };
  const look = () => {
    const state = environment.state();
    if (!isPlainJson(state))
      throw new Error(`state() is not plain JSON in episode ${episode}: ${inspect(state, { breakLength: Infinity })}`);
    trace.states.push(state);
    trace.pictures.push(picture(environment, imageSize));
    trace.prompts.push(environment.promptValues());
  };
  look();
  while (trace.stop === null && trace.actions.length < patience) {
    const action = random.pick(environment.legalActions());
    const { reward, stop } = await at(`step("${action}") of episode ${episode}`, () => environment.step(action));
    if (!Number.isFinite(reward)) throw new Error(`the reward of "${action}" is ${reward}`);
    if (stop !== null && stop !== 'terminated' && stop !== 'truncated')
      throw new Error(`\`stop\` after "${action}" is ${JSON.stringify(stop)}, not null, "terminated" or "truncated"`);
    trace.actions.push(action);
    trace.rewards.push(reward);
    trace.stop = stop;
    look();
  }
  const { success } = game.outcome(
    { start: trace.states[0], end: trace.states.at(-1)! },
    trace.rewards.reduce((sum, reward) => sum + reward, 0),
  );
  if (typeof success !== 'boolean') throw new Error('outcome must say whether the episode was a success');
  return trace;
}

/** The result of `run`; its errors say where they happened. */
async function at<T>(place: string, run: () => T | Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof EnvironmentError) throw error;
    throw new Error(`${place} throws: ${(error as Error).message}`, { cause: error });
  }
}

function isPlainJson(state: JsonState): boolean {
  try {
    return isDeepStrictEqual(JSON.parse(JSON.stringify(state)), state);
  } catch {
    return false;
  }
}

function checkPrompts(template: PromptTemplate, traces: readonly Trace[], { tokenizer }: CheckSettings): string {
  const texts = new Set<string>();
  for (const { prompts } of traces)
    for (const values of prompts) {
      const text = fillTemplate(template.prompt, values);
      if (text.split('<image>').length !== 2)
        throw new Error(`a prompt value puts an image mark into the prompt: ${JSON.stringify(text)}`);
      texts.add(text);
    }
  if (tokenizer === null) return `${texts.size} worded; with --config the model's vocabulary is checked too`;
  let longest = 0;
  for (const text of texts) {
    for (const part of text.split('<image>'))
      if (!tokenizer.canSay(part)) throw new Error(`the model's tokenizer cannot express ${JSON.stringify(part)}`);
    longest = Math.max(longest, tokenizer.encode(text.replace('<image>', '')).length);
  }
  return `${texts.size} worded, the longest has ${longest} tokens besides the picture`;
}

/**
 * Checks that the expert's actions are legal, and that its thoughts have the template's keys, fit the vocabulary, and
 * count as right.
 */
function checkExpert(
  game: Game<any>,
  options: unknown,
  expert: Expert,
  template: PromptTemplate,
  traces: readonly Trace[],
  { tokenizer, maxEpisodeSteps }: CheckSettings,
): string {
  let plans = 0;
  for (const { states, stop } of traces)
    for (const state of stop === null ? states : states.slice(0, -1)) {
      const environment = game.fromState(state, options);
      const best = expert.bestPlan(environment, null);
      for (const [kind, plan] of [['best', best] as const, ['naive', expert.naivePlan(environment)] as const]) {
        if (plan === null) continue;
        const where = `in ${JSON.stringify(state)} the expert's ${kind} action "${plan.action}"`;
        if (!environment.legalActions().includes(plan.action) && game.freeText !== true)
          throw new Error(`${where} is not legal`);
        const thought = plan.word(template.thought);
        const missing = thoughtKeys(template).find((key) => thought[key] === undefined);
        if (missing !== undefined) throw new Error(`the prompt's \`thought\` has no wording for the key "${missing}"`);
        const response = renderResponse(thought, plan.action, template.keys);
        if (/\{\w+\}/.test(Object.values(thought).join(' ')))
          throw new Error(`${where} leaves a placeholder in its thought: ${response}`);
        if (tokenizer?.canSay(response) === false)
          throw new Error(`the model's tokenizer cannot express ${response}; add its pieces`);
        if (kind === 'best' && expert.proposedPlan(environment, thought, template.thought) === null)
          throw new Error(`${where} is not recognised as right in its own thought ${response}`);
        plans++;
      }
      if (!isDeepStrictEqual(environment.state(), state))
        throw new Error('the expert changes the environment that it is given');
    }
  const reached = traces.filter((_, episode) => {
    const environment = game.start({ seed: 1, episode }, options);
    const first = environment.state();
    let [reward, stop]: [number, string | null] = [0, null];
    for (let step = 0; stop === null && step < maxEpisodeSteps; step++) {
      const plan = expert.bestPlan(environment, null) ?? expert.naivePlan(environment);
      const result = environment.step(plan.action);
      reward += result.reward;
      stop = result.stop;
    }
    return game.outcome({ start: first, end: environment.state() }, reward).success;
  }).length;
  return `${plans} legal, well-worded plans; it succeeds in ${reached} of ${traces.length} episodes`;
}

function emptyThought(template: PromptTemplate): Record<string, string> {
  return Object.fromEntries(thoughtKeys(template).map((key) => [key, '']));
}

/** For games that are played elsewhere, what was shown, because seeds always differ. */
function shownOf({ last, ...state }: JsonState): unknown {
  return 'seen' in state ? last : { ...state, last };
}

function picture(environment: Pick<PlayedEnvironment, 'observe'>, size: number): string {
  const { width, height, data } = environment.observe(size);
  return `${width}x${height} ${Buffer.from(data).toString('base64')}`;
}

function expectSame(a: unknown, b: unknown, what: string): void {
  if (!isDeepStrictEqual(a, b)) throw new Error(`${what}, gives different results`);
}

async function expectThrow(run: () => unknown, sentence: string): Promise<void> {
  try {
    await run();
  } catch {
    return;
  }
  throw new Error(sentence);
}
