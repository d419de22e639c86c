/** The kill matrix: each activity x each point in it x each victim. */
import { FAULT_POINTS, type Fault, type FaultPoint } from '../../activities/fault-point.ts';
import type { Algorithm } from '../../configs/algorithms.ts';
import { type Kill, VICTIMS, type Victim } from './kills.ts';

/**
 * The teacher: the exact solver, one activity per wave; or a paid one (the rehearsal server), one activity per thought.
 */
export type ChaosTeacher = 'solver' | 'openai';

/**
 * Activities of a run in the order in which they first occur, and the durable write that is the middle of each: for an
 * activity with resume points, a later one that is half stored (the policy, not yet the optimizer), so that it resumes
 * from the one before. null: it writes nothing.
 */
const WRITES = {
  findSearchAttributes: null,
  checkTeacher: null,
  prepareRun: 1,
  evaluatePolicy: 2,
  mergeCheckpoints: 1,
  rolloutWave: 2,
  correctEpisodesLocally: 1,
  reviewWave: 1,
  correctThought: 1,
  teacherLogprobs: 1,
  teacherThoughts: 1,
  assembleBatch: 2,
  measureRollout: 1,
  updatePolicy: 3,
  publishMetrics: 1,
} as const satisfies Readonly<Record<string, number | null>>;

/** Activities that remove something from the store: resume points, epochs' states, weights of older iterations. */
const REMOVES = new Set<ActivityName>(['evaluatePolicy', 'rolloutWave', 'updatePolicy', 'publishMetrics']);
const REMOVAL_POINTS = new Set<FaultPoint>(['removing', 'aside', 'removed']);

const ONLY_OF: Partial<Record<ActivityName, ChaosTeacher>> = {
  correctEpisodesLocally: 'solver',
  checkTeacher: 'openai',
  reviewWave: 'openai',
  correctThought: 'openai',
};

/** Activities of algorithms whose teacher is merged from the run's own checkpoints; `any`: whatever it supplies. */
const MERGED: Partial<Record<ActivityName, 'any' | NonNullable<Algorithm['merged']>>> = {
  mergeCheckpoints: 'any',
  teacherLogprobs: 'kl',
  teacherThoughts: 'thoughts',
};

export type ActivityName = keyof typeof WRITES;

export function faultIn(activity: ActivityName, point: FaultPoint): Fault {
  return { activity, point, ...(point === 'written' ? { writes: WRITES[activity] ?? undefined } : {}) };
}

/** One run of the matrix: the same victim dies at the same point of every activity in turn. */
export type MatrixRow = { point: FaultPoint; victim: Victim; kills: Kill[] };

/** `merged`: what a merged teacher supplies to the runs' algorithm. */
export function killMatrix(teacher: ChaosTeacher, merged: Algorithm['merged'] = null): MatrixRow[] {
  const isAsked = (of: (typeof MERGED)[ActivityName]) =>
    of === undefined || (merged !== null && [merged, 'any'].includes(of));
  const activities = (Object.keys(WRITES) as ActivityName[]).filter(
    (activity) => (ONLY_OF[activity] ?? teacher) === teacher && isAsked(MERGED[activity]),
  );
  const at = (point: FaultPoint) =>
    activities
      .filter((activity) => point !== 'written' || WRITES[activity] !== null)
      .filter((activity) => !REMOVAL_POINTS.has(point) || REMOVES.has(activity))
      .map((activity) => faultIn(activity, point));
  return FAULT_POINTS.flatMap((point) =>
    VICTIMS.map((victim) => ({ point, victim, kills: at(point).map((fault) => ({ fault, victim })) })),
  );
}
