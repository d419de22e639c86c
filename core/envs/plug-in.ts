/** Games that users bring: a module named by its path or package in `environment.name` (docs/environments.md). */
import { createRequire, registerHooks } from 'node:module';
import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { PROJECT } from '../../configs/project-folder.ts';
import { ConfigError, configErrorOf, parseConfig } from '../../configs/schema.ts';
import { type Colour, type RgbImage } from '../pictures/rgb-image.ts';
import { decodePng } from '../pictures/png.ts';
import { RandomStream } from '../random/counter.ts';
import { type Environment, type Game, type Outcome, outcomeByReward, type StepResult } from './env.ts';
import { readNamedAction } from './read-action.ts';

/** A picture: pixels of any size, or the path of a PNG file; relative paths start at the module's folder. */
export type Picture = RgbImage | string;

/** One episode of a user's game. */
export type PlugInEnvironment = Omit<Environment, 'observe' | 'name'> & { observe(size: number): Picture };

/** What an episode derives from: the same key gives the same one. `random`: its own stream. */
export type EpisodeKey = { seed: number; episode: number; random: RandomStream };

/** A user's game: the contract of the built-in ones, with defaults for what most games have in common. */
export type PlugInGame<O> = {
  readonly name: string;
  start(key: EpisodeKey, options: O): PlugInEnvironment;
  fromState(state: any, options: O): PlugInEnvironment;
} & Partial<Omit<Game<O>, 'name' | 'start' | 'fromState' | 'remote'>>;

/** What a module exports in addition to its game; the rooms that use them check them. */
export type LoadedModule = {
  /** What the game calls itself. */
  title: string;
  /** The game with its defaults; its `name` is the one in the configuration. */
  game: Game<any>;
  prompt: unknown;
  expert: unknown;
  correctorPrompt: unknown;
  readState?(picture: RgbImage): object | null;
  /** File that was loaded. */
  file: string;
};

/** A user's game broke the contract while it was played; retrying would not help. */
export class EnvironmentError extends Error {
  override name = 'EnvironmentError';
}

const REQUIRED = ['start', 'fromState'] as const;
const OPTIONAL = ['parseOptions', 'check', 'outcome', 'readAction'] as const;
const METHODS = ['state', 'observe', 'promptValues', 'legalActions', 'step'] as const;
const PARTS = ['game', 'prompt', 'expert', 'correctorPrompt', 'readState'];

const BACKGROUND: Colour = [255, 255, 255];

/** The name under which modules import the contract, wherever they are. */
const CONTRACT = 'durable-gtr/environment';
let hooked = false;

/** Makes `durable-gtr/environment` importable from modules outside this package. */
function makeContractKnown(): void {
  if (hooked) return;
  hooked = true;
  const url = pathToFileURL(path.join(PROJECT, 'core/corrector/environment-module.ts')).href;
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === CONTRACT ? { url, format: 'module-typescript', shortCircuit: true } : next(specifier, context),
  });
}

const modules = new Map<string, LoadedModule>();

/** Whether a name can only be a path. */
export function isPath(name: string): boolean {
  return /^\.{0,2}[/\\]|\.[cm]?[jt]s$/.test(name);
}

/**
 * The module of a path (relative to the project) or of a package; null if the name is not a path and there is no such
 * package. A module is loaded once per process. Throws `ConfigError` with one sentence.
 */
export function loadModule(name: string): LoadedModule | null {
  const file = fileOf(name);
  if (file === null) return null;
  let loaded = modules.get(name);
  if (loaded === undefined) modules.set(name, (loaded = readModule(name, file)));
  return loaded;
}

/** Games of this package that are modules, like those of users. */
export const BUILT_IN_MODULES: readonly string[] = ['frozenlake', 'sokoban'];

function fileOf(name: string): string | null {
  if (BUILT_IN_MODULES.includes(name)) return path.join(PROJECT, 'environments', `${name}.ts`);
  if (isPath(name)) {
    const file = path.resolve(PROJECT, name);
    if (!statSync(file, { throwIfNoEntry: false })?.isFile())
      throw new ConfigError(
        `environment.name: there is no file ${file}; name the module of your game` +
          `${existsSync(name) ? `, ${path.resolve(name)}` : ''} (relative paths count from the project).`,
      );
    return file;
  }
  if (!/^(@[\w.-]+\/)?[\w][\w.-]*(\/[\w./-]+)?$/.test(name)) return null;
  for (const folder of packageFolders()) {
    try {
      const file = createRequire(path.join(folder, 'any.js')).resolve(name);
      return path.isAbsolute(file) ? file : null;
    } catch {
      // not there; perhaps in the other folder
    }
  }
  return null;
}

/**
 * Folders in which packages are looked for: `GTR_PACKAGES`, which `gtr up` sets for its workers, or the current one.
 */
export function packageFolders(): string[] {
  return [PROJECT, process.env['GTR_PACKAGES'] ?? process.cwd()];
}

function readModule(name: string, file: string): LoadedModule {
  const fail = (problem: string) => new ConfigError(`environment.name: ${name} ${problem} (docs/environments.md).`);
  let content: unknown;
  makeContractKnown();
  try {
    content = createRequire(file)(file);
  } catch (error) {
    const [line] = (error as Error).message.split('\n');
    throw fail(`cannot be loaded: ${line.replace(/\.$/, '')}`);
  }
  const given = isRecord(content) && isRecord(content.default) ? content.default : content;
  if (!isRecord(given) || !isRecord(given.game)) throw fail('has no default export with a `game`');
  const unknown = Object.keys(given).filter((key) => !PARTS.includes(key) && key !== '__esModule');
  if (unknown.length > 0 && given !== content)
    throw fail(`has the part \`${unknown[0]}\`, which is not one of ${PARTS.join(', ')}`);
  const { game, prompt, expert, correctorPrompt, readState } = given;
  if (typeof game.name !== 'string' || !/^[a-z0-9][a-z0-9-]*$/i.test(game.name))
    throw fail('has a game without a `name` made of letters, digits and hyphens');
  if (!['undefined', 'function'].includes(typeof readState)) throw fail('has a `readState` that is not a function');
  for (const method of REQUIRED)
    if (typeof game[method] !== 'function') throw fail(`has a game without the function \`${method}\``);
  for (const method of OPTIONAL)
    if (!['undefined', 'function'].includes(typeof game[method]))
      throw fail(`has a game whose \`${method}\` is not a function`);
  if (game.cut !== undefined && !isCut(game.cut))
    throw fail('has a game whose `cut` is not { reward }, a number or null');
  if (!isRecord(prompt)) throw fail('has no `prompt`, the template that words what the agent reads');
  return {
    title: game.name,
    game: complete(name, game as unknown as PlugInGame<unknown>, file),
    prompt,
    expert,
    correctorPrompt,
    readState,
    file,
  };
}

/** The game with its defaults, every episode held to the contract. */
function complete<O>(name: string, game: PlugInGame<O>, file: string): Game<O> {
  const { name: title } = game;
  const held = (environment: PlugInEnvironment) => holdToContract(name, environment, path.dirname(file));
  return {
    name,
    parseOptions: (options) =>
      game.parseOptions === undefined
        ? (parseConfig(z.strictObject({}), options, `environment.options (${title})`) as O)
        : asConfigError(() => game.parseOptions!(options), `environment.options (${title})`),
    ...(game.check === undefined ? {} : { check: async (options: O) => await checkedFiles(name, game, options) }),
    start: ({ seed, episode }, options) =>
      held(
        game.start({ seed, episode, random: new RandomStream({ seed, purpose: `deal ${title}`, episode }) }, options),
      ),
    fromState: (state, options) => held(game.fromState(state, options)),
    cut: { reward: game.cut?.reward ?? null, formula: (state) => game.cut?.formula?.(state) ?? null },
    outcome: (states, reward) =>
      game.outcome === undefined ? outcomeByReward(reward) : checkedOutcome(name, game.outcome(states, reward)),
    readAction: (text, legalActions, options) =>
      game.readAction === undefined
        ? readNamedAction(text, legalActions, game.freeText)
        : game.readAction(text, legalActions, options),
    freeText: game.freeText,
  };
}

function isCut(cut: unknown): boolean {
  if (!isRecord(cut)) return false;
  return (cut.reward == null || Number.isFinite(cut.reward)) && ['undefined', 'function'].includes(typeof cut.formula);
}

/** With null for missing fields. */
function checkedOutcome(name: string, outcome: Partial<Outcome> | undefined): Outcome {
  const { success, group = null, progress = null } = outcome ?? {};
  if (typeof success !== 'boolean' || (group !== null && typeof group !== 'string'))
    throw new EnvironmentError(
      `${name}: outcome() must give { success, group, progress } with true or false for \`success\`; see ` +
        '`gtr conformance environment` (docs/environments.md).',
    );
  return { success, group, progress };
}

/** What a module reports about its files; an error that it throws counts as a fault. */
async function checkedFiles<O>(name: string, game: PlugInGame<O>, options: O) {
  try {
    const { notes = [], faults = [] } = (await game.check!(options)) ?? {};
    return { notes: [...notes], faults: [...faults] };
  } catch (error) {
    return { notes: [], faults: [`${name}: ${(error as Error).message}`] };
  }
}

/** Whatever a module throws for wrong options becomes a `ConfigError`. */
function asConfigError<T>(parse: () => T, origin: string): T {
  try {
    return parse();
  } catch (error) {
    if ((error as Error).name === 'ConfigError') throw error;
    if (error instanceof z.ZodError) throw configErrorOf(error, origin);
    throw new ConfigError(`${origin}: ${(error as Error).message.replace(/\.$/, '')}.`);
  }
}

/** The same object, with pictures read from their files and steps checked. */
function holdToContract(name: string, environment: PlugInEnvironment, folder: string): Environment {
  const broken = (problem: string) =>
    new EnvironmentError(`${name}: ${problem}; see \`gtr conformance environment\` (docs/environments.md).`);
  if (!isRecord(environment)) throw broken('start or fromState gave no environment');
  for (const method of METHODS)
    if (typeof environment[method] !== 'function') throw broken(`an environment has no function \`${method}\``);
  const observe = environment.observe.bind(environment);
  const step = environment.step.bind(environment);
  const legalActions = environment.legalActions.bind(environment);
  const promptValues = environment.promptValues.bind(environment);
  return Object.defineProperties(environment as unknown as Environment, {
    name: { value: name },
    observe: {
      value: (size: number) => {
        const picture = observe(size);
        const image = typeof picture === 'string' ? readPng(path.resolve(folder, picture)) : picture;
        const { width, height, data } = image ?? {};
        if (
          !Number.isInteger(width) ||
          width < 1 ||
          !(data instanceof Uint8Array) ||
          data.length !== width * height * 3
        )
          throw broken('a picture must be { width, height, data } with three bytes a pixel, or the path of a PNG file');
        return image;
      },
    },
    legalActions: {
      value: () => {
        const actions = legalActions();
        if (!Array.isArray(actions) || actions.length === 0 || actions.some((action) => typeof action !== 'string'))
          throw broken('legalActions() must give a list of at least one text');
        return actions;
      },
    },
    promptValues: {
      value: () => {
        const values: unknown = promptValues();
        if (!isRecord(values)) throw broken('promptValues() must give texts by their names');
        const wrong = Object.entries(values).find(([, value]) => typeof value !== 'string');
        if (wrong !== undefined)
          throw broken(`promptValues() must give texts, but \`${wrong[0]}\` is ${JSON.stringify(wrong[1])}`);
        return values;
      },
    },
    step: {
      value: (action: string, drawn?: boolean): StepResult => {
        const result = step(action, drawn) ?? {};
        if ('then' in result)
          throw broken('step gives a promise, but a module plays at once (a game that takes time: behind a server)');
        const { reward, stop } = result;
        if (typeof reward !== 'number' || !Number.isFinite(reward))
          throw broken(`the reward of "${action}" is ${String(reward)}, not a finite number`);
        if (stop !== null && stop !== 'terminated' && stop !== 'truncated')
          throw broken(`\`stop\` after "${action}" is ${JSON.stringify(stop)}, not null, "terminated" or "truncated"`);
        return { reward, stop };
      },
    },
  });
}

/** Pictures by path and modification time: the same object comes again, so agents can keep what they prepared of it. */
const pictures = new Map<string, RgbImage>();
const KEPT_PICTURES = 256;

function readPng(file: string): RgbImage {
  try {
    const key = `${file} ${statSync(file).mtimeMs}`;
    let image = pictures.get(key);
    if (image === undefined) {
      image = decodePng(readFileSync(file), BACKGROUND);
      if (pictures.size >= KEPT_PICTURES) pictures.delete(pictures.keys().next().value!);
      pictures.set(key, image);
    }
    return image;
  } catch (error) {
    throw new EnvironmentError(`The picture ${file} cannot be used: ${(error as Error).message}.`);
  }
}

function isRecord(value: unknown): value is Record<string, any> {
  return typeof value === 'object' && value !== null;
}
