/**
 * A model behind OpenAI's chat completions as a teacher: sees the picture, may ask the exact solver, answers in a fixed
 * form.
 */
import { createHash } from 'node:crypto';
import type { ChatCompletionMessageParam } from 'openai/resources/chat/completions';
import { zodResponseFormat } from 'openai/helpers/zod';
import type { RunConfig } from '../../configs/schema.ts';
import type { JsonState } from '../envs/env.ts';
import { gameByName } from '../envs/registry.ts';
import type { UnusableReason } from '../episodes/episode.ts';
import type { PromptTemplate } from '../policy/prompt-template.ts';
import { askModel, modelRequest } from './ask-model.ts';
import { type Completion, failureOf, keptCompletion } from './completion.ts';
import { type CorrectorPrompt, isListKey, loadCorrectorPrompt, requestText, systemText } from './corrector-prompt.ts';
import { answerFormulaTool, FORMULA_TOOL } from './formula-tool.ts';
import { handOf } from '../envs/formulas/hand.ts';
import { type AnswerRules, answerSchema, readAnswer } from './model-answer.ts';
import { connect, type OpenAIConnection, problemOf, serverName } from './openai-client.ts';
import { imageTokens, pricesOf } from './prices.ts';
import { imageDataUrl } from './request-image.ts';
import {
  addUsage,
  type Answer,
  type JudgeOptions,
  type JudgeRequest,
  type Judgement,
  NO_USAGE,
  type PaidTerms,
  type RateLimitState,
  type Teacher,
  type TeacherError,
  type Usage,
} from './teacher.ts';

/** Games whose requests offer the solver's formulas as a tool. */
const GAMES_WITH_TOOL = ['points24'];

/** A judgement usually takes two requests where the tool is offered: its call and the answer. */
export function openaiTerms({
  environment,
  corrector: { openai },
}: Pick<RunConfig, 'environment' | 'corrector'>): PaidTerms {
  const { model, prices, image, toolRounds } = openai;
  const requestsPerThought = GAMES_WITH_TOOL.includes(environment.name) && toolRounds > 0 ? 2 : 1;
  return { model, prices: prices ?? pricesOf(model), pictureSize: image.size, requestsPerThought };
}

const CHARACTERS_PER_TOKEN = 4;
/** The likely tokens of a tool call and its answer. */
const TOOL_CALL_TOKENS = { completion: 40, prompt: 250 };

export class OpenAITeacher implements Teacher {
  readonly isExact = false;
  readonly identity: JsonState;
  readonly terms: PaidTerms;
  readonly #settings: RunConfig['corrector']['openai'];
  readonly #prompt: CorrectorPrompt;
  readonly #system: string;
  readonly #rules: AnswerRules;
  readonly #responseFormat: ReturnType<typeof zodResponseFormat>;
  readonly #hasTool: boolean;
  #connection: OpenAIConnection | null = null;

  /**
   * `template`: how the policy is prompted; `canSay`: see `AnswerRules`. Throws `ConfigError` for a wrong prompt file;
   * keys are read at the first request.
   */
  constructor(
    config: Pick<RunConfig, 'environment' | 'corrector'>,
    template: PromptTemplate,
    canSay: AnswerRules['canSay'] = () => true,
  ) {
    const { environment, corrector } = config;
    const { openai } = corrector;
    this.terms = openaiTerms(config);
    this.#settings = openai;
    this.#prompt = loadCorrectorPrompt(environment.name, openai.prompt);
    this.#system = systemText(this.#prompt, template);
    const game = gameByName(environment.name);
    this.#rules = {
      schema: answerSchema(environment.name, template.keys, (key) => isListKey(this.#prompt, template, key)),
      game,
      options: game.parseOptions(environment.options),
      template,
      canSay,
    };
    this.#responseFormat = zodResponseFormat(this.#rules.schema, 'judgement');
    this.#hasTool = this.terms.requestsPerThought > 1;
    const { model, temperature, maxTokens, answerFormat, toolRounds, image, azure } = openai;
    this.identity = {
      teacher: 'openai',
      server: serverName(openai),
      model: azure === null ? model : `${model} (Azure: ${azure.deployment})`,
      environment: environment.name,
      promptVersion: this.#prompt.version,
      promptHash: createHash('sha256')
        .update(JSON.stringify([this.#system, this.#prompt.request, this.#prompt.noTarget]))
        .digest('hex')
        .slice(0, 16),
      temperature,
      maxTokens,
      answerFormat,
      toolRounds,
      image,
    };
  }

  async problem(): Promise<TeacherError | null> {
    return await problemOf(this.#settings);
  }

  /** All rounds: with the tool, a second request repeats the first one and its answer. */
  estimate(request: JudgeRequest): Usage {
    const { model, image, maxTokens } = this.#settings;
    const characters =
      this.#system.length + this.#userText(request).length + JSON.stringify(this.#responseFormat).length;
    const prompt = Math.ceil(characters / CHARACTERS_PER_TOKEN) + imageTokens(model, image.size, image.detail);
    if (!this.#hasTool) return { promptTokens: prompt, cachedTokens: 0, completionTokens: maxTokens };
    return {
      promptTokens: 2 * prompt + TOOL_CALL_TOKENS.prompt,
      cachedTokens: 0,
      completionTokens: maxTokens + TOOL_CALL_TOKENS.completion,
    };
  }

  /** Tokens that all requests begin with: what a provider's cache may keep. */
  get constantTokens(): number {
    return Math.ceil((this.#system.length + JSON.stringify(this.#responseFormat).length) / CHARACTERS_PER_TOKEN);
  }

  async judge(request: JudgeRequest, { signal, answers = [], onAnswer }: JudgeOptions = {}): Promise<Judgement> {
    const messages = await this.#firstMessages(request);
    let usage = NO_USAGE;
    let rounds = 0;
    let complained = false;
    const earlier = answers.map(keptCompletion).filter((answer) => answer !== null);
    for (let requests = 0; ;) {
      const toolChoice = !this.#hasTool ? null : rounds < this.#settings.toolRounds && !complained ? 'auto' : 'none';
      let completion = earlier.at(requests);
      if (completion === undefined) {
        const { answer, rateLimit } = await this.#ask(messages, toolChoice, signal);
        completion = answer;
        await onAnswer?.(answer as unknown as Answer, {
          usage: answer === 'contentFilter' ? NO_USAGE : answer.usage,
          rateLimit,
        });
      }
      requests++;
      const unusable = (reason: UnusableReason): Judgement => ({
        verdict: { outcome: 'unusable', reason },
        requests,
        usage,
      });
      if (completion === 'contentFilter') return unusable('contentFilter');
      usage = addUsage(usage, completion.usage);
      const failure = failureOf(completion);
      if (failure !== null) return unusable(failure);

      if (completion.toolCalls.length > 0) {
        if (toolChoice !== 'auto') return unusable('toolRounds');
        rounds++;
        messages.push(...this.#answerTools(completion, request));
        continue;
      }
      const result = readAnswer(completion.content!, request, this.#rules);
      if ('outcome' in result) return { verdict: result, requests, usage };
      if (complained) return unusable(result.reason);
      complained = true;
      messages.push({ role: 'assistant', content: completion.content }, { role: 'user', content: result.sentence });
    }
  }

  /** The constant part first, so that the provider's cache of prompts applies; the picture last. */
  async #firstMessages(request: JudgeRequest): Promise<ChatCompletionMessageParam[]> {
    const { image } = this.#settings;
    const url = await imageDataUrl(request.environment.observe(image.size), image);
    return [
      { role: 'system', content: this.#system },
      {
        role: 'user',
        content: [
          { type: 'text', text: this.#userText(request) },
          { type: 'image_url', image_url: { url, detail: image.detail } },
        ],
      },
    ];
  }

  #userText({ environment, thought, action, target }: JudgeRequest): string {
    return requestText(this.#prompt, {
      ...environment.promptValues(),
      thought: JSON.stringify(thought),
      action,
      target: target ?? this.#prompt.noTarget,
    });
  }

  #answerTools({ content, toolCalls }: Completion, { environment }: JudgeRequest): ChatCompletionMessageParam[] {
    const { formula } = handOf(environment.state());
    return [
      {
        role: 'assistant',
        content,
        tool_calls: toolCalls.map(({ id, name, arguments: text }) => ({
          id,
          type: 'function',
          function: { name, arguments: text },
        })),
      },
      ...toolCalls.map(({ id, name, arguments: text }) => ({
        role: 'tool' as const,
        tool_call_id: id,
        content: answerFormulaTool(name, text, formula),
      })),
    ];
  }

  /** One request. A prompt that the content filter refuses counts as an answer; any other failure throws. */
  async #ask(
    messages: ChatCompletionMessageParam[],
    toolChoice: 'auto' | 'none' | null,
    signal?: AbortSignal,
  ): Promise<{ answer: Completion | 'contentFilter'; rateLimit: RateLimitState }> {
    const { answerFormat, timeoutSeconds } = this.#settings;
    this.#connection ??= connect(this.#settings);
    const request = {
      ...modelRequest(this.#settings, messages),
      ...(toolChoice !== null && { tools: [FORMULA_TOOL], tool_choice: toolChoice }),
      ...(answerFormat === 'schema' && { response_format: this.#responseFormat }),
      ...(answerFormat === 'json' && { response_format: { type: 'json_object' as const } }),
    };
    return await askModel(this.#connection, request, timeoutSeconds, signal);
  }
}
