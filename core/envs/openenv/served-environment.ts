/**
 * An episode on a server. There is no snapshot: after a crash it is replayed from its seed and actions, and every
 * observation is compared with what was seen before.
 */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Interruption, JsonState, RemoteEnvironment, StepResult } from '../env.ts';
import { EnvironmentError } from '../plug-in.ts';
import { HttpSession } from './http-session.ts';
import { type Fields, pictureOf, textsOf } from './observation.ts';
import { actionNames, fieldsOf, type OpenEnvOptions, serversOf } from './options.ts';
import { poolOf, type ServerPool } from './server-pool.ts';
import { checkObservation, schemaOf } from './server-schema.ts';
import { type Observed, ServerAway, type Session } from './session.ts';
import { WebSocketSession } from './web-socket-session.ts';

/** `seen`: hashes of all that was shown, the reset first; `last`: the newest observation. */
export type OpenEnvState = JsonState & {
  readonly seed: number;
  readonly actions: readonly string[];
  readonly seen: readonly string[];
  readonly last: Fields;
  /** The server's own state, where it is asked for. */
  readonly server?: Fields;
  readonly over: boolean;
};

/** What the agent has seen of an episode. */
export class SeenEpisode {
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
    const { last, server = {} } = this.seen;
    const { text: _, ...ofServer } = textsOf(server, null);
    return {
      ...Object.fromEntries(Object.entries(ofServer).map(([name, value]) => [`state_${name}`, value])),
      ...textsOf(last, this.options.picture),
      actions: this.legalActions().join(', '),
    };
  }

  legalActions(): readonly string[] {
    return actionNames(this.options);
  }
}

export class ServedEnvironment extends SeenEpisode implements RemoteEnvironment {
  readonly #seed: number;
  readonly #pool: ServerPool;
  #session: Session | null = null;
  #interrupted: Interruption | null = null;

  constructor(options: OpenEnvOptions, seed: number) {
    super({ seed, actions: [], seen: [], last: {}, over: false }, options);
    this.#seed = seed;
    this.#pool = poolOf(serversOf(options));
  }

  async begin(): Promise<void> {
    await this.#patiently(() => this.#reset());
  }

  /** Replays the actions of a state and compares; on a divergence it does what the options say. */
  async takeUp(state: OpenEnvState): Promise<void> {
    await this.#patiently(() => this.#replay(state));
  }

  interrupted(): Interruption | null {
    const what = this.#interrupted;
    this.#interrupted = null;
    return what;
  }

  close(): void {
    if (this.#session === null) return;
    this.#session.close();
    this.#pool.giveBack(this.#session.server);
    this.#session = null;
  }

  async step(action: string): Promise<StepResult> {
    if (this.seen.over) throw new Error('openenv: the episode is over');
    if (!this.options.freeText && !this.legalActions().includes(action))
      throw new RangeError(`openenv: "${action}" is not an action`);
    // A replay that is cut short leaves less than was seen.
    const before = this.seen;
    return await this.#patiently(async () => {
      if (this.#session === null) {
        await this.#replay(before);
        // The action belongs to a state that no longer exists.
        if (this.#interrupted !== null) return { reward: 0, stop: null };
      }
      const observed = await this.#session!.step(fieldsOf(this.options, action));
      await this.#saw(observed, action);
      return { reward: observed.reward ?? 0, stop: observed.done ? 'terminated' : null };
    });
  }

  async #reset(): Promise<void> {
    const { timeoutSeconds, transport, reset } = this.options;
    this.close();
    const server = this.#pool.take();
    try {
      this.#session =
        transport === 'http'
          ? new HttpSession(server, timeoutSeconds)
          : await WebSocketSession.open(server, timeoutSeconds);
    } catch (error) {
      this.#pool.giveBack(server);
      throw markServer(error, server);
    }
    const observed = await this.#session.reset({ ...reset, seed: this.#seed });
    this.seen = { ...this.seen, actions: [], seen: [], over: false };
    await this.#saw(observed, null);
  }

  async #replay(state: OpenEnvState): Promise<void> {
    await this.#reset();
    const differs = async (): Promise<boolean> => {
      for (const [index, action] of state.actions.entries()) {
        if (this.seen.seen[index] !== state.seen[index]) return true;
        await this.#saw(await this.#session!.step(fieldsOf(this.options, action)), action);
      }
      return this.seen.seen.at(-1) !== state.seen.at(-1);
    };
    if (!(await differs())) return;
    const { onDivergence } = this.options;
    if (onDivergence === 'fail')
      throw new EnvironmentError(
        `${this.#session!.server} answered differently when the episode of seed ${this.#seed} was played ` +
          `again, after ${this.seen.actions.length} of ${state.actions.length} actions; its game is not a ` +
          'function of seed and actions (environment.options.onDivergence: "restart" begins such episodes ' +
          'anew, "drop" leaves them out).',
      );
    if (onDivergence === 'restart') await this.#reset();
    else this.close();
    this.#interrupted = onDivergence === 'restart' ? 'restarted' : 'dropped';
  }

  async #saw(observed: Observed, action: string | null): Promise<void> {
    const { server } = this.#session!;
    const { timeoutSeconds, state, picture } = this.options;
    const schema = await schemaOf(server, timeoutSeconds);
    if (schema !== null) checkObservation(server, schema, observed);
    const last = observed.observation as Fields;
    pictureOf(last, picture, 1); // throws now if no prompt could show it
    const ofServer = state ? withoutName(await this.#session!.state()) : undefined;
    const shown = JSON.stringify(ofServer === undefined ? last : [last, ofServer]);
    const { actions, seen } = this.seen;
    this.seen = {
      ...this.seen,
      actions: action === null ? [] : [...actions, action],
      seen: [...seen, createHash('sha256').update(shown).digest('hex').slice(0, 16)],
      last,
      ...(ofServer === undefined ? {} : { server: ofServer }),
      over: observed.done,
    };
  }

  /** Tries the next server while one is away or full, for as long as the options say. */
  async #patiently<T>(work: () => Promise<T>): Promise<T> {
    const until = performance.now() + this.options.patienceSeconds * 1000;
    for (let attempt = 0; ; attempt++) {
      try {
        return await work();
      } catch (error) {
        const server = this.#session?.server ?? (error as Marked).server;
        this.close();
        if (!(error instanceof ServerAway)) throw error;
        const wait = Math.min(2 ** attempt * 100, 5000);
        if (server !== undefined) this.#pool.rest(server, wait);
        if (performance.now() + wait > until)
          throw error.full
            ? new EnvironmentError(
                `openenv: ${error.message}; start more servers (environment.options.url) or let them have more ` +
                  'sessions, or lower rollout.episodesPerWave and evaluation.episodes.',
              )
            : error;
        if (!this.#pool.hasOther) await sleep(wait);
      }
    }
  }
}

type Marked = { server?: string };

/** The error; names the server where no session was opened. */
function markServer(error: unknown, server: string): unknown {
  return Object.assign(error as object, { server } satisfies Marked);
}

/** Servers may give an episode a new name each time. */
function withoutName({ episode_id: _, ...state }: Fields): Fields {
  return state;
}
