/** Steering a run: its signals, queries and live settings. */
import { ApplicationFailure, setHandler } from '@temporalio/workflow';
import { FAILURES } from '../configs/failure-types.ts';
import { changeSettings, fieldOf, LIVE_SETTINGS } from '../configs/live-settings.ts';
import type { RunConfig } from '../configs/schema.ts';
import { doingSignal, haltSignal } from './control.ts';
import { orInvalid } from './failures.ts';
import type { Run } from './run.ts';
import { metricsQuery, progressQuery, settingsQuery, setUpdate, stopSignal } from './run-contract.ts';

/** Starts to handle the run's signals, queries and updates. */
export function steer(run: Run): void {
  /** The run is paused because its budget is spent: raising it lets the run continue. */
  let budgetSpent = false;
  const checkBudget = () => {
    const { problem } = run.budget;
    if (problem === null) return;
    run.halt(problem);
    budgetSpent = true;
  };
  run.gate.listen((paused) => {
    run.halted = null;
    budgetSpent = false;
    run.show();
    if (!paused) checkBudget();
  });
  run.budget.listen(checkBudget);
  setHandler(doingSignal, (doing) => {
    run.doing = doing;
    run.show();
  });
  setHandler(haltSignal, (reason) => run.halt(reason));
  setHandler(stopSignal, (how) => {
    run.stop = how === 'now' ? 'now' : 'finish';
    if (run.stop === 'now') run.iterating?.cancel();
    if (run.gate.paused) run.gate.setPaused(false);
  });
  setHandler(progressQuery, () => run.progress);
  setHandler(metricsQuery, () => run.lastMetrics);
  setHandler(settingsQuery, () => settings(run));
  setHandler(
    setUpdate,
    (changes) => {
      run.config = changedConfig(run, changes);
      if ('corrector.budgetUsd' in changes) {
        run.budget.limitChanged();
        if (budgetSpent) run.gate.setPaused(false);
      }
      run.show();
      return settings(run);
    },
    { validator: (changes) => void changedConfig(run, changes) }, // throws the refusal
  );
}

function settings({ config }: Run): Record<string, unknown> {
  return Object.fromEntries(Object.keys(LIVE_SETTINGS).map((field) => [field, fieldOf(config, field)]));
}

function changedConfig(run: Run, changes: Record<string, unknown>): RunConfig {
  if (run.ending)
    throw ApplicationFailure.nonRetryable(
      'set: the run is in its last evaluation; continue from it with gtr fork.',
      FAILURES.configuration,
    );
  return orInvalid(() => changeSettings(run.config, changes, run.state?.envSteps ?? 0));
}
