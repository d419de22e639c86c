/**
 * The Loop operator: a body repeated until it says stop, carrying states and collecting one slice of each scan a trip.
 */

import { GraphBuilder } from '../builder.ts';
import type { Op, Value } from '../program.ts';
import { formatType, GraphError, UNKNOWN, type TensorType } from '../tensor.ts';

/** Whether a state's type inside the body, where a growing axis is UNKNOWN, fits the type outside. */
function fits(inner: TensorType, outer: TensorType): boolean {
  return (
    inner.dtype === outer.dtype &&
    inner.shape.length === outer.shape.length &&
    inner.shape.every((length, axis) => length === UNKNOWN || length === outer.shape[axis])
  );
}

/**
 * Inputs: trips (int64 scalar), go (bool scalar), initial states. Outputs: final states, then scans [trips, ...slice].
 */
export const Loop: Op<{ states: number }> = {
  name: 'Loop',
  infer: ([trips, go, ...initial], { states }, body) => {
    if (!body || trips.dtype !== 'int64' || go.dtype !== 'bool' || initial.length !== states)
      throw new GraphError('takes a body, a trip count, a condition and its states');
    const next = body.outputs.slice(1, 1 + states).map(({ value }) => value);
    const carried = body.inputs.slice(2);
    carried.forEach((state, i) => {
      if (!fits(state, initial[i]) || !fits(state, next[i]))
        throw new GraphError(
          `state ${state.name} is ${formatType(state)}, starts as ${formatType(initial[i])} and continues as ` +
            `${formatType(next[i])}`,
        );
    });
    const scans = body.outputs
      .slice(1 + states)
      .map(({ value }) => ({ dtype: value.dtype, shape: [UNKNOWN, ...value.shape] }));
    return [...carried.map(({ dtype, shape }) => ({ dtype, shape })), ...scans];
  },
  emit: ({ inputs, outputs, body }) => [{ type: 'Loop', inputs, outputs, attributes: { body: { graph: body! } } }],
  vjp: 'forbidden',
  samples: [],
};

/** Arguments and results of one trip of a loop. */
export type LoopTrip = { trip: Value; states: Record<string, Value> };
export type LoopResult = { go: Value; states: Record<string, Value>; scans: Record<string, Value> };

/**
 * Repeats `body` at most `trips` times, while `go` holds. States are named; `shapes` gives the type of those that grow.
 * Values made outside may be used inside.
 */
export function loop(
  g: GraphBuilder,
  {
    trips,
    go,
    states,
    grows = {},
  }: { trips: number; go: Value; states: Record<string, Value>; grows?: Record<string, TensorType> },
  body: (inner: GraphBuilder, trip: LoopTrip) => LoopResult,
): { states: Record<string, Value>; scans: Record<string, Value> } {
  const inner = new GraphBuilder(g);
  const names = Object.keys(states);
  const trip = inner.input('trip', 'int64', []);
  inner.input('go', 'bool', []);
  const carried = Object.fromEntries(
    names.map((name) => [
      name,
      inner.input(name, (grows[name] ?? states[name]).dtype, (grows[name] ?? states[name]).shape),
    ]),
  );
  const result = body(inner, { trip, states: carried });
  const scanNames = Object.keys(result.scans);
  inner.output('go', result.go);
  for (const name of names) inner.output(name, result.states[name]);
  for (const name of scanNames) inner.output(name, result.scans[name]);
  const outputs = g.apply(
    Loop,
    [g.ints([trips], []), go, ...names.map((name) => states[name])],
    { states: names.length },
    inner.finish(),
  );
  return {
    states: Object.fromEntries(names.map((name, i) => [name, outputs[i]])),
    scans: Object.fromEntries(scanNames.map((name, i) => [name, outputs[names.length + i]])),
  };
}
