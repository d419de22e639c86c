/** Blackjack against a dealer who draws to 17, from an infinite deck: `stand` or `hit`. */
import { z } from 'zod';
import { parseConfig } from '../../configs/schema.ts';
import { RandomStream } from '../random/counter.ts';
import { RANKS, rankName, SUITS } from './card.ts';
import { drawBlackjackTable } from './drawing/blackjack-table.ts';
import { cardFacesOption } from './drawing/card-faces.ts';
import { CUT_AFTER_FAILURE, type Game, type JsonState, outcomeByReward, type StepResult } from './env.ts';
import type { RgbImage } from '../pictures/rgb-image.ts';
import { GuardedEnvironment } from './guarded-environment.ts';
import { DEALER_STANDS, handValue, LARGEST_HAND } from './hand-value.ts';
import { readSingleAction } from './read-action.ts';

const optionsSchema = z.strictObject({ cardFaces: cardFacesOption });
export type BlackjackOptions = z.infer<typeof optionsSchema>;

const ACTIONS = ['stand', 'hit'] as const;

/** Cards are suit letter + rank. The dealer's first card is open, the second hidden. */
export type BlackjackState = JsonState & {
  readonly dealer: readonly string[];
  readonly player: readonly string[];
  /**
   * Where cards come from: a random stream, or a list of cards in the order in which they are drawn (the four of the
   * deal included).
   */
  readonly deck: { readonly seed: number; readonly episode: number } | readonly string[];
};

export const blackjack: Game<BlackjackOptions> = {
  name: 'blackjack',
  parseOptions: (options) => parseConfig(optionsSchema, options, 'environment.options (blackjack)'),
  start({ seed, episode }, options) {
    const deck = { seed, episode };
    return new BlackjackEnvironment(
      { dealer: [cardOf(deck, 0), cardOf(deck, 1)], player: [cardOf(deck, 2), cardOf(deck, 3)], deck },
      options,
    );
  },
  fromState: (state, options) => new BlackjackEnvironment(state as BlackjackState, options),
  cut: CUT_AFTER_FAILURE,
  outcome: ({ start }, reward) => outcomeByReward(reward, openingHand((start as BlackjackState).player)),
  readAction: (text, legalActions) => readSingleAction(text, /[a-z]+/g, legalActions),
};

/** Kinds of opening hands that success is broken down by. */
function openingHand(player: readonly string[]): string {
  const { total, soft } = handValue(player);
  return soft ? 'soft' : total <= 11 ? 'hard-to-11' : total <= 16 ? 'hard-12-to-16' : 'hard-17-or-more';
}

/** The card that is drawn after `drawn` others. Throws RangeError past the end of a listed deck. */
function cardOf(deck: BlackjackState['deck'], drawn: number): string {
  if ('seed' in deck) {
    const random = new RandomStream({ seed: deck.seed, purpose: 'deal blackjack', episode: deck.episode, step: drawn });
    return random.pick(SUITS) + random.pick(RANKS);
  }
  if (drawn >= deck.length) throw new RangeError(`blackjack: the listed deck has only ${deck.length} cards`);
  return deck[drawn];
}

class BlackjackEnvironment extends GuardedEnvironment {
  readonly name = 'blackjack';
  readonly #deck: BlackjackState['deck'];
  readonly #cardFaces: string | null;
  #dealer: readonly string[];
  #player: readonly string[];

  constructor({ dealer, player, deck }: BlackjackState, { cardFaces }: BlackjackOptions) {
    super();
    this.#dealer = dealer;
    this.#player = player;
    this.#deck = deck;
    this.#cardFaces = cardFaces;
  }

  state(): BlackjackState {
    return { dealer: this.#dealer, player: this.#player, deck: this.#deck };
  }

  observe(size: number): RgbImage {
    return drawBlackjackTable(this.#dealer[0], this.#player, size, this.#cardFaces);
  }

  /** What the player sees, as ranks. */
  promptValues(): Readonly<Record<string, string>> {
    return { dealer: rankName(this.#dealer[0]), player: this.#player.map(rankName).join(' ') };
  }

  legalActions(): readonly string[] {
    return ACTIONS;
  }

  protected act(action: string): StepResult {
    return action === 'hit' ? this.#hit() : this.#stand();
  }

  #hit(): StepResult {
    this.#player = [...this.#player, this.#draw()];
    return handValue(this.#player).total > LARGEST_HAND
      ? { reward: -1, stop: 'terminated' }
      : { reward: 0, stop: null };
  }

  /** The player's hand is at most 21 here: a larger one has lost already. */
  #stand(): StepResult {
    while (handValue(this.#dealer).total < DEALER_STANDS) this.#dealer = [...this.#dealer, this.#draw()];
    const [player, dealer] = [handValue(this.#player).total, handValue(this.#dealer).total];
    return { reward: dealer > LARGEST_HAND ? 1 : Math.sign(player - dealer), stop: 'terminated' };
  }

  #draw(): string {
    return cardOf(this.#deck, this.#dealer.length + this.#player.length);
  }
}
