/** `gtr rate`: the limits of a corrector's account, shown, and changed during runs. */
import { type Command, InvalidArgumentError } from 'commander';
import {
  type AccountLimits,
  queuePace,
  queueWorkers,
  readLimits,
  setLimits,
} from '../core/corrector/account-limits.ts';
import { activityDependencies, workflowQueue } from '../workers/installation.ts';
import { DEFAULT_ACCOUNT, queueOf } from '../workflows/queues.ts';
import { withClient } from './temporal.ts';

/** A limit, or `none`. */
type Limit = number | 'none';
type Options = {
  account: string;
  requestsPerMinute?: Limit;
  requestsPerThought?: number;
  tokensPerMinute?: Limit;
  json?: boolean;
};

export function register(program: Command): void {
  program
    .command('rate')
    .description('show or change the limits of a corrector account; changes apply at once, to all runs on it')
    .option('--account <name>', "account, as in runs' `corrector.account`", DEFAULT_ACCOUNT)
    .option('--requests-per-minute <n>', "the provider's limit, or none", limit)
    .option('--requests-per-thought <n>', "requests per judged thought: 2 with the solver's tool, else 1", positive)
    .option('--tokens-per-minute <n>', "the provider's limit, or none", limit)
    .option('--json', 'one JSON object')
    .action(async ({ account, json, ...given }: Options) => {
      const changes = Object.fromEntries(
        Object.entries(given).map(([name, value]) => [name, value === 'none' ? null : value]),
      ) as Partial<AccountLimits>;
      const { store } = activityDependencies();
      const queue = queueOf('corrector', workflowQueue(), account);
      const { limits, thoughtsPerMinute, workers } = await withClient(async (client) => ({
        limits:
          Object.keys(changes).length === 0
            ? await readLimits(store, account)
            : await setLimits(client, store, { account, queue }, changes),
        thoughtsPerMinute: await queuePace(client, queue),
        workers: await queueWorkers(client, queue),
      }));
      process.stdout.write(
        json
          ? `${JSON.stringify({ account, queue, ...limits, thoughtsPerMinute, workers }, null, 2)}\n`
          : rateText(account, queue, limits, thoughtsPerMinute, workers),
      );
    });
}

function rateText(
  account: string,
  queue: string,
  { requestsPerMinute, requestsPerThought, tokensPerMinute }: AccountLimits,
  thoughtsPerMinute: number | null,
  workers: number,
): string {
  return [
    `account ${account}`,
    'requests per minute  ' +
      `${requestsPerMinute ?? 'no limit'}${requestsPerMinute === null ? '' : `, ${requestsPerThought} a thought`}`,
    'tokens per minute    ' +
      `${tokensPerMinute ?? 'no limit'}${tokensPerMinute !== null && workers > 1 ? `, divided equally among ${workers} workers` : ''}`,
    `task queue ${queue}  ` +
      `${thoughtsPerMinute === null ? 'not paced' : `starts ${thoughtsPerMinute} thoughts a minute`}`,
    '',
  ].join('\n');
}

function limit(text: string): Limit {
  return text === 'none' ? text : positive(text);
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('must be a number above 0 (a limit also: none).');
  return value;
}
