/** When each activity of an iteration ran, from its history, and the resulting times of rollout and update. */
import type { Client } from '@temporalio/client';
import type { ApplyGradientsResult, ComputeGradientsResult } from '../../activities/compute-gradients.ts';

/** Times in seconds since 1970. */
export type Span = { type: string; scheduled: number; started: number; closed: number; result: unknown };

/** The completed activities of a workflow, in the order in which they were scheduled. */
export async function activitySpans(client: Client, workflowId: string): Promise<Span[]> {
  const { events } = await client.workflow.getHandle(workflowId).fetchHistory();
  const seconds = (time: { seconds?: unknown; nanos?: number | null } | null | undefined) =>
    Number(time?.seconds ?? 0) + Number(time?.nanos ?? 0) / 1e9;
  const spans = new Map<string, Partial<Span>>();
  for (const {
    eventId,
    eventTime,
    activityTaskScheduledEventAttributes: scheduled,
    activityTaskStartedEventAttributes: started,
    activityTaskCompletedEventAttributes: completed,
  } of events ?? []) {
    const at = seconds(eventTime as never);
    if (scheduled) spans.set(String(eventId), { type: scheduled.activityType!.name!, scheduled: at });
    if (started) Object.assign(spans.get(String(started.scheduledEventId))!, { started: at });
    if (completed) {
      const data = completed.result?.payloads?.[0]?.data;
      const result: unknown = data == null ? null : JSON.parse(Buffer.from(data).toString('utf8'));
      Object.assign(spans.get(String(completed.scheduledEventId))!, { closed: at, result });
    }
  }
  return [...spans.values()].filter((span): span is Span => span.closed !== undefined);
}

/** Seconds of an iteration's parts; `gradients` and `dispatch` are medians over its optimizer steps. */
export type Parts = {
  waves: number;
  wave: number;
  judge: number;
  rollout: number;
  update: number;
  iteration: number;
  /** All workers together, in the whole update. */
  exchange: number;
  /** Computing a whole step's gradients on one worker, including Adam for the step before. */
  gradients: number;
  /** Between the last activity of a step and the first of the next one. */
  dispatch: number;
};

/** For an iteration whose optimizer steps are spread over this many groups (`parallel.gradients`). */
export function partsOf(spans: readonly Span[], groups: number): Parts {
  const of = (type: string) => spans.filter((span) => span.type === type);
  const [waves, compute, apply] = ['rolloutWave', 'computeGradients', 'applyGradients'].map(of);
  const [assemble] = of('assembleBatch');
  const exchangeOf = ({ result }: Span) => (result as ComputeGradientsResult | ApplyGradientsResult).exchangeSeconds;
  const computing = (span: Span) => span.closed - span.started - exchangeOf(span);
  const steps = Array.from({ length: compute.length / groups }, (_, step) =>
    compute.slice(step * groups, (step + 1) * groups),
  );
  const began = (step: Span[]) => Math.min(...step.map(({ started }) => started));
  const ended = (step: Span[]) => Math.max(...step.map(({ closed }) => closed));
  const isStored = (from: number, to: number) => apply.some(({ scheduled }) => scheduled >= from && scheduled <= to);
  const gaps = steps
    .slice(1)
    .map((step, index) => [ended(steps[index]), began(step)] as const)
    .filter(([from, to]) => !isStored(from, to));
  const first = Math.min(...waves.map(({ scheduled }) => scheduled));
  return {
    waves: waves.length,
    wave: median(waves.map(({ started, closed }) => closed - started)),
    judge: assemble.scheduled - Math.max(...waves.map(({ closed }) => closed)),
    rollout: assemble.scheduled - first,
    update: apply.at(-1)!.closed - compute[0].scheduled,
    iteration: Math.max(...spans.map(({ closed }) => closed)) - first,
    exchange: sum([...compute, ...apply].map(exchangeOf)),
    gradients: median(steps.map((step) => sum(step.map(computing)))),
    dispatch: median(gaps.map(([from, to]) => to - from)),
  };
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
