/** Has a paid teacher judge one thought: asked once, durable before it is reported, within the account's limits. */
import { activityInfo, ApplicationFailure, cancellationSignal } from '@temporalio/activity';
import { getJson, putJson } from '../core/artifacts/codecs.ts';
import type { ArtifactRef, ArtifactStore } from '../core/artifacts/store.ts';
import { FAILURES } from '../configs/failure-types.ts';
import { correctsAt, ownConfigs } from '../configs/mixture.ts';
import type { RunConfig } from '../configs/schema.ts';
import { LATER } from '../core/corrector/correct-episode.ts';
import { type EpisodeProgress, judgeEpisode } from '../core/corrector/judge-episode.ts';
import { PaidJudge } from '../core/corrector/paid-judge.ts';
import { TeacherError } from '../core/corrector/teacher.ts';
import { byEnvironment } from '../core/envs/mixture.ts';
import { addCounts, type CorrectorCounts, NO_COUNTS } from '../core/episodes/corrector-counts.ts';
import { type ActivityDependencies, activity, type Heartbeat } from './activity.ts';
import { CoolingDown, type CorrectorAccount } from './corrector-account.ts';
import { type JudgingContext, openTeacher } from './review-wave.ts';
import { getSampled } from './roll-out-wave.ts';

/** `slot`: the episode's index in its wave. `progress`: how far it is judged; null: as in the context. */
export type CorrectThoughtInput = { context: ArtifactRef; slot: number; progress: ArtifactRef | null };
/** `judged`: steps of the episode with a verdict; `done`: no more questions about it. */
export type CorrectThoughtResult = { progress: ArtifactRef; judged: number; done: boolean; counts: CorrectorCounts };

/** Tries of this activity that ended without an answer. */
type FailedTries = { failures: number; rateLimited: number };

/** `passes`: a later try may succeed without anyone's help. */
export type TeacherProblem = { reason: string; passes: boolean };

export function createThoughtActivities({ store }: ActivityDependencies, account: CorrectorAccount) {
  const openContext = cachedContexts(store, account);
  return {
    /** Why the run's teacher cannot be asked, as far as is known without asking; null: no known reason. */
    checkTeacher: activity(async ({ config }: { config: RunConfig }): Promise<TeacherProblem | null> => {
      const corrected = ownConfigs(config).find((_, index) => correctsAt(config, index));
      const problem = corrected === undefined ? null : await openTeacher(corrected).problem(); // of all alike
      return problem === null ? null : { reason: problem.message, passes: problem.passes };
    }),

    /** Asks about the episode's next open thought, and continues through thoughts whose verdict is already known. */
    correctThought: activity(
      async (
        { context, slot, progress }: CorrectThoughtInput,
        beat: Heartbeat<FailedTries>,
      ): Promise<CorrectThoughtResult> => {
        const { config, iteration, payer, episodes, closed, upTo, judgeOf, ...opened } = await openContext(context);
        const soFar = progress === null ? opened.progress[slot] : await getJson<EpisodeProgress>(store, progress);
        const failed = (await beat.resume(async (tries) => tries)) ?? { failures: 0, rateLimited: 0 };
        let counts = addCounts(NO_COUNTS, failed);
        let asked = false;
        const judged = await judgeEpisode(
          config,
          iteration,
          episodes[slot],
          soFar,
          async (request, step) => {
            const judge = judgeOf(episodes[slot].states[0]);
            const payment = `${payer}/${slot}/${step}`;
            let verdict = await judge.known(request, payment);
            if (verdict === null && asked) return LATER;
            if (verdict === null) {
              asked = true;
              try {
                verdict = await judge.ask(request, payment, cancellationSignal());
              } catch (error) {
                if (error instanceof TeacherError)
                  await beat.reached({
                    failures: failed.failures + 1,
                    rateLimited: failed.rateLimited + (error.kind === 'rateLimit' ? 1 : 0),
                  });
                throw teacherFailure(error);
              }
            }
            counts = addCounts(counts, verdict.counts);
            return verdict;
          },
          { upTo: upTo[slot], over: closed[slot] },
        );
        return {
          progress: await putJson(store, 'judged-episode', judged),
          judged: judged.verdicts.length,
          done: judged.done,
          counts,
        };
      },
    ),
  };
}

export type ThoughtActivities = ReturnType<typeof createThoughtActivities>;

/**
 * Transient errors are retried when the provider says; for the others the workflow waits for a person.
 */
export function teacherFailure(error: unknown): unknown {
  if (error instanceof CoolingDown) return later(error.message, 'coolDown', error.seconds);
  if (!(error instanceof TeacherError)) return error;
  if (!error.passes) return ApplicationFailure.nonRetryable(error.message, FAILURES.teacherRefused, error.kind);
  return later(error.message, error.kind, error.retryAfterSeconds ?? backoffSeconds(activityInfo().attempt));
}

function later(message: string, kind: string, seconds: number): ApplicationFailure {
  return ApplicationFailure.create({ message, type: `Corrector.${kind}`, nextRetryDelay: Math.ceil(seconds * 1000) });
}

/** 1 s, 2 s, 4 s ... 60 s, half of it random, so that calls that failed together do not retry together. */
export function backoffSeconds(attempt: number): number {
  return Math.min(2 ** (attempt - 1), 60) * (0.5 + Math.random() / 2);
}

/** Number of reviewed waves that a worker caches, because all their thoughts need the same episodes. */
const CONTEXTS = 8;

function cachedContexts(store: ArtifactStore, account: CorrectorAccount) {
  const open = async (ref: ArtifactRef) => {
    const context = await getJson<JudgingContext>(store, ref);
    const judgeOf = byEnvironment(
      context.config,
      (own) => new PaidJudge(own, account.limit(openTeacher(own)), account.ledger),
    );
    return { ...context, judgeOf, episodes: (await getSampled(store, context.wave)).episodes };
  };
  const contexts = new Map<string, ReturnType<typeof open>>();
  return (ref: ArtifactRef) => {
    const known = contexts.get(ref.sha256) ?? open(ref);
    contexts.delete(ref.sha256); // the newest use comes last
    contexts.set(ref.sha256, known);
    known.catch(() => contexts.delete(ref.sha256));
    if (contexts.size > CONTEXTS) contexts.delete(contexts.keys().next().value!);
    return known;
  };
}
