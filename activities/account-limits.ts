/** Sets the limits in a run's configuration for its corrector's account. */
import { getClient } from '@temporalio/activity';
import type { RunConfig } from '../configs/schema.ts';
import { type AccountLimits, setLimits } from '../core/corrector/account-limits.ts';
import { teacherTerms } from '../core/corrector/teachers.ts';
import { type ActivityDependencies, activity } from './activity.ts';

/** `queue`: the account's task queue. */
export type SetAccountLimitsInput = { queue: string; config: Pick<RunConfig, 'corrector' | 'environment'> };

export function createAccountActivities({ store }: ActivityDependencies) {
  return {
    /** The limits that the configuration sets for its account; others are absent. */
    setAccountLimits: activity(async ({ queue, config }: SetAccountLimitsInput): Promise<AccountLimits> => {
      const { account, requestsPerMinute, tokensPerMinute } = config.corrector;
      const requestsPerThought = teacherTerms(config)?.requestsPerThought ?? 1;
      const requests = requestsPerMinute === null ? {} : { requestsPerMinute, requestsPerThought };
      return await setLimits(
        getClient(),
        store,
        { account, queue },
        { ...requests, ...(tokensPerMinute === null ? {} : { tokensPerMinute }) },
      );
    }),
  };
}

export type AccountActivities = ReturnType<typeof createAccountActivities>;
