/**
 * A training run: prepares the policy, iterates, answers queries, pauses, resumes, stops, and carries on as a new
 * execution before its history grows long.
 */
import {
  ApplicationFailure,
  CancellationScope,
  condition,
  continueAsNew,
  isCancellation,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  setWorkflowOptions,
  startChild,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { AccountActivities } from '../activities/account-limits.ts';
import type { ThoughtActivities } from '../activities/correct-thought.ts';
import type { EvaluationActivities } from '../activities/evaluate-policy.ts';
import type { EvaluatePolicyResult } from '../core/records/evaluation.ts';
import type { SearchAttributeActivities } from '../activities/find-search-attributes.ts';
import type { RemakeActivities } from '../activities/find-iteration-to-remake.ts';
import type { PreparationActivities } from '../activities/prepare-run.ts';
import { changeSettings, fieldOf, LIVE_SETTINGS } from '../configs/live-settings.ts';
import { parseConfig, type RunConfig, runConfigSchema } from '../configs/schema.ts';
import { asksPaidTeacher } from '../configs/teachers.ts';
import { addCounts, type CorrectorCounts, NO_COUNTS } from '../core/episodes/corrector-counts.ts';
import { RunBudget } from './budget.ts';
import { haltSignal, PauseGate } from './control.ts';
import { hasFailureType } from './failures.ts';
import { iteration, type IterationResult } from './iteration.ts';
import { activityOptions, queueOf } from './queues.ts';
import { progressDetails } from './progress-details.ts';
import { RunIndex, SEARCH_ATTRIBUTES } from './search-attributes.ts';
import {
  metricsQuery,
  type Progress,
  progressQuery,
  type RunStatus,
  settingsQuery,
  setUpdate,
  stopSignal,
  type TrainResult,
} from './run-contract.ts';
import { advance, initialState, type TrainState } from './train-state.ts';

/** Iterations of one execution before it continues as new. */
const ITERATIONS_PER_EXECUTION = 10;

export async function train(input: unknown, carried?: TrainState): Promise<TrainResult> {
  const config = checkedConfig(input);
  const run = new Run(config, carried);
  try {
    return await run.execute();
  } catch (error) {
    if (isCancellation(error)) run.showCanceled();
    throw error;
  }
}

// On workers that belong to a build (docs/deployment.md): the run itself only starts iterations, so it moves to a new
// build at their edges; an iteration and all it does stay with the build that began them. Other workers may not name a
// behavior.
setWorkflowOptions(
  () => (workflowInfo().currentDeploymentVersion?.deploymentName ? { versioningBehavior: 'AUTO_UPGRADE' } : {}),
  train as (...args: unknown[]) => Promise<TrainResult>,
);

function checkedConfig(input: unknown): RunConfig {
  try {
    return parseConfig(runConfigSchema, input, 'the run configuration');
  } catch (error) {
    throw ApplicationFailure.nonRetryable((error as Error).message, 'Config.Invalid');
  }
}

class Run {
  #config: RunConfig;
  readonly #runId = workflowInfo().workflowId;
  #state: TrainState | null;
  #status: RunStatus = 'preparing';
  #phase = 'beginning';
  #lastMetrics: Record<string, number | null> | null = null;
  #stop: 'finish' | 'now' | null = null;
  #scope: CancellationScope | null = null;
  readonly #gate: PauseGate;
  readonly #index = new RunIndex();
  readonly #budget: RunBudget;
  #halted: string | null;
  #budgetSpent = false;
  #indexed: string[];
  #ending = false;

  constructor(config: RunConfig, carried: TrainState | undefined) {
    this.#config = config;
    this.#state = carried ?? null;
    this.#indexed = carried?.searchAttributes ?? [];
    this.#halted = carried?.halted ?? null;
    this.#budget = new RunBudget(() => ({
      counts: this.#state?.corrector ?? NO_COUNTS,
      limitUsd: this.#config.corrector.budgetUsd,
    }));
    this.#gate = new PauseGate(carried?.paused);
    this.#gate.listen((paused) => {
      this.#halted = null;
      this.#budgetSpent = false;
      this.#show();
      if (!paused) this.#checkBudget();
    });
    this.#budget.listen(() => this.#checkBudget());
    setHandler(haltSignal, (reason) => this.#halt(reason));
    setHandler(progressQuery, () => this.#progress());
    setHandler(metricsQuery, () => this.#lastMetrics);
    setHandler(stopSignal, (how) => {
      this.#stop = how === 'now' ? 'now' : 'finish';
      if (this.#stop === 'now') this.#scope?.cancel();
      if (this.#gate.paused) this.#gate.turn(false);
    });
    setHandler(settingsQuery, () => this.#settings());
    setHandler(
      setUpdate,
      (changes) => {
        this.#config = this.#changed(changes);
        if ('corrector.budgetUsd' in changes) this.#budgetChanged();
        this.#show();
        return this.#settings();
      },
      { validator: (changes) => void this.#changed(changes) }, // throws what refuses it
    );
  }

  get #iterations(): number {
    return Math.ceil(this.#config.envSteps / this.#config.rollout.envStepsPerIteration);
  }

  get #stopsNow(): boolean {
    return this.#stop === 'now';
  }

  async execute(): Promise<TrainResult> {
    let state = (this.#state = typeof this.#state?.modelSha256 === 'string' ? this.#state : await this.#prepare());
    this.#status = 'running';
    for (let done = 0; state.iteration < this.#iterations && this.#stop === null; done++) {
      if (done === ITERATIONS_PER_EXECUTION || workflowInfo().continueAsNewSuggested)
        await continueAsNew<typeof train>(this.#config, { ...state, paused: this.#gate.paused, halted: this.#halted });
      this.#phase = `iteration ${state.iteration + 1} of ${this.#iterations}`;
      this.#show();
      await this.#gate.pass();
      if (this.#stop !== null) break;
      const result = await this.#withWholeArtifacts(() => this.#iterate(this.#state!, this.#config));
      if (result === null) break;
      state = this.#state!;
      state = this.#state = advance(state, result, this.#config.rollout.envStepsPerIteration);
      this.#budget.reset();
      this.#lastMetrics = result.metrics;
      await this.#evaluateInBetween(state);
    }
    return await this.#finish(state);
  }

  /**
   * Opens the model: what a run begins with. A fork brings its state, and sees only whether the model and the
   * configuration will do.
   */
  async #prepare(): Promise<TrainState> {
    this.#show();
    this.#indexed = await this.#on<SearchAttributeActivities>(
      'orchestrator',
      'search attributes of this server',
    ).findSearchAttributes({ wanted: SEARCH_ATTRIBUTES });
    await this.#setAccountLimits();
    if (asksPaidTeacher(this.#config)) await this.#checkTeacher();
    this.#phase = 'opening the model';
    const prepared = await this.#gpu<PreparationActivities>('open the model, first policy').prepareRun({
      config: this.#config,
    });
    if (this.#state !== null)
      return { ...this.#state, modelSha256: prepared.modelSha256, searchAttributes: this.#indexed };
    const state = initialState(prepared, this.#indexed);
    return { ...state, startEvaluation: await this.#evaluate(state, 'start') };
  }

  /** What the configuration says of the corrector's account holds for all runs on it, until another says otherwise. */
  async #setAccountLimits(): Promise<void> {
    const { account, requestsPerMinute, tokensPerMinute } = this.#config.corrector;
    if (requestsPerMinute === null && tokensPerMinute === null) return;
    const { corrector, environment } = this.#config;
    await this.#on<AccountActivities>('orchestrator', `limits of account ${account}`).setAccountLimits({
      queue: queueOf('corrector', workflowInfo().taskQueue, account),
      config: { corrector, environment },
    });
  }

  /**
   * A paid teacher that will not answer shows before the first iteration. A run that goes on by `resume` with the same
   * problem is not held up again.
   */
  async #checkTeacher(): Promise<void> {
    const { account } = this.#config.corrector;
    this.#phase = `asking the corrector's server of account ${account} whether it is there`;
    this.#show();
    const { checkTeacher } = proxyActivities<ThoughtActivities>({
      ...activityOptions('corrector', workflowInfo(), this.#config.durability.heartbeatSeconds, account),
      summary: 'is the teacher there',
    });
    let known: string | null = null;
    for (let seconds = 5; this.#stop === null; seconds = Math.min(2 * seconds, 300)) {
      const problem = await checkTeacher({ config: this.#config });
      if (problem === null || problem.reason === known) return;
      if (problem.passes) {
        this.#phase = `waiting for the corrector's server (if its address is right): ${problem.reason}`;
        this.#show();
        await condition(() => this.#stop !== null, seconds * 1000);
      } else {
        known = problem.reason;
        this.#halt(problem.reason);
        await this.#gate.pass();
      }
    }
  }

  /** One iteration as a child workflow; null when it was stopped in the middle. */
  async #iterate(
    state: Pick<TrainState, 'iteration' | 'policy' | 'optimizer' | 'corrections' | 'keptPerWave'>,
    config: RunConfig,
  ): Promise<IterationResult | null> {
    if (this.#stopsNow) return null;
    const { policy, optimizer, corrections, keptPerWave } = state;
    const scope = (this.#scope = new CancellationScope());
    try {
      return await scope.run(async () => {
        const { paused } = this.#gate;
        const child = await startChild(iteration, {
          workflowId: `${this.#runId}/iteration-${state.iteration}`,
          args: [
            {
              runId: this.#runId,
              config,
              iteration: state.iteration,
              iterations: this.#iterations,
              policy,
              optimizer,
              corrections,
              keptPerWave,
              paused,
            },
          ],
          workflowIdReusePolicy: 'TERMINATE_IF_RUNNING', // after a reset the dropped one may live for a moment
          staticSummary: `iteration ${state.iteration + 1} of ${this.#iterations}`,
        });
        return await this.#gate.passOn(child, paused, child.result());
      });
    } catch (error) {
      if (this.#stopsNow && isCancellation(error)) return null;
      throw error;
    } finally {
      this.#scope = null;
    }
  }

  /**
   * Does `work`; where it meets an artifact that has gone missing or bad, everything that led to it is made anew, once.
   */
  async #withWholeArtifacts<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (this.#state === null || !hasFailureType(error, 'Artifact.Unusable')) throw error;
      await this.#remakeArtifacts(this.#state, error);
      return await work();
    }
  }

  /**
   * Runs iterations again from the newest whose results are whole. On a CPU they end with the same bytes, so that the
   * run goes on as if nothing had been.
   */
  async #remakeArtifacts(state: TrainState, reason: unknown): Promise<void> {
    const phase = this.#phase;
    const { findIterationToRemake } = this.#on<RemakeActivities>('orchestrator', 'which artifacts are whole');
    const first = async () => ({
      ...(await this.#gpu<PreparationActivities>('first policy anew').prepareRun({ config: this.#config })),
      corrections: null,
      keptPerWave: null,
    });
    if (state.iteration === 0) await first();
    for (let remade = -1; ;) {
      const next = await findIterationToRemake({ runId: this.#runId, iterations: state.iteration });
      if (next === null) break;
      if (next.iteration <= remade) throw reason; // it does not mend
      remade = next.iteration;
      this.#phase = `iteration ${remade + 1} again: artifacts of it are missing or damaged`;
      this.#show();
      const result = await this.#iterate({ iteration: remade, ...(next.start ?? (await first())) }, next.config);
      if (result === null) break;
      const { policy, optimizer, corrections } = result;
      this.#state = { ...state, policy, optimizer, corrections };
    }
    this.#budget.reset();
    this.#phase = phase;
    this.#show();
  }

  async #evaluateInBetween(state: TrainState): Promise<void> {
    const every = this.#config.evaluation.everyIterations;
    if (every > 0 && state.iteration % every === 0 && state.iteration < this.#iterations)
      await this.#evaluate(state, `iteration-${state.iteration}`);
  }

  async #evaluate(state: TrainState, label: string): Promise<EvaluatePolicyResult | null> {
    if (this.#config.evaluation.episodes === 0) return null;
    const before = { status: this.#status, phase: this.#phase };
    this.#status = 'evaluating';
    this.#phase = `evaluation (${label})`;
    this.#show();
    const evaluation = await this.#withWholeArtifacts(() =>
      this.#gpu<EvaluationActivities>(
        `evaluate ${this.#config.evaluation.episodes} episodes (${label})`,
      ).evaluatePolicy({
        config: this.#config,
        policy: (this.#state ?? state).policy,
        runId: this.#runId,
        label,
        iterationsDone: state.iteration,
      }),
    );
    this.#status = before.status;
    this.#phase = before.phase;
    return evaluation;
  }

  async #finish(state: TrainState): Promise<TrainResult> {
    const status = this.#stop === null ? 'done' : 'stopped';
    this.#ending = true;
    const final = this.#stop === 'now' ? null : await this.#evaluate(state, 'final');
    this.#status = status;
    this.#phase = status;
    this.#show(final);
    return {
      status,
      iterations: state.iteration,
      envSteps: state.envSteps,
      success: final?.success ?? null,
      policy: state.policy,
      optimizer: state.optimizer,
      corrections: { rows: state.correctionRows, manifest: state.corrections },
      corrector: this.#corrector,
      evaluation: { start: state.startEvaluation, final },
    };
  }

  /** A cancelled run says so; what its last whole iteration left stays. */
  showCanceled(): void {
    this.#status = 'canceled';
    this.#phase = 'canceled';
    this.#show();
  }

  #gpu<A>(summary: string) {
    return this.#on<A>('gpu', summary);
  }

  #on<A>(role: 'gpu' | 'orchestrator', summary: string) {
    return proxyActivities<A>({
      ...activityOptions(role, workflowInfo(), this.#config.durability.heartbeatSeconds),
      summary,
    });
  }

  #settings(): Record<string, unknown> {
    return Object.fromEntries(Object.keys(LIVE_SETTINGS).map((field) => [field, fieldOf(this.#config, field)]));
  }

  #changed(changes: Record<string, unknown>): RunConfig {
    if (this.#ending)
      throw ApplicationFailure.nonRetryable(
        'set: the run is in its last evaluation; go on from it with gtr fork.',
        'Config.Invalid',
      );
    try {
      return changeSettings(this.#config, changes, this.#state?.envSteps ?? 0);
    } catch (error) {
      throw ApplicationFailure.nonRetryable((error as Error).message, 'Config.Invalid');
    }
  }

  /** What judging took, the running iteration included as far as it told. */
  get #corrector(): CorrectorCounts {
    return addCounts(this.#state?.corrector ?? NO_COUNTS, this.#budget.running);
  }

  /** Pauses the run for a reason that a person has to see to. */
  #halt(reason: string): void {
    if (!this.#gate.paused) this.#gate.turn(true);
    this.#halted = reason;
    this.#show();
  }

  /** A spent budget pauses the run. */
  #checkBudget(): void {
    const { problem } = this.#budget;
    if (problem === null) return;
    this.#halt(problem);
    this.#budgetSpent = true;
  }

  /** One that was raised lets it go on. */
  #budgetChanged(): void {
    this.#budget.limitChanged();
    if (this.#budgetSpent) this.#gate.turn(false);
  }

  #progress(): Progress {
    return {
      status: this.#gate.paused && ['preparing', 'running'].includes(this.#status) ? 'paused' : this.#status,
      iteration: this.#state?.iteration ?? 0,
      iterations: this.#iterations,
      envSteps: this.#state?.envSteps ?? 0,
      envStepsInAll: this.#iterations * this.#config.rollout.envStepsPerIteration,
      phase: this.#phase,
      halted: this.#halted,
      corrector: this.#corrector,
      summaries: this.#state?.summaries ?? [],
      policy: this.#state?.policy ?? null,
    };
  }

  #show(final: EvaluatePolicyResult | null = null): void {
    const progress = this.#progress();
    setCurrentDetails(progressDetails(this.#config, progress, this.#state, final));
    const success =
      final?.success ?? progress.summaries.at(-1)?.success ?? this.#state?.startEvaluation?.success ?? null;
    const changes = this.#index.changes(
      { config: this.#config, status: progress.status, envSteps: progress.envSteps, success },
      this.#indexed,
    );
    if (changes.length > 0) upsertSearchAttributes(changes);
  }
}
