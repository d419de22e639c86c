/** A supervised warm start: demonstrations, optimizer steps in segments, an evaluation, and a checkpoint folder. */
import { defineQuery, setCurrentDetails, setHandler, workflowInfo } from '@temporalio/workflow';
import type { EvaluatePolicyResult } from '../core/records/evaluation.ts';
import type { ArtifactRef } from '../core/artifacts/store.ts';
import { runIdProblem } from '../configs/run-id.ts';
import { checkedSftConfig } from '../configs/checked-config.ts';
import { activitiesOn } from './activities-on.ts';
import { doingText } from '../core/episodes/doing.ts';
import { doingSignal, PauseGate } from './control.ts';
import { orInvalid, refuse } from './failures.ts';

/**
 * Optimizer steps of one activity, out of `steps`: the granularity of a row in the Web UI and of a pause. A history has
 * six events a segment, and stays below 10,000.
 */
export function stepsPerSegment(steps: number): number {
  return Math.max(100, Math.ceil(steps / 1000));
}

export type SftProgress = { step: number; steps: number; loss: number | null };
export type SftResult = {
  policy: ArtifactRef;
  loss: number | null;
  steps: number;
  folder: string;
  evaluation: EvaluatePolicyResult | null;
};

const sftProgressQuery = defineQuery<SftProgress>('progress');

/** `out`: the folder of the checkpoint to write, relative to the project. */
export async function sft(input: { config: unknown; out: string }): Promise<SftResult> {
  const config = orInvalid(() => checkedSftConfig(input.config, 'the sft configuration'));
  refuse(runIdProblem(workflowInfo().workflowId));
  const gate = new PauseGate();
  gate.listen();
  const { workflowId } = workflowInfo();
  const progress: SftProgress = { step: 0, steps: Math.ceil(config.demonstrations.count / config.batch), loss: null };
  setHandler(sftProgressQuery, () => progress);

  const segment = stepsPerSegment(progress.steps);
  const demonstrations = await activitiesOn(
    'orchestrator',
    config,
    `${config.demonstrations.count} demonstrations`,
  ).makeDemonstrations({ config });
  setHandler(doingSignal, (doing) => setCurrentDetails(`${config.title}\n\n${doingText(doing)}`));
  let state = await activitiesOn('gpu', config, 'first parameters').prepareSupervised({
    config,
    out: input.out,
  });
  while (progress.step < progress.steps) {
    await gate.pass();
    const until = Math.min(progress.step + segment, progress.steps);
    const result = await activitiesOn(
      'gpu',
      config,
      `optimizer steps ${progress.step + 1} to ${until} of ${progress.steps}`,
    ).trainOnDemonstrations({ config, demonstrations, ...state, from: progress.step, until });
    state = { model: state.model, policy: result.policy, optimizer: result.optimizer };
    progress.step = until;
    progress.loss = result.loss;
    setCurrentDetails(`${config.title}\n\nStep ${until} of ${progress.steps}, loss ${result.loss?.toFixed(4)}`);
  }
  const { folder } = await activitiesOn('gpu', config, `write ${input.out}`).saveCheckpoint({
    config,
    model: state.model,
    policy: state.policy,
    out: input.out,
  });
  const evaluation =
    config.evaluation.episodes === 0
      ? null
      : await activitiesOn('gpu', config, `evaluate ${config.evaluation.episodes} episodes`).evaluateCheckpoint({
          config,
          folder,
          runId: workflowId,
        });
  return { policy: state.policy, loss: progress.loss, steps: progress.steps, folder, evaluation };
}
