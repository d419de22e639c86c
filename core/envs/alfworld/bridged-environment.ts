/**
 * A household task in the original simulator: a scene's own picture, commands and feedback; rewards and cuts are those
 * of the native engine.
 */
import { resizeBicubic } from '../../pictures/resize.ts';
import { decodePng } from '../../pictures/png.ts';
import type { Environment, JsonState, StepResult } from '../env.ts';
import type { RgbImage } from '../../pictures/rgb-image.ts';
import { judgeStep } from './episode-rules.ts';
import { AlfworldGameError } from './game-error.ts';
import type { TaskType } from './goal-conditions.ts';
import { householdPrompt, taskSentence } from './household-prompt.ts';
import {
  SimulatorLostError,
  SimulatorProcess,
  SimulatorRefusalError,
  simulatorCommand,
  type Simulator,
  type SimulatorReply,
} from './simulator-process.ts';

/**
 * All actions so far and their results. The picture is part of it: only continuing from a state needs a simulator,
 * showing it does not.
 */
export type BridgedState<Key> = JsonState & {
  readonly key: Key;
  readonly simulator: Simulator;
  readonly actions: readonly string[];
  readonly taskType: TaskType;
  readonly won: boolean;
  readonly goalConditions: readonly [met: number, total: number];
  readonly task: string;
  readonly feedback: string;
  readonly commands: readonly string[];
  readonly picture: string | null;
};

/** How often a simulator that dies is restarted for one command before the command fails. */
const TRIES = 3;
/** Shown where a simulator has no pictures, and behind transparent pixels. */
const GREY = [128, 128, 128] as const;

/** Idle processes. */
const idle = new Map<Simulator, SimulatorProcess[]>();

export class BridgedEnvironment<Key extends JsonState> implements Environment {
  readonly name = 'alfworld';
  #state: BridgedState<Key>;
  #over: boolean;
  readonly #folder: () => string;
  /** Where this episode is being played; null before the first command of an environment made from a state. */
  #process: SimulatorProcess | null = null;

  /** Continues from `state`. @param folder the game's folder, asked for only when the simulator has to play on */
  constructor(state: BridgedState<Key>, folder: () => string) {
    this.#state = state;
    this.#folder = folder;
    this.#over = judgeStep(state.actions, state.won, { met: 0, total: 1 }).stop !== null;
  }

  /**
   * Starts the game of `key`. @param goal the task in an annotator's words; null: in the simulator's. @throws
   * AlfworldGameError when the simulator cannot be used
   */
  static start<Key extends JsonState>(
    { goal, ...game }: { key: Key; simulator: Simulator; taskType: TaskType; goal: string | null },
    folder: () => string,
  ): BridgedEnvironment<Key> {
    const nothing = { feedback: '', commands: [], won: false, conditions: null, picture: null };
    const environment = new BridgedEnvironment<Key>({ ...game, actions: [], task: '', ...shown(nothing) }, folder);
    const reply = environment.#asked(() => environment.#bringUp());
    environment.#state = { ...environment.#state, task: goal ?? taskSentence(reply.feedback), ...shown(reply) };
    return environment;
  }

  state(): BridgedState<Key> {
    return this.#state;
  }

  observe(size: number): RgbImage {
    const { picture } = this.#state;
    if (picture === null) return { width: size, height: size, data: new Uint8Array(size * size * 3).fill(GREY[0]) };
    return resizeBicubic(decodePng(Buffer.from(picture, 'base64'), GREY), size, size);
  }

  promptValues(): Readonly<Record<string, string>> {
    return householdPrompt(this.#state);
  }

  legalActions(): readonly string[] {
    return this.#state.commands;
  }

  step(action: string, drawn = false): StepResult {
    if (this.#over) throw new Error('alfworld: the episode is over');
    if (!this.#state.commands.includes(action)) throw new RangeError(`alfworld: "${action}" is not admissible now`);
    const reply = this.#asked(() => {
      if (this.#process === null) this.#bringUp();
      return this.#process!.ask({ op: 'step', command: action });
    });
    const actions = [...this.#state.actions, action];
    this.#state = { ...this.#state, actions, ...shown(reply) };
    const [met, total] = this.#state.goalConditions;
    const result = judgeStep(actions, reply.won, { met, total }, drawn);
    this.#over = result.stop !== null;
    return result;
  }

  /** Returns the process to the pool. */
  close(): void {
    if (this.#process !== null)
      idle.set(this.#state.simulator, [...(idle.get(this.#state.simulator) ?? []), this.#process]);
    this.#process = null;
  }

  /** Starts the game in a new process and repeats all commands so far. Returns what the last of them shows. */
  #bringUp(): SimulatorReply {
    const { simulator, actions } = this.#state;
    this.#process = idle.get(simulator)?.pop() ?? new SimulatorProcess(simulatorCommand(simulator));
    let reply = this.#process.ask({ op: 'start', folder: this.#folder() });
    for (const command of actions) reply = this.#process.ask({ op: 'step', command });
    return reply;
  }

  /** An answer; if the process was lost, from a new one. */
  #asked(ask: () => SimulatorReply): SimulatorReply {
    for (let attempt = 1; ; attempt++) {
      try {
        return ask();
      } catch (error) {
        const { simulator } = this.#state;
        this.#process = null;
        const unusable = (why: string) =>
          new AlfworldGameError(
            `The simulator ${simulator} cannot be used: ${why} ALFWORLD_PYTHON must name a Python with the package ` +
              `alfworld (docs/alfworld.md).`,
          );
        if (error instanceof SimulatorRefusalError) throw unusable(`for ${this.#folder()} it says ${error.message}.`);
        if (!(error instanceof SimulatorLostError)) throw error;
        // Another attempt may succeed.
        if (attempt === TRIES)
          throw new SimulatorLostError(
            `${error.message} That was try ${TRIES} for one command; ALFWORLD_PYTHON must name a Python with the ` +
              `package alfworld (docs/alfworld.md).`,
          );
      }
    }
  }
}

/** Ends all processes that no environment uses. */
export function endIdleSimulators(): void {
  for (const processes of idle.values()) for (const process of processes.splice(0)) process.end();
}

function shown({ feedback, commands, won, conditions, picture }: SimulatorReply) {
  return { feedback, commands, won, goalConditions: conditions ?? ([Number(won), 1] as const), picture };
}
