/** The kill matrix: each activity x each place in it x each victim. */
import { FAULT_PLACES, type Fault, type FaultPlace } from '../../activities/fault-point.ts';
import { type Kill, VICTIMS, type Victim } from './kills.ts';

/** Who judges: the exact solver, a wave in one activity; or a paid teacher (the rehearsal server), a thought in one. */
export type ChaosTeacher = 'solver' | 'openai';

/**
 * Activities of a run in the order in which a run first comes to them, and which of its durable writes stands for the
 * middle of each: where an activity has resume points, a later one that is half stored (the policy, not yet the
 * optimizer), so that it goes on from the one before. null: it writes nothing.
 */
const WRITES = {
  findSearchAttributes: null,
  checkTeacher: null,
  prepareRun: 1,
  evaluatePolicy: 2,
  rolloutWave: 2,
  correctEpisodesLocally: 1,
  reviewWave: 1,
  correctThought: 1,
  assembleBatch: 2,
  measureRollout: 1,
  updatePolicy: 3,
  publishMetrics: 1,
} as const satisfies Readonly<Record<string, number | null>>;

/** Activities that remove something from the store: resume points, epochs' states, weights of older iterations. */
const REMOVES = new Set<ActivityName>(['evaluatePolicy', 'rolloutWave', 'updatePolicy', 'publishMetrics']);
const REMOVAL_PLACES = new Set<FaultPlace>(['removing', 'aside', 'removed']);

const ONLY_OF: Partial<Record<ActivityName, ChaosTeacher>> = {
  correctEpisodesLocally: 'solver',
  checkTeacher: 'openai',
  reviewWave: 'openai',
  correctThought: 'openai',
};

export type ActivityName = keyof typeof WRITES;

export function faultIn(activity: ActivityName, place: FaultPlace): Fault {
  return { activity, place, ...(place === 'written' ? { writes: WRITES[activity] ?? undefined } : {}) };
}

/** One run of the matrix: the same victim dies at the same place of every activity in turn. */
export type MatrixRow = { place: FaultPlace; victim: Victim; kills: Kill[] };

export function killMatrix(teacher: ChaosTeacher): MatrixRow[] {
  const activities = (Object.keys(WRITES) as ActivityName[]).filter(
    (activity) => (ONLY_OF[activity] ?? teacher) === teacher,
  );
  const at = (place: FaultPlace) =>
    activities
      .filter((activity) => place !== 'written' || WRITES[activity] !== null)
      .filter((activity) => !REMOVAL_PLACES.has(place) || REMOVES.has(activity))
      .map((activity) => faultIn(activity, place));
  return FAULT_PLACES.flatMap((place) =>
    VICTIMS.map((victim) => ({ place, victim, kills: at(place).map((fault) => ({ fault, victim })) })),
  );
}
