/** The cost of judging thoughts, as sums over thoughts, waves, iterations and runs. */
import type { Metrics } from './metrics.ts';

/** A provider's answers, including those of failed tries that were paid for, each counted once whatever was retried. */
export type CorrectorCounts = {
  /** Thoughts that the teacher judged. */
  calls: number;
  /** Requests that the provider answered, including tool rounds and second questions. */
  requests: number;
  /** Thoughts that the exact solver proved right, so that no one was asked (`corrector.ask: verified-skip`). */
  skipped: number;
  /** Thoughts whose answer was in the ledger, or on its way there. */
  ledgerHits: number;
  /** Prompt tokens, cached ones included. */
  tokensIn: number;
  tokensCached: number;
  tokensOut: number;
  /** Null: the model has no known price. */
  costUsd: number | null;
  /**
   * Total time from question to verdict, and that of the slowest thought, without waiting for the account's limits.
   */
  seconds: number;
  slowestSeconds: number;
  /** Tries that ended with 429. */
  rateLimited: number;
  /** Tries that ended without an answer, including 429s. */
  failures: number;
  /** Unusable answers, by reason. */
  unusable: Readonly<Record<string, number>>;
};

export const NO_COUNTS: CorrectorCounts = {
  calls: 0,
  requests: 0,
  skipped: 0,
  ledgerHits: 0,
  tokensIn: 0,
  tokensCached: 0,
  tokensOut: 0,
  costUsd: 0,
  seconds: 0,
  slowestSeconds: 0,
  rateLimited: 0,
  failures: 0,
  unusable: {},
};

/** Adds counts; the slower of both. An unknown cost makes the sum unknown. */
export function addCounts(a: CorrectorCounts, b: Partial<CorrectorCounts>): CorrectorCounts {
  const other = { ...NO_COUNTS, ...b };
  const sum = (
    name:
      | 'calls'
      | 'requests'
      | 'skipped'
      | 'ledgerHits'
      | 'tokensIn'
      | 'tokensCached'
      | 'tokensOut'
      | 'seconds'
      | 'rateLimited'
      | 'failures',
  ) => a[name] + other[name];
  const reasons = [...new Set([...Object.keys(a.unusable), ...Object.keys(other.unusable)])].sort();
  return {
    calls: sum('calls'),
    requests: sum('requests'),
    skipped: sum('skipped'),
    ledgerHits: sum('ledgerHits'),
    tokensIn: sum('tokensIn'),
    tokensCached: sum('tokensCached'),
    tokensOut: sum('tokensOut'),
    costUsd: a.costUsd === null || other.costUsd === null ? null : a.costUsd + other.costUsd,
    seconds: sum('seconds'),
    slowestSeconds: Math.max(a.slowestSeconds, other.slowestSeconds),
    rateLimited: sum('rateLimited'),
    failures: sum('failures'),
    unusable: Object.fromEntries(
      reasons.map((reason) => [reason, (a.unusable[reason] ?? 0) + (other.unusable[reason] ?? 0)]),
    ),
  };
}

/** Under the names of spec.md section 9. */
export function correctorMetrics(counts: CorrectorCounts): Metrics {
  return {
    'corrector/calls': counts.calls,
    'corrector/requests': counts.requests,
    'corrector/skipped': counts.skipped,
    'corrector/ledgerHits': counts.ledgerHits,
    'corrector/tokens/in': counts.tokensIn,
    'corrector/tokens/cached': counts.tokensCached,
    'corrector/tokens/out': counts.tokensOut,
    'corrector/costUsd': counts.costUsd,
    'corrector/latency/mean': counts.requests === 0 ? null : counts.seconds / counts.calls,
    'corrector/latency/max': counts.requests === 0 ? null : counts.slowestSeconds,
    'corrector/rateLimited': counts.rateLimited,
    'corrector/failures': counts.failures,
    ...Object.fromEntries(
      Object.entries(counts.unusable).map(([reason, count]) => [`corrector/unusable/${reason}`, count]),
    ),
  };
}

/** The counts behind an iteration's metrics. */
export function correctorCounts(metrics: Metrics): CorrectorCounts {
  const number = (name: string) => metrics[`corrector/${name}`] ?? 0;
  const calls = number('calls');
  const reasons = Object.entries(metrics).flatMap(([name, count]) =>
    name.startsWith('corrector/unusable/') ? [[name.slice('corrector/unusable/'.length), count ?? 0] as const] : [],
  );
  return {
    calls,
    requests: number('requests'),
    skipped: number('skipped'),
    ledgerHits: number('ledgerHits'),
    tokensIn: number('tokens/in'),
    tokensCached: number('tokens/cached'),
    tokensOut: number('tokens/out'),
    costUsd: metrics['corrector/costUsd'] === null ? null : number('costUsd'),
    seconds: number('latency/mean') * calls,
    slowestSeconds: number('latency/max'),
    rateLimited: number('rateLimited'),
    failures: number('failures'),
    unusable: Object.fromEntries(reasons),
  };
}

/** The cost of judging, as text. */
export function correctorLine({
  calls,
  requests,
  skipped,
  ledgerHits,
  tokensIn,
  tokensOut,
  costUsd,
}: CorrectorCounts): string {
  const paid =
    requests === 0
      ? ''
      : `, ${requests} requests, ${tokensIn} tokens in, ${tokensOut} out, ` +
        `${costUsd === null ? 'cost unknown' : `$${costUsd.toFixed(2)}`}`;
  const free = [
    ...(skipped === 0 ? [] : [`${skipped} proved right by the solver`]),
    ...(ledgerHits === 0 ? [] : [`${ledgerHits} from the ledger`]),
  ];
  return `corrector: ${[`${calls} calls`, ...free].join(', ')}${paid}`;
}
