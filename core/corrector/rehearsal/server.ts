/**
 * A server that speaks OpenAI's chat completions and knows the games: for rehearsing paid correction without paying,
 * including faults.
 */
import { createHash } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { RandomStream } from '../../random/counter.ts';
import type { CorrectorPrompt } from '../corrector-prompt.ts';
import { TokenBudget } from '../rate-limit.ts';
import { loadPromptTemplate, type PromptTemplate } from '../../policy/prompt-template.ts';
import { type Choice, complete, completeMove } from './complete.ts';
import { type FaultRule, FaultScript, faultsSchema } from './faults.ts';
import {
  type ChatRequest,
  type Invitation,
  partsOf,
  type Question,
  readInvitation,
  readQuestion,
  requestSchema,
  isInvitation,
} from './read-request.ts';
import { type CompletionUsage, TokenMeter } from './token-meter.ts';

export type RehearsalOptions = {
  prompts: readonly CorrectorPrompt[];
  /** Seconds that an answer takes, drawn uniformly between both. */
  latency: [from: number, to: number];
  faults: FaultRule[];
  /** File to which a JSON line is appended for every request; null: no file. */
  log: string | null;
  /** The only accepted key; null: any, or none. */
  key: string | null;
  /** The account's limits; null: none. */
  requestsPerMinute: number | null;
  tokensPerMinute: number | null;
  /** How often a judgement of Points24 calls the tool before it answers. */
  toolRounds: number;
  /** The only models that it has; empty: any. */
  models: readonly string[];
  /** Folder of card pictures that the games show; null: the drawn ones. */
  cardFaces: string | null;
  seed: number;
};

/** A line of the log. No header and no key is ever written. */
export type LoggedRequest = {
  /** From 1; 0: a request without a message, which asks whether the server is there; faults do not apply to it. */
  number: number;
  time: string;
  path: string;
  model: string | null;
  /**
   * Hash of the system text, the first user text and the picture: equal for the same thought in the same state.
   */
  question: string | null;
  text: string | null;
  /** Messages of the conversation beyond the first two: tool rounds and repeated questions. */
  furtherMessages: number;
  fault: string | null;
  /** HTTP status; null when the connection ended without an answer. */
  status: number | null;
  seconds: number;
  usage: CompletionUsage | null;
};

/** Judgements in flight whose questions are kept. */
const KEPT_QUESTIONS = 4096;
const PATH = /\/chat\/completions$/;

type Reply = { status: number; headers?: Record<string, string>; body: unknown };

/** The server, not yet listening. */
export function rehearsalServer(options: RehearsalOptions): Server {
  const rehearsal = new Rehearsal(options);
  return createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    rehearsal
      .serve(request, response)
      .catch((error: Error) =>
        send(response, apiError(500, `The rehearsal server failed: ${error.message}`, 'server_error', null)),
      );
  });
}

class Rehearsal {
  readonly #options: RehearsalOptions;
  #faults: FaultScript;
  readonly #requests: TokenBudget | null;
  readonly #tokens: TokenBudget | null;
  readonly #questions = new Map<string, Promise<Question | Invitation | null>>();
  /** The agents' prompts in the known games. */
  readonly #templates: readonly PromptTemplate[];
  readonly #meter = new TokenMeter();
  #received = 0;

  constructor(options: RehearsalOptions) {
    this.#options = options;
    const games = new Set(options.prompts.map(({ environment }) => environment));
    this.#templates = [...games].map((game) => ({ ...loadPromptTemplate(null, game), environment: game }));
    this.#faults = new FaultScript(options.faults, options.seed);
    const budget = (perMinute: number | null) => (perMinute === null ? null : new TokenBudget(perMinute, now()));
    [this.#requests, this.#tokens] = [budget(options.requestsPerMinute), budget(options.tokensPerMinute)];
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { models } = this.#options;
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const body = await readBody(request).catch(() => null);
    if (body === null) return;
    if (request.method === 'POST' && PATH.test(pathname)) return await this.#chat(request, response, pathname, body);
    if (request.method === 'POST' && pathname === '/faults') return send(response, this.#changeFaults(body));
    if (request.method === 'GET' && pathname.endsWith('/models'))
      return send(
        response,
        this.#wrongKey(request) ?? {
          status: 200,
          body: {
            object: 'list',
            data: (models.length > 0 ? models : ['gpt-4o']).map((id) => ({
              id,
              object: 'model',
              owned_by: 'rehearsal',
            })),
          },
        },
      );
    send(response, apiError(404, `There is nothing at ${request.method} ${pathname}.`, 'invalid_request_error', null));
  }

  async #chat(request: IncomingMessage, response: ServerResponse, path: string, body: string): Promise<void> {
    const began = now();
    const parsed = parseRequest(body);
    const isEmpty = parsed?.messages.length === 0;
    const number = isEmpty ? 0 : ++this.#received;
    const asked = isEmpty ? null : parsed;
    const { system, text, picture } = asked === null ? { system: '', text: '', picture: null } : partsOf(asked);
    const furtherMessages = asked === null || isInvitation(asked) ? 0 : Math.max(0, asked.messages.length - 2);
    const rule = isEmpty ? null : this.#faults.next(number, text, furtherMessages === 0);
    const logged: Omit<LoggedRequest, 'status' | 'seconds'> = {
      number,
      time: new Date().toISOString(),
      path,
      model: parsed?.model ?? null,
      question:
        asked &&
        createHash('sha256')
          .update(JSON.stringify([system, text, picture]))
          .digest('hex')
          .slice(0, 16),
      text: asked && text,
      furtherMessages,
      fault: rule?.fault ?? null,
      usage: null,
    };
    // Logged before the answer is sent, or when the client disconnects first.
    let isLogged = false;
    const log = (status: number | null) => {
      if (isLogged || this.#options.log === null) return;
      isLogged = true;
      appendFileSync(
        this.#options.log,
        `${JSON.stringify({ ...logged, status, seconds: Number((now() - began).toFixed(3)) })}\n`,
      );
    };
    response.on('close', () => log(null));
    const reply =
      this.#refusal(request, rule) ??
      this.#unknownModel(parsed) ??
      (asked === null
        ? apiError(
            400,
            isEmpty ? "[] is too short: 'messages'." : 'This is not a chat-completions request.',
            'invalid_request_error',
            null,
          )
        : await this.#answer(asked, rule, number, logged));
    const {
      latency: [from, to],
      seed,
    } = this.#options;
    const seconds =
      from +
      (to - from) * new RandomStream({ seed, purpose: 'rehearsed latency', step: number }).uniform() +
      (rule?.fault === 'slow' ? rule.seconds : 0);
    if (reply.status === 200 && seconds > 0) await sleep(seconds * 1000);
    if (response.destroyed) return;
    log(rule?.fault === 'cut' ? null : reply.status);
    if (rule?.fault === 'cut') response.destroy();
    else send(response, reply, rule?.fault);
  }

  /** Why there is no answer: a scripted status, a wrong key. */
  #refusal(request: IncomingMessage, rule: FaultRule | null): Reply | null {
    const refused = this.#wrongKey(request);
    if (refused !== null) return refused;
    switch (rule?.fault) {
      case 'rateLimit':
        return {
          ...apiError(429, 'Rate limit reached for requests.', 'requests', 'rate_limit_exceeded'),
          headers: waitHeaders(rule),
        };
      case 'quota':
        return apiError(
          429,
          'You exceeded your current quota, please check your plan and billing details.',
          'insufficient_quota',
          'insufficient_quota',
        );
      case 'contentFilterPrompt':
        return apiError(
          400,
          'The response was filtered due to the prompt triggering the content management policy.',
          null,
          'content_filter',
        );
      case 'status':
        // Providers quote what they were sent; this tests that the key gets no further.
        return apiError(
          rule.status,
          rule.status === 401 ? `Incorrect API key provided: ${keyOf(request)}.` : `Scripted status ${rule.status}.`,
          rule.status >= 500 ? 'server_error' : 'invalid_request_error',
          null,
        );
      default:
        return null;
    }
  }

  #wrongKey(request: IncomingMessage): Reply | null {
    const { key } = this.#options;
    return key === null || keyOf(request) === key
      ? null
      : apiError(401, 'Incorrect API key provided.', 'invalid_request_error', 'invalid_api_key');
  }

  #unknownModel(request: ChatRequest | null): Reply | null {
    const { models } = this.#options;
    if (request === null || models.length === 0 || models.includes(request.model)) return null;
    return apiError(
      404,
      `The model \`${request.model}\` does not exist or you do not have access to it.`,
      'invalid_request_error',
      'model_not_found',
    );
  }

  async #answer(
    request: ChatRequest,
    rule: FaultRule | null,
    number: number,
    logged: Pick<LoggedRequest, 'question' | 'usage'>,
  ): Promise<Reply> {
    const question = await this.#read(request, logged.question!);
    if (question === null)
      return apiError(
        400,
        "This server only knows its games, asked with the project's own prompts to judge a thought or to play (see " +
          '--prompt).',
        'invalid_request_error',
        null,
      );
    const fault = rule?.fault ?? null;
    const choice: Choice =
      'template' in question
        ? completeMove(question, fault)
        : complete(request, question, { toolRounds: this.#options.toolRounds, fault, id: `call_${number}` });
    const usage = this.#meter.usage(request, JSON.stringify(choice.message));
    const refusal = this.#takeFromLimits(usage.total_tokens);
    if (refusal !== null) return refusal;
    logged.usage = usage;
    const created = Math.floor(Date.now() / 1000);
    return {
      status: 200,
      headers: this.#limitHeaders(),
      body: {
        id: `chatcmpl-${number}`,
        object: 'chat.completion',
        created,
        model: request.model,
        choices: [{ index: 0, ...choice, logprobs: null }],
        usage,
      },
    };
  }

  /** Reading a picture takes milliseconds, and each round of a conversation sends it again. */
  #read(request: ChatRequest, key: string): Promise<Question | Invitation | null> {
    let question = this.#questions.get(key);
    if (question === undefined) {
      const { prompts, cardFaces } = this.#options;
      question = isInvitation(request)
        ? readInvitation(request, this.#templates, cardFaces)
        : readQuestion(request, prompts, cardFaces);
      if (this.#questions.size >= KEPT_QUESTIONS) this.#questions.delete(this.#questions.keys().next().value!);
      this.#questions.set(key, question);
    }
    return question;
  }

  /** A 429 with the time until both limits admit this request; null: it was admitted. */
  #takeFromLimits(tokens: number): Reply | null {
    const wait = this.#requests?.take(1, now()) || this.#tokens?.take(tokens, now()) || 0;
    if (wait === 0) return null;
    return {
      ...apiError(429, `Rate limit reached. Please try again in ${wait.toFixed(3)}s.`, 'tokens', 'rate_limit_exceeded'),
      headers: {
        ...this.#limitHeaders(),
        'retry-after': String(Math.ceil(wait)),
        'retry-after-ms': String(Math.ceil(wait * 1000)),
      },
    };
  }

  #limitHeaders(): Record<string, string> {
    const { requestsPerMinute, tokensPerMinute } = this.#options;
    const headers = (name: string, limit: number | null, budget: TokenBudget | null) => {
      if (limit === null || budget === null) return {};
      const left = Math.max(0, Math.floor(budget.left(now())));
      return {
        [`x-ratelimit-limit-${name}`]: String(limit),
        [`x-ratelimit-remaining-${name}`]: String(left),
        [`x-ratelimit-reset-${name}`]: `${(((limit - left) * 60) / limit).toFixed(3)}s`,
      };
    };
    return {
      ...headers('requests', requestsPerMinute, this.#requests),
      ...headers('tokens', tokensPerMinute, this.#tokens),
    };
  }

  #changeFaults(body: string): Reply {
    try {
      this.#faults = new FaultScript(faultsSchema.parse(JSON.parse(body)), this.#options.seed);
      return { status: 200, body: { ok: true } };
    } catch (error) {
      return apiError(400, `Cannot be read as faults: ${(error as Error).message}`, 'invalid_request_error', null);
    }
  }
}

function keyOf({ headers }: IncomingMessage): string {
  return (headers['api-key'] as string | undefined) ?? headers.authorization?.replace(/^Bearer /, '') ?? '';
}

function waitHeaders({ headers, seconds }: FaultRule): Record<string, string> {
  switch (headers) {
    case 'retry-after':
      return { 'retry-after': String(Math.ceil(seconds)) };
    case 'retry-after-ms':
      return { 'retry-after-ms': String(Math.ceil(seconds * 1000)) };
    case 'x-ratelimit':
      return {
        'x-ratelimit-remaining-requests': '0',
        'x-ratelimit-reset-requests': `${seconds}s`,
        'x-ratelimit-remaining-tokens': '100',
        'x-ratelimit-reset-tokens': '1m',
      };
    case 'none':
      return {};
  }
}

function apiError(status: number, message: string, type: string | null, code: string | null): Reply {
  return { status, body: { error: { message, type, param: null, code } } };
}

function send(response: ServerResponse, { status, headers = {}, body }: Reply, fault?: string): void {
  const text = JSON.stringify(body);
  const half = text.slice(0, Math.floor(text.length / 2));
  const sent = status === 200 && fault === 'halfJson' ? half : text;
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(sent),
    ...headers,
  });
  if (status === 200 && fault === 'cutBody') response.write(half, () => response.destroy());
  else response.end(sent);
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function parseRequest(body: string): ChatRequest | null {
  try {
    return requestSchema.parse(JSON.parse(body));
  } catch {
    return null;
  }
}

function now(): number {
  return performance.now() / 1000;
}
