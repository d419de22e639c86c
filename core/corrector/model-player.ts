/**
 * A model behind OpenAI's chat completions that plays in the agent's place: same prompt and picture, answers read the
 * same way.
 */
import { createHash } from 'node:crypto';
import type { ChatCompletionContentPart, ChatCompletionMessageParam } from 'openai/resources/chat/completions';
import { mapConcurrently } from '../artifacts/map-concurrently.ts';
import { sha256 } from '../artifacts/keyed-store.ts';
import { ConfigError, type RunConfig } from '../../configs/schema.ts';
import type { JsonState } from '../envs/env.ts';
import type { PastView } from '../envs/with-history.ts';
import { addCounts, type CorrectorCounts, NO_COUNTS } from '../episodes/corrector-counts.ts';
import type { AgentResponse } from '../policy/agent.ts';
import { pastInWords } from '../policy/past-in-words.ts';
import { fillTemplate, type PromptTemplate } from '../policy/prompt-template.ts';
import { parseResponse } from '../policy/response.ts';
import type { Player, RolloutRequest } from '../policy/rollout.ts';
import { askModel, modelRequest, type ModelReply } from './ask-model.ts';
import { failureOf, keptCompletion } from './completion.ts';
import type { Ledger, PaidAnswer } from './ledger.ts';
import { connect, type OpenAIConnection, serverName } from './openai-client.ts';
import { costUsd, imageTokens, type Prices, pricesOf } from './prices.ts';
import { imageDataUrl } from './request-image.ts';
import { type Answer, NO_USAGE } from './teacher.ts';

const IMAGE_MARK = '<image>';
const CHARACTERS_PER_TOKEN = 4;

/** Asks within the account's limits; `tokens`: what the request will likely use. */
export type AskWithin = (tokens: number, ask: () => Promise<ModelReply>) => Promise<ModelReply>;

export class ModelPlayer implements Player {
  readonly imageSize: number;
  readonly #settings: RunConfig['corrector']['openai'];
  /** Of each environment. */
  readonly #templates: readonly PromptTemplate[];
  readonly #history: RunConfig['prompt']['history'];
  readonly #ledger: Ledger;
  readonly #payer: string;
  readonly #within: AskWithin;
  readonly #prices: Prices | null;
  readonly #identity: JsonState;
  #connection: OpenAIConnection | null = null;
  #counts = NO_COUNTS;
  /** The most that requests in flight may cost. */
  #reservedUsd = 0;
  readonly #budgetUsd: number | null;

  /**
   * `history`: how earlier steps are told; `payer`: the evaluation, so that what it paid for before counts as its own;
   * `budgetUsd`: its total budget. Throws `ConfigError` if there is a budget but no price.
   */
  constructor(
    openai: RunConfig['corrector']['openai'],
    templates: readonly PromptTemplate[],
    {
      ledger,
      payer,
      within,
      budgetUsd = null,
      history = 'none',
    }: {
      ledger: Ledger;
      payer: string;
      within: AskWithin;
      budgetUsd?: number | null;
      history?: RunConfig['prompt']['history'];
    },
  ) {
    const { model, temperature, maxTokens, image, azure, prices } = openai;
    [this.#settings, this.#templates, this.#ledger, this.#payer, this.#within] = [
      openai,
      templates,
      ledger,
      payer,
      within,
    ];
    this.#history = history;
    this.imageSize = image.size;
    this.#prices = prices ?? pricesOf(model);
    this.#budgetUsd = budgetUsd;
    if (budgetUsd !== null && this.#prices === null)
      throw new ConfigError(
        `corrector.budgetUsd ($${budgetUsd}) cannot be kept: the price of ${model} is unknown; set ` +
          'corrector.openai.prices.',
      );
    this.#identity = {
      player: 'openai',
      server: serverName(openai),
      model: azure === null ? model : `${model} (Azure: ${azure.deployment})`,
      temperature,
      maxTokens,
      image,
    };
  }

  /** What it took so far; moves that others put into the ledger cost nothing. */
  get counts(): CorrectorCounts {
    return this.#counts;
  }

  respond(requests: readonly RolloutRequest[]): Promise<AgentResponse[]> {
    return mapConcurrently(requests, (request) => this.#respond(request));
  }

  values(observations: readonly unknown[]): Promise<Float32Array> {
    return Promise.resolve(new Float32Array(observations.length));
  }

  async #respond({ image, promptValues, key, member = 0, past = [] }: RolloutRequest): Promise<AgentResponse> {
    const template = this.#templates[member];
    const words = this.#history === 'text' ? pastInWords(template, past) : '';
    const prompt = words + fillTemplate(template.prompt, promptValues);
    const turns = this.#history === 'concat' ? past.map((step) => this.#turn(template, step)) : [];
    const question = {
      player: this.#identityAt(template),
      image: sha256(image.data),
      prompt,
      draw: key,
      ...(turns.length === 0
        ? {}
        : { past: turns.map(({ asked, seen, answer }) => ({ prompt: asked, image: sha256(seen.data), answer })) }),
    };
    const paid = await this.#ledger.move(question, this.#payer, async () => {
      const earlier = await Promise.all(
        turns.map(async ({ asked, seen, answer }): Promise<ChatCompletionMessageParam[]> => [
          { role: 'user', content: await this.#parts(asked, seen) },
          { role: 'assistant', content: answer },
        ]),
      );
      const messages: ChatCompletionMessageParam[] = [
        ...earlier.flat(),
        { role: 'user', content: await this.#parts(prompt, image) },
      ];
      const tokens =
        this.#tokens(prompt) +
        turns.reduce((sum, { asked, answer }) => sum + this.#promptTokens(asked) + textTokens(answer), 0);
      const { answer } = await this.#withinBudget(tokens, () => this.#within(tokens, () => this.#ask(messages)));
      return { answer: answer as unknown as Answer, usage: answer === 'contentFilter' ? NO_USAGE : answer.usage };
    });
    const completion = keptCompletion(paid.answer);
    const isAnswer = completion !== null && completion !== 'contentFilter';
    const failure = isAnswer ? failureOf(completion) : 'contentFilter';
    this.#count(paid, failure);
    const text = isAnswer ? (completion.content ?? '').trim() : '';
    return {
      responseIds: [],
      text,
      thoughtTokens: 0,
      logprob: 0,
      value: 0,
      sampledBy: `openai:${this.#settings.model}`,
      ...parseResponse(text, template.keys, failure === null),
    };
  }

  /** A past step as a question and its answer. */
  #turn(template: PromptTemplate, { promptValues, observe, answer }: PastView) {
    return { asked: fillTemplate(template.prompt, promptValues), seen: observe(this.imageSize), answer };
  }

  #identityAt({ prompt }: PromptTemplate): JsonState {
    return { ...this.#identity, prompt: createHash('sha256').update(prompt).digest('hex').slice(0, 16) };
  }

  /** Asks if the budget covers the most expensive possible answer. `tokens`: with it. Throws `ConfigError`. */
  async #withinBudget<T>(tokens: number, ask: () => Promise<T>): Promise<T> {
    if (this.#budgetUsd === null) return await ask();
    const { model, maxTokens } = this.#settings;
    const promptTokens = tokens - maxTokens;
    const most = costUsd({ promptTokens, cachedTokens: 0, completionTokens: maxTokens }, this.#prices)!;
    if ((this.#counts.costUsd ?? 0) + this.#reservedUsd + most > this.#budgetUsd)
      throw new ConfigError(
        `The next move of ${model} may exceed the budget of $${this.#budgetUsd} (corrector.budgetUsd) for this ` +
          'evaluation; raise it and evaluate again: earlier answers are in the ledger and are not paid twice.',
      );
    this.#reservedUsd += most;
    try {
      return await ask();
    } finally {
      this.#reservedUsd -= most;
    }
  }

  /** The text around the image mark, with the picture in place of the mark. */
  async #parts(prompt: string, image: RolloutRequest['image']): Promise<ChatCompletionContentPart[]> {
    const { image: format } = this.#settings;
    const [before, after] = prompt
      .split(IMAGE_MARK)
      .map((text): ChatCompletionContentPart[] => (text.trim() === '' ? [] : [{ type: 'text', text: text.trim() }]));
    const url = await imageDataUrl(image, format);
    return [...before, { type: 'image_url', image_url: { url, detail: format.detail } }, ...after];
  }

  /** With an answer. */
  #tokens(prompt: string): number {
    return this.#promptTokens(prompt) + this.#settings.maxTokens;
  }

  /** With a picture. */
  #promptTokens(prompt: string): number {
    const { model, image } = this.#settings;
    return textTokens(prompt) + imageTokens(model, image.size, image.detail);
  }

  async #ask(messages: ChatCompletionMessageParam[]): Promise<ModelReply> {
    this.#connection ??= connect(this.#settings);
    return await askModel(this.#connection, modelRequest(this.#settings, messages), this.#settings.timeoutSeconds);
  }

  #count({ usage, paidBy, seconds }: PaidAnswer, failure: string | null): void {
    const unusable = failure === null ? {} : { [failure]: 1 };
    this.#counts = addCounts(
      this.#counts,
      paidBy === this.#payer
        ? {
            calls: 1,
            requests: 1,
            tokensIn: usage.promptTokens,
            tokensCached: usage.cachedTokens,
            tokensOut: usage.completionTokens,
            costUsd: costUsd(usage, this.#prices),
            seconds,
            slowestSeconds: seconds,
            unusable,
          }
        : { ledgerHits: 1, unusable },
    );
  }
}

function textTokens(text: string): number {
  return Math.ceil(text.length / CHARACTERS_PER_TOKEN);
}
