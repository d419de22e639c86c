/** The kill matrix: each activity x each point in it x each victim. */
import { FAULT_POINTS, type Fault, type FaultPoint } from '../../activities/fault-point.ts';
import type { Algorithm } from '../../configs/algorithms.ts';
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

/** Activities of algorithms whose teacher is merged from the run's own checkpoints; `any`: whatever it is asked. */
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

/** `merged`: what the runs' algorithm asks of a merged teacher. */
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
