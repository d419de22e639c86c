/**
 * Blackjack's expert: plays the exactly computed best action from what the player sees; the hidden card and the deck
 * stay unknown to it.
 */
import type { BlackjackState } from '../envs/blackjack.ts';
import { cardNumber, rankName } from '../envs/card.ts';
import type { JsonState } from '../envs/env.ts';
import { handValue } from '../envs/hand-value.ts';
import { actionValues, bustingRanks } from './blackjack-policy.ts';
import type { Expert, Plan } from './expert.ts';
import { fillThought, readWords } from './solver-thought.ts';

/** A naive player goes on below this total, whatever the dealer shows. */
const NAIVE_STANDS = 20;

export const blackjackExpert: Expert = {
  percepts: ['dealer', 'player'],
  bestPlan(environment) {
    const state = environment.state();
    const { stand, hit } = actionValues(playerHand(state), cardNumber((state as BlackjackState).dealer[0]));
    return planOf(state, hit > stand ? 'hit' : 'stand');
  },
  proposedPlan(environment, thought, template) {
    const best = this.bestPlan(environment, null)!;
    return readWords(template, thought).next === best.action ? best : null;
  },
  naivePlan(environment) {
    const state = environment.state();
    return planOf(state, playerHand(state).total < NAIVE_STANDS ? 'hit' : 'stand');
  },
};

function playerHand(state: JsonState) {
  return handValue((state as BlackjackState).player);
}

/**
 * Placeholders: {dealer} the open card, {player} the player's cards, {hand} soft or hard, {total}, {bust} ranks of 13
 * that pass 21, {next} the action.
 */
function planOf(state: JsonState, action: 'stand' | 'hit'): Plan {
  const { dealer, player } = state as BlackjackState;
  const hand = handValue(player);
  const words = {
    dealer: rankName(dealer[0]),
    player: player.map(rankName).join(' '),
    hand: hand.soft ? 'soft' : 'hard',
    total: String(hand.total),
    bust: String(bustingRanks(hand)),
    next: action,
  };
  return { target: null, action, word: (template) => fillThought(template, words) };
}
