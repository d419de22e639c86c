/** A worker does the work of runs whose artifacts are in its store, and gives other tasks back. */
import type { Info } from '@temporalio/activity';
import { defaultPayloadConverter } from '@temporalio/common';
import type { ActivityInterceptorsFactory, NativeConnection } from '@temporalio/worker';
import { notThisWorker, type RunMemo, runMemo } from '../activities/run-memo.ts';

export class RunOwnership {
  readonly #service: NativeConnection['workflowService'];
  readonly #namespace: string;
  readonly #store: { id: string; location: string };
  /** Memos by execution, once they name a store. */
  readonly #memos = new Map<string, RunMemo>();

  constructor(
    service: NativeConnection['workflowService'],
    namespace: string,
    store: { id: string; location: string },
  ) {
    this.#service = service;
    this.#namespace = namespace;
    this.#store = store;
  }

  readonly interceptor: ActivityInterceptorsFactory = ({ info }) => ({
    inbound: {
      execute: async (input, next) => {
        const memo = await this.#memoOf(info);
        if (memo.GtrStore !== undefined && memo.GtrStore !== this.#store.id)
          throw notThisWorker(
            `Worker ${process.pid} keeps its artifacts in ${this.#store.location}, which is not the store of run ` +
              `${info.workflowExecution?.workflowId}; start a worker with the GTR_HOME or GTR_STORE of the run.`,
          );
        return await runMemo.run(memo, () => next(input));
      },
    },
  });

  /** The memo of the run at the root of the activity's workflows. */
  async #memoOf({ workflowExecution }: Info): Promise<RunMemo> {
    if (workflowExecution === undefined) return {};
    const { workflowId, runId } = workflowExecution;
    const known = this.#memos.get(runId);
    if (known !== undefined) return known;
    const own = await this.#describe(workflowId, runId);
    const root = own?.rootExecution;
    const top = root?.workflowId && root.workflowId !== workflowId ? await this.#describe(root.workflowId) : own;
    const memo = Object.fromEntries(
      Object.entries(top?.memo?.fields ?? {})
        .filter(([name]) => name.startsWith('Gtr'))
        .map(([name, payload]) => [name, defaultPayloadConverter.fromPayload<string>(payload)]),
    ) as RunMemo;
    if (memo.GtrStore !== undefined && memo.GtrModel !== undefined) this.#memos.set(runId, memo);
    return memo;
  }

  async #describe(workflowId: string, runId?: string) {
    const { workflowExecutionInfo } = await this.#service.describeWorkflowExecution({
      namespace: this.#namespace,
      execution: { workflowId, runId },
    });
    return workflowExecutionInfo;
  }
}
