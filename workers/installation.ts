/**
 * Where this installation keeps its state and how it reaches Temporal. A variable that is set to nothing counts as
 * unset.
 */
import path from 'node:path';
import { type ClientConnectConfig, loadClientConnectConfig } from '@temporalio/envconfig';
import { PROJECT } from '../configs/project-folder.ts';
import { withFaultPoints } from '../activities/fault-point.ts';
import { openStore } from '../core/artifacts/open-store.ts';
import type { ActivityDependencies } from '../activities/activity.ts';
import { DEFAULT_ACCOUNT, WORKFLOW_QUEUE } from '../workflows/queues.ts';

/** State of this installation: `GTR_HOME`, by default `.gtr/` in the checkout. */
export function gtrHome(): string {
  return path.resolve(process.env.GTR_HOME || path.join(PROJECT, '.gtr'));
}

/** Task queue of the workflows: `GTR_TASK_QUEUE`, by default `gtr`. */
export function workflowQueue(): string {
  return process.env.GTR_TASK_QUEUE || WORKFLOW_QUEUE;
}

/**
 * Account that a corrector worker of this installation calls for (`corrector.account` of runs):
 * `GTR_CORRECTOR_ACCOUNT`, by default `default`.
 */
export function correctorAccount(): string {
  return process.env.GTR_CORRECTOR_ACCOUNT || DEFAULT_ACCOUNT;
}

export type TemporalConfig = {
  connection: NonNullable<ClientConnectConfig['connectionOptions']>;
  namespace: string;
  address: string;
};

/** Address, namespace, TLS and API key from Temporal's own environment variables and profiles. */
export function temporalConfig(): TemporalConfig {
  const { connectionOptions = {}, namespace = 'default' } = loadClientConnectConfig();
  const address = connectionOptions.address ?? 'localhost:7233';
  return { connection: { ...connectionOptions, address }, namespace, address };
}

/**
 * The dependencies of this installation's activities: artifacts are in `GTR_STORE` (s3://bucket/prefix or a folder), by
 * default in `artifacts/` of the home.
 */
export function activityDependencies(home: string = gtrHome()): ActivityDependencies {
  return { home, store: withFaultPoints(openStore(process.env.GTR_STORE || path.join(home, 'artifacts'))) };
}
