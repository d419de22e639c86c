/** Errors for users: one sentence, and its exit code. */
import { FAILURES } from '../configs/failure-types.ts';
import {
  ServiceError,
  WorkflowFailedError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
} from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import path from 'node:path';
import { gtrHome } from '../workers/installation.ts';
import { ConfigError } from '../configs/schema.ts';
import { rootFailure } from '../workflows/failures.ts';
import { quoted } from './quoted.ts';

/** Wrong usage: what, where, what to do. Exit code 2. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** Classes and failure types of the caller's mistakes; everything else is a failure. */
const USAGE = new Set(['UsageError', 'ConfigError', 'CheckpointError', 'SafetensorsError', 'AlfworldGameError']);
const USAGE_FAILURES = new Set<string>([FAILURES.configuration, FAILURES.game, FAILURES.model]);
/** Sentences for the system's error codes of wrong paths. */
const WRONG_PATH: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  ENAMETOOLONG: 'has too long a name',
  ENOTDIR: 'is not a folder, or is not inside one',
  EISDIR: 'is a folder, not a file',
  EEXIST: 'is there already',
  EACCES: 'cannot be used by this user',
  EPERM: 'cannot be used by this user',
  EROFS: 'is on a read-only disk',
  ENOSPC: 'no space is left to write it',
  EDQUOT: 'no space is left to write it',
};

/** The sentence and the exit code for an error. */
export function explain(error: unknown): { message: string; exitCode: 1 | 2 } {
  if (error instanceof WorkflowFailedError || error instanceof WorkflowUpdateFailedError) {
    const cause = rootFailure(error);
    const usage = cause instanceof ApplicationFailure && USAGE_FAILURES.has(cause.type ?? '');
    return { message: cause.message, exitCode: usage ? 2 : 1 };
  }
  if (error instanceof WorkflowNotFoundError && /already completed/.test(error.message))
    return {
      message:
        `The run "${error.workflowId}" has ended: \`./gtr result ${quoted(error.workflowId)}\`; ` +
        `\`./gtr reset\` and \`./gtr fork\` go on from its iterations.`,
      exitCode: 2,
    };
  if (error instanceof WorkflowNotFoundError)
    return {
      message: `There is no run "${error.workflowId}" on this server; \`./gtr runs\` lists the runs.`,
      exitCode: 2,
    };
  if (error instanceof ServiceError)
    return {
      message: `Temporal answered: ${(error.cause as Error | undefined)?.message ?? error.message}.`,
      exitCode: 1,
    };
  const { name, message, code, path: where, syscall } = error as NodeJS.ErrnoException;
  if (where !== undefined && code !== undefined && code in WRONG_PATH) {
    // Parent folders are created too, so a missing one means that the system does not allow it.
    const wrong = syscall === 'mkdir' && code === 'ENOENT' ? 'cannot be made there' : WRONG_PATH[code];
    return { message: `${where}: ${wrong}; ${otherPlace(where)}.`, exitCode: 2 };
  }
  return { message, exitCode: error instanceof ConfigError || USAGE.has(name) ? 2 : 1 };
}

function otherPlace(wrong: string): string {
  const home = gtrHome();
  return wrong === home || wrong.startsWith(`${home}${path.sep}`)
    ? 'set GTR_HOME to a folder that this user can write, on a disk with space'
    : 'name another path';
}
