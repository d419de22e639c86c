/** The kill matrix: each activity x each place in it x each victim. */
import { FAULT_PLACES, type Fault, type FaultPlace } from '../../activities/fault-point.ts';
import { type Kill, VICTIMS, type Victim } from './kills.ts';

/**
 * Activities of a run in the order in which a run first comes to them, and which of its durable writes stands for the middle of each: where an
 * activity has resume points, a later one that is half stored (the policy, not yet the optimizer), so that it goes on from the one before.
 */
export const ACTIVITIES = {
  prepareRun: 1,
  evaluatePolicy: 2,
  rolloutWave: 2,
  correctEpisodesLocally: 1,
  assembleBatch: 2,
  updatePolicy: 3,
  publishMetrics: 1,
} as const satisfies Readonly<Record<string, number>>;

export type ActivityName = keyof typeof ACTIVITIES;

export function faultIn(activity: ActivityName, place: FaultPlace): Fault {
  return { activity, place, ...(place === 'written' ? { writes: ACTIVITIES[activity] } : {}) };
}

/** One run of the matrix: the same victim dies at the same place of every activity in turn. */
export type MatrixRow = { place: FaultPlace; victim: Victim; kills: Kill[] };

export function killMatrix(): MatrixRow[] {
  return FAULT_PLACES.flatMap((place) => VICTIMS.map((victim) => ({ place, victim, kills: (Object.keys(ACTIVITIES) as ActivityName[]).map((activity) => ({ fault: faultIn(activity, place), victim })) })));
}
