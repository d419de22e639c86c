/**
 * Repeats decoding steps until all rows have ended. Tails of keys and values grow in one loop, or in two nested loops.
 */
import type { GraphBuilder } from '../../graph/builder.ts';
import { add, and, less, mul } from '../../graph/ops/elementwise.ts';
import { loop } from '../../graph/ops/loop.ts';
import { concat, zeros } from '../../graph/ops/movement.ts';
import type { Value } from '../../graph/program.ts';
import { UNKNOWN } from '../../graph/tensor.ts';
import { someGoesOn, type TokenStates } from './choose-token.ts';
import { decodeStep, tailNames, tailType, type DecodeContext } from './decode-step.ts';

/**
 * Steps after which a growing tail joins the long one, out of `steps`: the number that makes copying cheapest. Short
 * responses do not need a second loop.
 */
function stepsBetweenJoins(steps: number): number {
  return steps < 48 ? steps : Math.ceil(Math.sqrt(steps));
}

/** At most `count` steps after the first token: ids and log-probs [steps, rows]. `nested`: loops may be nested. */
export function decodeLoop(
  g: GraphBuilder,
  context: DecodeContext,
  first: TokenStates,
  count: number,
  nested = true,
): { ids: Value; logprobs: Value } {
  const span = stepsBetweenJoins(count);
  return !nested || context.window !== null || span >= count
    ? oneLoop(g, context, first, count)
    : loopInLoop(g, context, first, count, span);
}

/** Tails as they are before the first step, and the types that they grow to. */
function tailsOf(g: GraphBuilder, context: DecodeContext) {
  const type = tailType(context);
  const names = tailNames(context);
  const none = zeros(g, type.shape.with(2, 0), type.dtype);
  return {
    names,
    empty: Object.fromEntries(names.map((name) => [name, none])),
    grows: Object.fromEntries(names.map((name) => [name, type])),
  };
}

/** Tails grow by a copy with one more token every step. */
function oneLoop(g: GraphBuilder, context: DecodeContext, first: TokenStates, count: number) {
  const { empty, grows } = tailsOf(g, context);
  const start = { ...(first as Record<string, Value>), ...empty };
  const { scans } = loop(
    g,
    { trips: count, go: someGoesOn(g, first.ended), states: start, grows },
    (b, { trip, states }) => {
      const next = decodeStep(b, context, trip, states, null);
      return { ...next, go: someGoesOn(b, next.states.ended) };
    },
  );
  return { ids: scans.step_ids, logprobs: scans.step_logprobs };
}

/** Short tails grow in an inner loop and join the long ones, which grow in an outer loop: far less is copied. */
function loopInLoop(g: GraphBuilder, context: DecodeContext, first: TokenStates, count: number, span: number) {
  const { names, empty, grows } = tailsOf(g, context);
  const { rows } = context;
  const answers = {
    ids: { dtype: 'int64', shape: [UNKNOWN, rows] },
    logprobs: { dtype: 'float32', shape: [UNKNOWN, rows] },
  } as const;
  const none = Object.fromEntries(
    Object.entries(answers).map(([name, { dtype }]) => [name, zeros(g, [0, rows], dtype)]),
  );
  const start = { ...(first as Record<string, Value>), ...empty, ...none };
  const { states } = loop(
    g,
    {
      trips: Math.ceil(count / span),
      go: someGoesOn(g, first.ended),
      states: start,
      grows: { ...grows, ...answers },
    },
    (outer, { trip: block, states: older }) => {
      const tokens = mul(outer, block, outer.ints([span], []));
      const begin = { ...Object.fromEntries(Object.keys(first).map((name) => [name, older[name]])), ...empty };
      const { states: newest, scans } = loop(
        outer,
        { trips: span, go: someGoesOn(outer, older.ended), states: begin, grows },
        (b, { trip, states: carried }) => {
          const at = add(b, tokens, trip);
          const next = decodeStep(b, context, at, carried, { tails: older, tokens });
          return { ...next, go: and(b, someGoesOn(b, next.states.ended), less(b, at, b.ints([count - 1], []))) };
        },
      );
      const joined = Object.fromEntries(names.map((name) => [name, concat(outer, [older[name], newest[name]], 2)]));
      const all = {
        ids: concat(outer, [older.ids, scans.step_ids], 0),
        logprobs: concat(outer, [older.logprobs, scans.step_logprobs], 0),
      };
      return { go: someGoesOn(outer, newest.ended), states: { ...newest, ...joined, ...all }, scans: {} };
    },
  );
  return { ids: states.ids, logprobs: states.logprobs };
}
