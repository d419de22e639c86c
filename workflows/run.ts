/** The single state of a run: what its parts change, and what it shows. */
import { type CancellationScope, setCurrentDetails, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import type { RunConfig } from '../configs/schema.ts';
import { addCounts, type CorrectorCounts, NO_COUNTS } from '../core/episodes/corrector-counts.ts';
import type { Doing } from '../core/episodes/doing.ts';
import type { EvaluatePolicyResult } from '../core/records/evaluation.ts';
import { RunBudget } from './budget.ts';
import { PauseGate } from './control.ts';
import { progressDetails } from './progress-details.ts';
import type { Progress, RunStatus } from './run-contract.ts';
import { RunIndex } from './search-attributes.ts';
import type { TrainState } from './train-state.ts';

export class Run {
  readonly id = workflowInfo().workflowId;
  /** Live settings change it. */
  config: RunConfig;
  /** After the last whole iteration; null until the model is open. */
  state: TrainState | null;
  status: RunStatus = 'preparing';
  phase = 'beginning';
  /** What an activity of this phase is doing. */
  doing: Doing | null = null;
  /** Why it paused by itself and waits for a person; null where it did not. */
  halted: string | null;
  /** How it was asked to stop. */
  stop: 'finish' | 'now' | null = null;
  /** Metrics of the last whole iteration. */
  lastMetrics: Record<string, number | null> | null = null;
  /** Search attributes that the server knows. */
  searchAttributes: readonly string[];
  /** In the last evaluation, settings no longer have any effect. */
  ending = false;
  /** The running iteration's scope: `stop now` cancels it. */
  iterating: CancellationScope | null = null;
  readonly gate: PauseGate;
  readonly budget: RunBudget;
  readonly #index = new RunIndex();

  /** `carried`: from the execution before, or from the run that this one was forked from. */
  constructor(config: RunConfig, carried: TrainState | undefined) {
    this.config = config;
    this.state = carried ?? null;
    this.halted = carried?.halted ?? null;
    this.searchAttributes = carried?.searchAttributes ?? [];
    this.gate = new PauseGate(carried?.paused);
    this.budget = new RunBudget(() => ({
      counts: this.#judged,
      limitUsd: this.config.corrector.budgetUsd,
    }));
  }

  /** Iterations of the whole run. */
  get iterations(): number {
    return Math.ceil(this.config.envSteps / this.config.rollout.envStepsPerIteration);
  }

  /** Cost of judging, with the reports of the running iteration. */
  get corrector(): CorrectorCounts {
    return addCounts(this.#judged, this.budget.running);
  }

  /** Cost of judging before the running iteration: of whole iterations, and of samples made ahead. */
  get #judged(): CorrectorCounts {
    return addCounts(this.state?.corrector ?? NO_COUNTS, this.state?.ahead?.corrector ?? NO_COUNTS);
  }

  /** Pauses for a reason that needs a person. */
  halt(reason: string): void {
    if (!this.gate.paused) this.gate.setPaused(true);
    this.halted = reason;
    this.show();
  }

  get progress(): Progress {
    return {
      status: this.gate.paused && ['preparing', 'running'].includes(this.status) ? 'paused' : this.status,
      iteration: this.state?.iteration ?? 0,
      iterations: this.iterations,
      envSteps: this.state?.envSteps ?? 0,
      envStepsInAll: this.iterations * this.config.rollout.envStepsPerIteration,
      phase: this.phase,
      halted: this.halted,
      corrector: this.corrector,
      summaries: this.state?.summaries ?? [],
      policy: this.state?.policy ?? null,
      device: this.state?.device ?? null,
    };
  }

  /** Shows progress in the Web UI and by search attributes. */
  show(final: EvaluatePolicyResult | null = null): void {
    const { progress, config, state } = this;
    setCurrentDetails(progressDetails(config, progress, { state, final, doing: this.doing }));
    const success = final?.success ?? progress.summaries.at(-1)?.success ?? state?.startEvaluation?.success ?? null;
    const changes = this.#index.changes(
      { config, status: progress.status, envSteps: progress.envSteps, success },
      this.searchAttributes,
    );
    if (changes.length > 0) upsertSearchAttributes(changes);
  }

  /** Shows a new phase. */
  enter(phase: string): void {
    this.phase = phase;
    this.doing = null;
    this.show();
  }
}
