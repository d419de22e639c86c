/**
 * Environments behind OpenEnv servers. They have no snapshot: an episode is its seed and its actions, from which it is
 * played again after any crash, and every observation is compared with what was seen before.
 */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { parseConfig } from '../../../configs/schema.ts';
import { RandomStream } from '../../random/counter.ts';
import {
  type Environment,
  type Game,
  type JsonState,
  outcomeByReward,
  type RemoteEnvironment,
  type StepResult,
} from '../env.ts';
import { EnvironmentError } from '../plug-in.ts';
import { readNamedAction } from '../read-action.ts';
import { type Fields, pictureOf, textsOf } from './observation.ts';
import { type Observed, ServerAway, Session } from './session.ts';

const seconds = z.number().positive();
const optionsSchema = z.strictObject({
  /** One server, or several that play the same game: sessions go to them in turn. */
  url: z.union([z.url({ protocol: /^https?$/ }), z.array(z.url({ protocol: /^https?$/ })).min(1)]),
  /** What the agent says -> the action's fields; a list: each text goes into the field `actionField`. */
  actions: z.union([z.array(z.string()).min(1), z.record(z.string(), z.record(z.string(), z.json()))]),
  actionField: z.string().default('action'),
  /** Any text is an action, in `actionField`; `actions` are drawn for answers that name none. */
  freeText: z.boolean().default(false),
  /** Field of the observation with the picture; null: none. */
  picture: z.string().nullable().default(null),
  /** Further fields of a reset, beside `seed`. */
  reset: z.record(z.string(), z.json()).default({}),
  /** How long an answer may take, and how long all servers may be away or full. */
  timeoutSeconds: seconds.default(30),
  patienceSeconds: z.number().min(0).default(120),
  /** A replayed episode that shows something else: end the run, or begin the episode anew and count that. */
  onDivergence: z.enum(['fail', 'restart']).default('fail'),
});
export type OpenEnvOptions = z.infer<typeof optionsSchema>;

/** `seen`: hashes of all observations, the reset's first; `last`: the newest one. */
export type OpenEnvState = JsonState & {
  readonly seed: number;
  readonly actions: readonly string[];
  readonly seen: readonly string[];
  readonly last: Fields;
  readonly over: boolean;
  /** How often the episode began anew, because a replay showed something else. */
  readonly restarts: number;
};

export const openenv: Game<OpenEnvOptions> = {
  name: 'openenv',
  parseOptions: (options) => parseConfig(optionsSchema, options, 'environment.options (openenv)'),
  start: () => {
    throw new EnvironmentError('openenv: episodes begin on its servers; this needs a game that is played here.');
  },
  fromState: (state, options) => new LookedAtEnvironment(state as OpenEnvState, options),
  remote: {
    start: async ({ seed, episode }, options) => {
      const drawn = new RandomStream({ seed, purpose: 'openenv seed', episode }).uint32() >>> 1;
      const environment = new ServedEnvironment(options, drawn, episode);
      await environment.begin();
      return environment;
    },
    resume: async (state, options) => {
      const { seed, restarts } = state as OpenEnvState;
      const environment = new ServedEnvironment(options, seed, 0, restarts);
      await environment.takeUp(state as OpenEnvState);
      return environment;
    },
  },
  cut: { reward: null, formula: () => null },
  outcome: ({ end }, reward) => ({
    ...outcomeByReward(reward),
    group: (end as OpenEnvState).restarts > 0 ? 'restarted' : null,
  }),
  readAction: (text, legalActions) => readNamedAction(text, legalActions),
};

/** What was seen of an episode. */
class SeenEpisode {
  readonly name = 'openenv';
  protected readonly options: OpenEnvOptions;
  protected seen: OpenEnvState;

  constructor(state: OpenEnvState, options: OpenEnvOptions) {
    [this.seen, this.options] = [state, options];
  }

  state(): OpenEnvState {
    return this.seen;
  }

  observe(size: number) {
    return pictureOf(this.seen.last, this.options.picture, size);
  }

  promptValues(): Record<string, string> {
    return { ...textsOf(this.seen.last, this.options.picture), actions: this.legalActions().join(', ') };
  }

  legalActions(): readonly string[] {
    const { actions } = this.options;
    return Array.isArray(actions) ? actions : Object.keys(actions);
  }
}

class LookedAtEnvironment extends SeenEpisode implements Environment {
  step(): StepResult {
    throw new EnvironmentError('openenv: a state that was seen is only looked at.');
  }
}

/** An episode in a session of a server; where that is lost, in another one. */
class ServedEnvironment extends SeenEpisode implements RemoteEnvironment {
  readonly #seed: number;
  #server: number;
  #session: Session | null = null;
  #anew = false;

  constructor(options: OpenEnvOptions, seed: number, server: number, restarts = 0) {
    super({ seed, actions: [], seen: [], last: {}, over: false, restarts }, options);
    [this.#seed, this.#server] = [seed, server];
  }

  async begin(): Promise<void> {
    await this.#patiently(() => this.#reset());
  }

  /** Plays the actions of a state again, and compares; a divergence begins the episode anew or is thrown. */
  async takeUp(state: OpenEnvState): Promise<void> {
    await this.#patiently(() => this.#replay(state));
  }

  beganAnew(): boolean {
    const anew = this.#anew;
    this.#anew = false;
    return anew;
  }

  close(): void {
    this.#session?.close();
    this.#session = null;
  }

  async step(action: string): Promise<StepResult> {
    if (this.seen.over) throw new Error('openenv: the episode is over');
    if (!this.options.freeText && !this.legalActions().includes(action))
      throw new RangeError(`openenv: "${action}" is no action`);
    // A replay that is interrupted leaves less than was seen.
    const before = this.seen;
    return await this.#patiently(async () => {
      if (this.#session === null) {
        await this.#replay(before);
        // The episode stands at its beginning again: the action belongs to a state that is no more.
        if (this.#anew) return { reward: 0, stop: null };
      }
      const observed = await this.#session!.step(this.#fields(action));
      this.#saw(observed, action);
      return { reward: observed.reward ?? 0, stop: observed.done ? 'terminated' : null };
    });
  }

  async #reset(): Promise<void> {
    const { url, timeoutSeconds, reset } = this.options;
    const urls = Array.isArray(url) ? url : [url];
    this.close();
    this.#session = await Session.open(urls[this.#server % urls.length], timeoutSeconds);
    const observed = await this.#session.reset({ ...reset, seed: this.#seed });
    this.seen = { ...this.seen, actions: [], seen: [], over: false };
    this.#saw(observed, null);
  }

  async #replay(state: OpenEnvState): Promise<void> {
    await this.#reset();
    const wrong = async (): Promise<boolean> => {
      for (const [index, action] of state.actions.entries()) {
        if (this.seen.seen[index] !== state.seen[index]) return true;
        this.#saw(await this.#session!.step(this.#fields(action)), action);
      }
      return this.seen.seen.at(-1) !== state.seen.at(-1);
    };
    if (!(await wrong())) return;
    const { server } = this.#session!;
    if (this.options.onDivergence === 'fail')
      throw new EnvironmentError(
        `${server} answered differently when the episode of seed ${this.#seed} was played again, after ` +
          `${this.seen.actions.length} of ${state.actions.length} actions; its game is not a function of seed and ` +
          'actions (environment.options.onDivergence: "restart" begins such episodes anew).',
      );
    await this.#reset();
    this.seen = { ...this.seen, restarts: state.restarts + 1 };
    this.#anew = true;
  }

  #saw({ observation, done }: Observed, action: string | null): void {
    const last = observation as Fields;
    const hash = createHash('sha256').update(JSON.stringify(last)).digest('hex').slice(0, 16);
    const { actions, seen } = this.seen;
    this.seen = {
      ...this.seen,
      actions: action === null ? [] : [...actions, action],
      seen: [...seen, hash],
      last,
      over: done,
    };
  }

  #fields(action: string): object {
    const { actions, actionField } = this.options;
    return Array.isArray(actions) || !(action in actions) ? { [actionField]: action } : (actions[action] as object);
  }

  /** Tries the next server while one is away or full, for as long as the options say. */
  async #patiently<T>(work: () => Promise<T>): Promise<T> {
    const until = performance.now() + this.options.patienceSeconds * 1000;
    for (let attempt = 0; ; attempt++) {
      try {
        return await work();
      } catch (error) {
        this.close();
        if (!(error instanceof ServerAway)) throw error;
        const wait = Math.min(2 ** attempt * 100, 5000);
        if (performance.now() + wait > until)
          throw error.full
            ? new EnvironmentError(
                `openenv: ${error.message}; start more servers (environment.options.url) or let them have more ` +
                  'sessions, or lower rollout.episodesPerWave and evaluation.episodes.',
              )
            : error;
        this.#server++;
        await sleep(wait);
      }
    }
  }
}
