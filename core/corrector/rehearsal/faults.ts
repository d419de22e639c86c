/** Scripted faults of a provider: what goes wrong, and with which requests. */
import { z } from 'zod';
import { RandomStream } from '../../random/counter.ts';

/** Everything that can go wrong. The first seven concern the connection and the status, the others the answer. */
export const FAULTS = {
  rateLimit: 'status 429; `seconds` and `headers` say how the waiting time is given',
  status: 'status `status` (400, 401, 403, 404, 500, 503, ...)',
  quota: 'status 429 with the code insufficient_quota',
  contentFilterPrompt: 'status 400 with the code content_filter, as Azure refuses a prompt',
  slow: 'the answer comes `seconds` later',
  cut: 'the connection is cut without an answer',
  cutBody: 'the connection is cut in the middle of the answer',
  halfJson: 'a body that is half a JSON, well delivered',
  halfContent: 'content that is half a JSON',
  wrongSchema: 'content of another form',
  refusal: 'a refusal',
  contentFilter: 'an answer that the content filter stopped',
  length: 'an answer cut at its greatest length',
  empty: 'an empty answer',
  toolLoop: 'a call of the tool, whatever was asked',
  severalCalls: 'several calls of the tool at once, one of them with wrong arguments',
  wrongFormula: 'a target formula that does not make the goal',
  wrongNoSolution: '"no solution" where there is one',
  wrongAction: 'a correction with an impossible action',
  wrongWording: 'a correction with a sign that no small vocabulary has',
} as const;
export type Fault = keyof typeof FAULTS;

/** One rule; all its conditions must hold. Of several rules that apply, the first counts. */
const ruleSchema = z.strictObject({
  fault: z.enum(Object.keys(FAULTS) as [Fault, ...Fault[]]),
  /** Numbers of requests, from 1; [from, to] pairs are ranges. */
  requests: z.array(z.union([z.int().min(1), z.tuple([z.int().min(1), z.int().min(1)])])).optional(),
  /** Every n-th request. */
  every: z.int().min(1).optional(),
  /** A seeded share of the requests. */
  share: z.number().min(0).max(1).optional(),
  /** Requests whose text holds this. */
  contains: z.string().optional(),
  /**
   * Only requests that begin a judgement (true), or only those that continue one: tool rounds and repeated questions
   * (false).
   */
  first: z.boolean().optional(),
  /** The most times that it happens. */
  times: z.int().min(1).optional(),
  /** Of `slow`: extra latency; of `rateLimit`: how long to wait. */
  seconds: z.number().min(0).default(1),
  /** Of `rateLimit`: how the waiting time is given. */
  headers: z.enum(['retry-after', 'retry-after-ms', 'x-ratelimit', 'none']).default('retry-after'),
  /** Of `status`. */
  status: z.int().min(400).max(599).default(500),
});

export const faultsSchema = z.array(ruleSchema);
export type FaultRule = z.output<typeof ruleSchema>;

/** The rules and how often each has applied. */
export class FaultScript {
  readonly #rules: { rule: FaultRule; applied: number }[];
  readonly #seed: number;

  constructor(rules: readonly FaultRule[], seed: number) {
    this.#rules = rules.map((rule) => ({ rule, applied: 0 }));
    this.#seed = seed;
  }

  /**
   * The rule for request `number` (from 1) with this text, `first` of its judgement or not; null: it gets a good
   * answer.
   */
  next(number: number, text: string, first: boolean): FaultRule | null {
    const entry = this.#rules.find(
      ({ rule, applied }) =>
        applied < (rule.times ?? Infinity) && (rule.first ?? first) === first && this.#applies(rule, number, text),
    );
    if (entry === undefined) return null;
    entry.applied++;
    return entry.rule;
  }

  #applies({ requests, every, share, contains }: FaultRule, number: number, text: string): boolean {
    return (
      (requests === undefined ||
        requests.some((each) =>
          typeof each === 'number' ? each === number : each[0] <= number && number <= each[1],
        )) &&
      (every === undefined || number % every === 0) &&
      (share === undefined ||
        new RandomStream({ seed: this.#seed, purpose: 'rehearsed fault', step: number }).uniform() < share) &&
      (contains === undefined || text.includes(contains))
    );
  }
}
