/** ALFWorld as an environment: a household task, admissible commands as text, what the agent faces as a picture. */
import { z } from 'zod';
import { ConfigError, parseConfig } from '../../../configs/schema.ts';
import { RandomStream } from '../../random/counter.ts';
import type { Environment, Game, JsonState, Outcome, StepResult } from '../env.ts';
import type { RgbImage } from '../../pictures/rgb-image.ts';
import { BridgedEnvironment, type BridgedState } from './bridged-environment.ts';
import { checkGames, gameFolder, listGames, readGame, withGoalText } from './data-set.ts';
import { judgeStep } from './episode-rules.ts';
import type { Entity } from './entities.ts';
import { advise, type Advice } from './expert.ts';
import { AlfworldGameError } from './game-error.ts';
import { type GameRules, generateGame, playableTypes, SPLITS, type Split } from './generate-game.ts';
import { goalConditions, TASK_TYPES, type GoalConditions, type Task, type TaskType } from './goal-conditions.ts';
import { householdPrompt, taskSentence } from './household-prompt.ts';
import { HouseholdView } from './household-view.ts';
import { ROOMS } from './kinds.ts';
import { type Lead, leads } from './leads.ts';
import { drawHousehold } from './picture.ts';
import { readCommand } from './read-command.ts';
import { SIMULATORS, type Simulator } from './simulator-process.ts';
import type { TextGamePlay } from './text-game-play.ts';
import { TextGame } from './text-game.ts';

const optionsSchema = z.strictObject({
  /**
   * `generated`: the project's own games, without any download; `data`: ALFWorld's data set in the folder that the
   * environment variable ALFWORLD_DATA names.
   */
  source: z.enum(['generated', 'data']).default('generated'),
  split: z.enum(SPLITS).default('train'),
  taskTypes: z
    .array(z.enum(TASK_TYPES))
    .min(1)
    .default([...TASK_TYPES]),
  /** Goals in annotators' words instead of the templates' (data set only). */
  humanGoals: z.boolean().default(false),
  /**
   * Rooms of generated games, and how full they are: most receptacles, and most things in addition to the task's; null:
   * as many as in the original.
   */
  rooms: z
    .array(z.enum(ROOMS))
    .min(1)
    .default([...ROOMS]),
  mostReceptacles: z.int().min(3).nullable().default(null),
  mostThings: z.int().min(0).nullable().default(null),
  /**
   * `native`: this project's engine and drawings; `thor`: the original simulator's scenes (data set only), see
   * docs/alfworld.md; `textworld`: its text engine, for checking.
   */
  simulator: z.enum(['native', ...SIMULATORS]).default('native'),
});
export type AlfworldOptions = z.infer<typeof optionsSchema>;

/** Which game is played, as the state names it. */
type GameKey =
  | {
      readonly source: 'generated';
      readonly split: Split;
      readonly seed: number;
      readonly episode: number;
      readonly rules: GameRules & JsonState;
    }
  | DataKey;
type DataKey = { readonly source: 'data'; readonly split: Split; readonly game: string; readonly goal: string | null };

/**
 * The key, all actions so far, and their results (for metrics only: key and actions are enough to rebuild the
 * environment).
 */
export type AlfworldState = JsonState & {
  readonly key: GameKey;
  readonly actions: readonly string[];
  readonly taskType: TaskType;
  readonly won: boolean;
  readonly goalConditions: readonly [met: number, total: number];
};

export const alfworld: Game<AlfworldOptions> = {
  name: 'alfworld',
  parseOptions(options) {
    const parsed = parseConfig(optionsSchema, options, 'environment.options (alfworld)');
    if (parsed.source === 'generated' && playableTypes(parsed).length === 0)
      throw new ConfigError(
        `environment.options (alfworld): rooms: none of ${parsed.rooms.join(', ')} suits ` +
          `${parsed.taskTypes.join(', ')}; name other rooms or task types.`,
      );
    if (parsed.simulator !== 'native' && parsed.source !== 'data')
      throw new ConfigError(
        `environment.options (alfworld): simulator: ${parsed.simulator} plays the data set's games only; set source ` +
          `to "data".`,
      );
    return parsed;
  },
  async check({ source, split, taskTypes }) {
    return source === 'generated' ? { notes: [], faults: [] } : checkGames(dataRoot(), split, taskTypes);
  },
  start(key, options) {
    if (options.source === 'generated') return new AlfworldEnvironment(generatedKey(key, options));
    const game = dataKey(key, options);
    return options.simulator === 'native' ? new AlfworldEnvironment(game) : startBridged(game, options.simulator);
  },
  fromState(state) {
    if ('simulator' in state)
      return new BridgedEnvironment(state as BridgedState<DataKey>, () =>
        folderOf((state as BridgedState<DataKey>).key),
      );
    const { key, actions } = state as AlfworldState;
    return new AlfworldEnvironment(key, actions);
  },
  // Only an unreadable answer has a reward of -1, and the episode continues; the game's own cuts are in its rules.
  cut: { reward: null, formula: () => null },
  outcome: ({ end }): Outcome => {
    const {
      won,
      taskType,
      goalConditions: [met, total],
    } = end as AlfworldState;
    return { success: won, group: taskType, progress: met / total };
  },
  readAction: (text, legalActions) => readCommand(text, legalActions),
};

function generatedKey(
  { seed, episode }: { seed: number; episode: number },
  { split, taskTypes, rooms, mostReceptacles, mostThings }: AlfworldOptions,
): GameKey {
  return { source: 'generated', split, seed, episode, rules: { taskTypes, rooms, mostReceptacles, mostThings } };
}

/** Every game of a split is played once, in a seeded order, before the next round in another order. */
function dataKey({ seed, episode }: { seed: number; episode: number }, options: AlfworldOptions): DataKey {
  const games = listGames(dataRoot(), options.split, options.taskTypes);
  const round = Math.floor(episode / games.length);
  const game = new RandomStream({ seed, purpose: 'alfworld order', episode: round }).shuffled(games)[
    episode % games.length
  ];
  const { annotations } = readGame(dataRoot(), options.split, game);
  const goal =
    options.humanGoals && annotations.length > 0
      ? new RandomStream({ seed, purpose: 'alfworld goal', episode }).pick(annotations)
      : null;
  return { source: 'data', split: options.split, game, goal };
}

/** The same game in the original simulator. */
function startBridged(key: DataKey, simulator: Simulator): BridgedEnvironment<DataKey> {
  const { task } = readGame(dataRoot(), key.split, key.game);
  return BridgedEnvironment.start({ key, simulator, taskType: task.type, goal: key.goal }, () => folderOf(key));
}

function folderOf({ split, game }: DataKey): string {
  return gameFolder(dataRoot(), split, game);
}

function dataRoot(): string {
  const root = process.env['ALFWORLD_DATA'];
  if (!root)
    throw new AlfworldGameError(
      "ALFWorld's data set is needed, but ALFWORLD_DATA does not name its folder; run alfworld-download and set " +
        'it for every worker.',
    );
  return root;
}

type Loaded = { readonly game: TextGame; readonly task: Task; readonly sentence: string | null };

/**
 * Games are loaded once for the episodes of a wave and the rows of a run, which use them again and again; 0.2 to 0.3 MB
 * each.
 */
const loadedGames = new Map<string, Loaded>();
const KEPT_GAMES = 512;

function load(key: GameKey): Loaded {
  const name = JSON.stringify(key.source === 'data' ? [key, dataRoot()] : key);
  let loaded = loadedGames.get(name);
  if (!loaded) {
    if (key.source === 'generated') {
      const { game, task } = generateGame(key);
      loaded = { game, task, sentence: null };
    } else {
      const { file, task } = readGame(dataRoot(), key.split, key.game);
      loaded = {
        game: new TextGame(key.goal === null ? file : withGoalText(file, key.goal)),
        task,
        sentence: key.goal,
      };
    }
    if (loadedGames.size >= KEPT_GAMES) loadedGames.delete(loadedGames.keys().next().value!);
    loadedGames.set(name, loaded);
  }
  return loaded;
}

/** One episode. Beyond the contract it shows the true state to solvers and reports. */
export class AlfworldEnvironment implements Environment {
  readonly name = 'alfworld';
  readonly play: TextGamePlay;
  readonly task: Task;
  readonly #key: GameKey;
  readonly #sentence: string;
  readonly #actions: string[] = [];
  /** Receptacles whose contents were seen. */
  readonly #seen = new Set<Entity>();
  #feedback: string;
  #over = false;

  constructor(key: GameKey, actions: readonly string[] = []) {
    const { game, task, sentence } = load(key);
    this.#key = key;
    this.task = task;
    this.play = game.start();
    this.#feedback = this.play.intro;
    this.#sentence = sentence ?? taskSentence(this.play.intro);
    this.#lookAround();
    for (const action of actions) this.#act(action);
    this.#over = this.#judge().stop !== null;
  }

  state(): AlfworldState {
    const { met, total } = this.goalConditions;
    return {
      key: this.#key,
      actions: [...this.#actions],
      taskType: this.task.type,
      won: this.play.won,
      goalConditions: [met, total],
    };
  }

  observe(size: number): RgbImage {
    return drawHousehold(new HouseholdView(this.play), size);
  }

  promptValues(): Readonly<Record<string, string>> {
    return householdPrompt({
      task: this.#sentence,
      commands: this.play.commands,
      actions: this.#actions,
      feedback: this.#feedback,
    });
  }

  legalActions(): readonly string[] {
    return this.play.commands;
  }

  step(action: string, drawn = false): StepResult {
    if (this.#over) throw new Error('alfworld: the episode is over');
    if (!this.play.commands.includes(action)) throw new RangeError(`alfworld: "${action}" is not admissible now`);
    this.#act(action);
    const result = this.#judge(drawn);
    this.#over = result.stop !== null;
    return result;
  }

  #act(action: string): void {
    this.#feedback = this.play.step(action).feedback;
    this.#actions.push(action);
    this.#lookAround();
  }

  #judge(drawn = false): StepResult {
    return judgeStep(this.#actions, this.play.won, this.goalConditions, drawn);
  }

  get goalConditions(): GoalConditions {
    return goalConditions(this.play, this.task);
  }

  /** The expert's next moves, given where everything is; null if it finds no solution. */
  advice(): Advice | null {
    return advise(this.play, this.task);
  }

  /**
   * The next moves of a player who knows only what was seen in this episode; for the environment's task or another one.
   */
  leads(task: Task = this.task): readonly Lead[] {
    return leads(this.play, task, this.#seen);
  }

  #lookAround(): void {
    const here = this.play.facts('atlocation')[0]?.[1];
    for (const [receptacle, place] of this.play.facts('receptacleatlocation')) {
      if (place === here && (!this.play.isTrue('openable', receptacle) || this.play.isTrue('opened', receptacle)))
        this.#seen.add(receptacle);
    }
  }
}
