/**
 * A training run: prepares the policy, iterates, evaluates, and continues as a new execution before its history grows
 * long. `steering.ts` handles its signals.
 */
import {
  isCancellation,
  makeContinueAsNewFunc,
  patched,
  setWorkflowOptions,
  TemporalFailure,
  upsertMemo,
  workflowInfo,
} from '@temporalio/workflow';
import type { RunMemo } from '../activities/run-memo.ts';
import { afterIteration } from '../configs/mixture.ts';
import { runIdProblem } from '../configs/run-id.ts';
import { checkedRunConfig } from '../configs/checked-config.ts';
import { asksPaidTeacher } from '../configs/teachers.ts';
import type { EvaluatePolicyResult } from '../core/records/evaluation.ts';
import { activitiesOn } from './activities-on.ts';
import { setAccountLimits, untilTeacherAnswers } from './ask-teacher.ts';
import { checkAlarms } from './collapse-alarm.ts';
import { orInvalid, refuse, rootFailure } from './failures.ts';
import type { IterationResult } from './iteration.ts';
import { evaluatePolicy } from './evaluate-policy.ts';
import { recordOutcome } from './record-outcome.ts';
import { withWholeArtifacts } from './remake-artifacts.ts';
import { runIteration } from './run-iteration.ts';
import { Run } from './run.ts';
import type { TrainResult } from '../core/records/train-result.ts';
import { SEARCH_ATTRIBUTES } from './search-attributes.ts';
import { steer } from './steering.ts';
import { advance, initialState, type TrainState } from './train-state.ts';

/** Iterations of one execution before it continues as new. */
const ITERATIONS_PER_EXECUTION = 10;

/** `carried`: from an earlier execution, or from a fork. */
export async function train(input: unknown, carried?: TrainState): Promise<TrainResult> {
  const config = orInvalid(() => checkedRunConfig(input, 'the run configuration'));
  refuse(runIdProblem(workflowInfo().workflowId));
  const run = new Run(config, carried);
  steer(run);
  try {
    if (typeof run.state?.modelSha256 !== 'string') run.state = await prepare(run);
    await iterate(run);
    const result = await finish(run);
    await recordOutcome(run, { status: result.status, failure: null, iterations: result.iterations, result });
    return result;
  } catch (error) {
    // Not for the next execution, nor for a fault of this code, whose task is retried.
    if (error instanceof TemporalFailure) await closeEarly(run, error);
    throw error;
  }
}

// On workers that belong to a build (docs/deployment.md): the run itself only starts iterations, so it moves to a new
// build at their edges; an iteration and all it does stay with the build that began them. Workers without a build must
// not name a behavior.
setWorkflowOptions(
  () => (workflowInfo().currentDeploymentVersion?.deploymentName ? { versioningBehavior: 'AUTO_UPGRADE' } : {}),
  train as (...args: unknown[]) => Promise<TrainResult>,
);

/** Records that a run was cancelled or failed; the results of its whole iterations stay. */
async function closeEarly(run: Run, error: TemporalFailure): Promise<void> {
  const canceled = isCancellation(error);
  if (canceled) {
    run.status = 'canceled';
    run.enter('canceled');
  }
  await recordOutcome(run, {
    status: canceled ? 'canceled' : 'failed',
    failure: canceled ? null : rootFailure(error).message,
    iterations: run.state?.iteration ?? 0,
    result: null,
  });
}

/**
 * Opens the model for a new run. A fork brings its own state, and only checks the model and the configuration.
 */
async function prepare(run: Run): Promise<TrainState> {
  const { config } = run;
  run.show();
  const { findSearchAttributes } = activitiesOn('orchestrator', config, 'search attributes of this server');
  const searchAttributes = await findSearchAttributes({ wanted: SEARCH_ATTRIBUTES });
  run.searchAttributes = searchAttributes;
  await setAccountLimits(run);
  if (asksPaidTeacher(config)) await untilTeacherAnswers(run);
  run.phase = 'opening the model';
  const opened = await activitiesOn('gpu', config, 'open the model, first policy').prepareRun({
    config: run.config,
    run: { id: run.id, startedAt: workflowInfo().startTime.getTime() },
  });
  const { modelSha256: GtrModel, store: GtrStore } = opened;
  if (patched('run-memo')) upsertMemo({ GtrStore, GtrModel } satisfies RunMemo);
  if (run.state !== null)
    return { ...run.state, modelSha256: opened.modelSha256, device: opened.device, searchAttributes };
  run.state = initialState(opened, searchAttributes);
  return { ...run.state, startEvaluation: await evaluate(run, 'start') };
}

/** Runs iterations until all are done or the run is to stop. */
async function iterate(run: Run): Promise<void> {
  run.status = 'running';
  for (let done = 0; run.state!.iteration < run.iterations && run.stop === null; done++) {
    if (done === ITERATIONS_PER_EXECUTION || workflowInfo().continueAsNewSuggested)
      await makeContinueAsNewFunc<typeof train>({ memo: workflowInfo().memo })(run.config, {
        ...run.state!,
        paused: run.gate.paused,
        halted: run.halted,
      });
    run.enter(`iteration ${run.state!.iteration + 1} of ${run.iterations}`);
    await run.gate.pass();
    if (run.stop !== null) break;
    const result = await withWholeArtifacts(run, () => runIteration(run, run.state!, run.config));
    if (result === null) break;
    run.state = advance(run.state!, result, run.config.rollout.envStepsPerIteration);
    run.config = afterIteration(run.config, result.metrics);
    run.budget.reset();
    run.lastMetrics = result.metrics;
    watchForCollapse(run, result.metrics);
    await evaluateInBetween(run);
  }
}

/** A rule that fires pauses the run with its reason, or raises the weight of corrected thoughts from now on. */
function watchForCollapse(run: Run, metrics: IterationResult['metrics']): void {
  const { states, alarms } = checkAlarms(run.config.collapse.alarm, run.state!.alarms ?? [], metrics);
  run.state = { ...run.state!, alarms: states };
  for (const { raiseSft, reason } of alarms) {
    if (raiseSft === null) run.halt(`${reason}; \`gtr resume\` continues it`);
    else {
      const { sft } = run.config;
      run.config = { ...run.config, sft: { ...sft, coef: sft.coef * raiseSft } };
    }
  }
}

async function evaluateInBetween(run: Run): Promise<void> {
  const { iteration } = run.state!;
  const every = run.config.evaluation.everyIterations;
  if (every > 0 && iteration % every === 0 && iteration < run.iterations) await evaluate(run, `iteration-${iteration}`);
}

async function evaluate(run: Run, label: string): Promise<EvaluatePolicyResult | null> {
  const { episodes } = run.config.evaluation;
  if (episodes === 0) return null;
  const { status, phase } = run;
  run.status = 'evaluating';
  run.enter(`evaluation (${label})`);
  const evaluation = await withWholeArtifacts(run, () =>
    evaluatePolicy({
      config: run.config,
      policy: run.state!.policy,
      runId: run.id,
      label,
      iterationsDone: run.state!.iteration,
    }),
  );
  run.status = status;
  run.phase = phase;
  return evaluation;
}

async function finish(run: Run): Promise<TrainResult> {
  const status = run.stop === null ? 'done' : 'stopped';
  run.ending = true;
  const final = run.stop === 'now' ? null : await evaluate(run, 'final');
  run.status = status;
  run.phase = status;
  run.show(final);
  const { iteration, envSteps, policy, optimizer, corrections, correctionRows, startEvaluation } = run.state!;
  return {
    status,
    iterations: iteration,
    envSteps,
    success: final?.success ?? null,
    policy,
    optimizer,
    corrections: { rows: correctionRows, manifest: corrections },
    corrector: run.corrector,
    evaluation: { start: startEvaluation, final },
  };
}
