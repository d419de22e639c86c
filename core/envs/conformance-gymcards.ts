/** Replays recorded episodes of the original gym-cards environments and compares every step. */
import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { z } from 'zod';
import { ConfigError, parseConfig } from '../../configs/schema.ts';
import { cardNumber } from './card.ts';
import type { Environment, JsonState, StepResult } from './env.ts';
import { gameByName } from './registry.ts';

const outcome = { action: z.string(), reward: z.number(), terminated: z.boolean(), truncated: z.boolean() };
const steps = <S extends z.ZodRawShape>(shape: S) => z.array(z.object({ ...outcome, ...shape }));
/** [value, face, suit] */
const card = z
  .tuple([z.union([z.string(), z.number()]), z.string(), z.string()])
  .transform(([, face, suit]) => suit + (face === '10' ? 'T' : face));
const hands = { dealer: z.array(card), player: z.array(card) };
const formulaGame = {
  cards: z.array(z.string()),
  numbers: z.array(z.number()),
  steps: steps({ formula: z.array(z.coerce.string()) }),
};

const episodeSchema = z.discriminatedUnion('env', [
  z.object({ env: z.literal('Points24'), ...formulaGame }),
  z.object({ env: z.literal('EZPoints'), ...formulaGame }),
  z.object({
    env: z.literal('NumberLine'),
    start: z.number(),
    target: z.number(),
    steps: steps({ current: z.number() }),
  }),
  z.object({ env: z.literal('Blackjack'), ...hands, steps: steps(hands) }),
]);
type RecordedEpisode = z.infer<typeof episodeSchema>;

/** One replayed episode: its line in the file, and the first difference from the recording, if any. */
export type ReplayedEpisode = { line: number; env: string; steps: number; difference: string | null };

/**
 * Replays a file of episodes, one JSON object a line, gzipped or plain. Throws `ConfigError` naming the first line that
 * is not a recorded episode.
 */
export function* replayGymCards(file: string): Generator<ReplayedEpisode> {
  const content = readFileSync(file);
  const text = (content[0] === 0x1f && content[1] === 0x8b ? unzip(file, content) : content).toString();
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const episode = parseConfig(
      episodeSchema,
      parseLine(line, `${file}, line ${index + 1}`),
      `${file}, line ${index + 1}`,
    );
    yield { line: index + 1, env: episode.env, steps: episode.steps.length, difference: compare(episode) };
  }
}

function unzip(file: string, content: Buffer): Buffer {
  try {
    return gunzipSync(content);
  } catch (error) {
    throw new ConfigError(`${file}: cannot be unpacked (${(error as Error).message}); fetch it again.`);
  }
}

function parseLine(line: string, where: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw new ConfigError(
      `${where}: is not JSON (${(error as Error).message}); a recording has one JSON object a line.`,
    );
  }
}

/** The first difference between our game and a recorded episode; null when every step is equal. */
function compare(episode: RecordedEpisode): string | null {
  const environment = open(episode);
  if ('numbers' in episode && !isDeepStrictEqual(episode.cards.map(cardNumber), episode.numbers))
    return `the cards count ${episode.cards.map(cardNumber).join(', ')}, recorded are ${episode.numbers.join(', ')}`;
  let over = false;
  for (const [index, { action, reward, terminated, truncated, ...recorded }] of episode.steps.entries()) {
    const where = `step ${index + 1} (${action})`;
    if (over) return `${where}: the episode was over before`;
    if (!environment.legalActions().includes(action)) return `${where}: is not an action`;
    const result = take(environment, action);
    if (typeof result === 'string') return `${where}: ${result}`;
    const state = environment.state();
    const ours = {
      reward: result.reward,
      terminated: result.stop === 'terminated',
      truncated: result.stop === 'truncated',
      ...Object.fromEntries(Object.keys(recorded).map((key) => [key, state[key]])),
    };
    const theirs = { reward, terminated, truncated, ...recorded };
    if (!isDeepStrictEqual(ours, theirs))
      return `${where}: ours ${JSON.stringify(ours)}, recorded ${JSON.stringify(theirs)}`;
    over = result.stop !== null;
  }
  return null;
}

/** What a step did, or why it cannot be taken: our dealer draws more cards than were recorded. */
function take(environment: Environment, action: string): StepResult | string {
  try {
    return environment.step(action);
  } catch (error) {
    if (error instanceof RangeError) return error.message;
    throw error;
  }
}

/** Our game at the start of a recorded episode, with the original's arithmetic and its cards. */
function open(episode: RecordedEpisode): Environment {
  const game = gameByName(episode.env.toLowerCase());
  const make = (state: JsonState, options: object = {}) => game.fromState(state, game.parseOptions(options));
  switch (episode.env) {
    case 'NumberLine':
      return make({ target: episode.target, current: episode.start, steps: 0 });
    case 'Blackjack':
      return make({ dealer: episode.dealer, player: episode.player, deck: drawnCards(episode) });
    default:
      return make({ cards: episode.cards, formula: [] }, { arithmetic: 'python-float64' });
  }
}

/** All cards of a Blackjack episode in the order in which they were drawn. */
function drawnCards({ dealer, player, steps }: Extract<RecordedEpisode, { env: 'Blackjack' }>): string[] {
  const last = steps.at(-1) ?? { dealer, player };
  return [...dealer, ...player, ...last.player.slice(player.length), ...last.dealer.slice(dealer.length)];
}
