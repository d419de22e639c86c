/**
 * Blackjack's expert: plays the best action, computed exactly from what the player sees, without the hidden card and
 * the deck.
 */
import type { BlackjackState } from '../envs/blackjack.ts';
import { cardNumber, rankName } from '../envs/card.ts';
import type { Environment } from '../envs/env.ts';
import { handValue } from '../envs/hand-value.ts';
import { actionExpert } from './action-expert.ts';
import { actionValues, bustingRanks } from './blackjack-policy.ts';

/** A naive player hits below this total, whatever the dealer shows. */
const NAIVE_STANDS = 20;

const stateOf = (environment: Environment) => environment.state() as BlackjackState;

/**
 * Placeholders: {dealer} the open card, {player} the player's cards, {hand} soft or hard, {total}, {bust} ranks of 13
 * that pass 21, {next} the action.
 */
export const blackjackExpert = actionExpert({
  percepts: ['dealer', 'player'],
  goodActions(environment) {
    const { dealer, player } = stateOf(environment);
    const { stand, hit } = actionValues(handValue(player), cardNumber(dealer[0]));
    return [hit > stand ? 'hit' : 'stand'];
  },
  naiveAction: (environment) => (handValue(stateOf(environment).player).total < NAIVE_STANDS ? 'hit' : 'stand'),
  words(environment) {
    const { dealer, player } = stateOf(environment);
    const hand = handValue(player);
    return {
      dealer: rankName(dealer[0]),
      player: player.map(rankName).join(' '),
      hand: hand.soft ? 'soft' : 'hard',
      total: String(hand.total),
      bust: String(bustingRanks(hand)),
    };
  },
});
