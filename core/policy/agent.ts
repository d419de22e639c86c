/**
 * The agent: a policy with its tokenizer, image preprocessing and wording, answering observations with thoughts and
 * actions.
 */
import type { RunConfig } from '../../configs/schema.ts';
import type { RgbImage } from '../pictures/rgb-image.ts';
import type { Step } from '../episodes/episode.ts';
import { type AgentParts, openAgentParts, type PromptSettings, type Wording } from './agent-parts.ts';
import type { Checkpoint } from './checkpoint/open-checkpoint.ts';
import type { ImagePreprocessor, Picture } from './families/model-family.ts';
import { chooseDevice } from '../graph/provider.ts';
import type { Observation } from './observation.ts';
import { OnnxPolicyEngine } from './onnx-policy-engine.ts';
import type { PolicyEngine, SampleRequest } from './policy-engine.ts';
import { parseResponse } from './response.ts';
import type { PolicyTokenizer } from './tokenizer.ts';
import type { MergedScope } from './vlm-config.ts';

/** What an agent is opened from; a teacher merged from adapters has whole matrices for the adapted layers. */
export type AgentConfig = Pick<RunConfig, 'engine' | 'environment' | 'environments'> &
  PromptSettings & {
    model: Omit<RunConfig['model'], 'train'> & { train: RunConfig['model']['train'] | MergedScope };
  };

/** A response as the rollout records it, before the environment has answered. */
export type AgentResponse = Omit<Step, 'action' | 'legal' | 'reward'> & {
  /** Text after the last action key; null without one. */
  actionText: string | null;
};

export class Agent {
  readonly engine: PolicyEngine;
  readonly tokenizer: PolicyTokenizer;
  readonly checkpoint: Checkpoint;
  readonly imageSize: number;
  /** Of each environment. */
  readonly #wordings: readonly Pick<Wording, 'prompts' | 'template'>[];
  readonly #preprocess: ImagePreprocessor;
  /** Cached for images that are still alive: environments draw a repeated scene only once. */
  readonly #pictures = new WeakMap<RgbImage, Picture>();
  #policy: string | null = null;
  #policies = 0;

  private constructor(
    { checkpoint, wordings, tokenizer, preprocess }: AgentParts,
    engine: PolicyEngine,
    imageSize: number,
  ) {
    this.engine = engine;
    this.tokenizer = tokenizer;
    this.checkpoint = checkpoint;
    this.imageSize = imageSize;
    this.#wordings = wordings;
    this.#preprocess = preprocess;
  }

  /** `parts`: if they are already open. Throws as `openAgentParts` and `chooseDevice` do. */
  static async open(
    { model, engine, environment, environments, prompt, rollout }: AgentConfig,
    resolvePath: (path: string) => string,
    parts: AgentParts = openAgentParts({ model, environment, environments, prompt, rollout }, resolvePath),
  ): Promise<Agent> {
    const policyEngine = await OnnxPolicyEngine.open({
      checkpoint: parts.checkpoint,
      scope: model.train,
      valueHead: model.valueHead,
      ...engine,
      device: await chooseDevice(engine),
    });
    return new Agent(parts, policyEngine, model.imageSize);
  }

  /** The hash of the current policy; null while it is being trained. */
  get policy(): string | null {
    return this.#policy;
  }

  /** Counts the policies that were set so far: while it is unchanged, the policy is unchanged. */
  get policies(): number {
    return this.#policies;
  }

  /**
   * Makes `flat` the policy of all later calls. `sha256`: the hash that it is stored under; null while it is being
   * trained; then sampling is not allowed.
   */
  async setPolicy(flat: Float32Array, sha256: string | null): Promise<void> {
    this.#policy = null;
    this.#policies++;
    await this.engine.setParameters(flat);
    this.#policy = sha256;
  }

  /** An observation as tokens, and its picture as the vision tower takes it. */
  prompt({ image, promptValues, past = [], member = 0 }: Observation): { promptIds: number[]; picture: Picture } {
    const { prompts } = this.#wordings[member];
    const seen = prompts.showsPast ? past.map(({ observe }) => this.picture(observe(this.imageSize))) : [];
    return prompts.compose({ promptValues, past }, [...seen, this.picture(image)]);
  }

  /** See `PromptEncoder`. */
  questionIds(question: string, picture: Picture): number[] {
    return this.#wordings[0].prompts.questionIds(question, picture);
  }

  /** An image as the vision tower takes it. */
  picture(image: RgbImage): Picture {
    const known = this.#pictures.get(image) ?? this.#preprocess(image);
    this.#pictures.set(image, known);
    return known;
  }

  /** Answers observations; `noise` holds one number in (0, 1) per token. */
  async respond(
    observations: readonly (Observation & { noise: Float32Array })[],
    settings: Pick<SampleRequest, 'maxNewTokens' | 'temperature' | 'repetitionPenalty' | 'penalizePrompt'> & {
      thoughtCoef: number;
      keepTokenLogprobs?: boolean;
    },
  ): Promise<AgentResponse[]> {
    const { maxNewTokens, temperature, repetitionPenalty, penalizePrompt, thoughtCoef, keepTokenLogprobs } = settings;
    const sampledBy = this.#policy;
    if (sampledBy === null)
      throw new Error('parameters that are being trained cannot be sampled from: set the stored policy first');
    const prompts = observations.map((observation) => this.prompt(observation));
    const rows = observations.map(({ noise }, image) => ({ image, promptIds: prompts[image].promptIds, noise }));
    const request = {
      rows,
      pictures: prompts.map(({ picture }) => picture),
      maxNewTokens,
      temperature,
      repetitionPenalty,
      penalizePrompt,
    };
    const responses: AgentResponse[] = [];
    await this.engine.sample(request, ({ ids, logprobs, value }, row) => {
      const { text, thoughtTokens } = this.tokenizer.splitResponse(ids);
      const ended = this.tokenizer.isEnd(ids.at(-1));
      const weights = responseWeights(thoughtTokens, ids.length, thoughtCoef);
      const logprob = logprobs.reduce((sum, token, index) => sum + weights[index] * token, 0);
      responses[row] = {
        responseIds: ids,
        text,
        thoughtTokens,
        logprob,
        ...(keepTokenLogprobs ? { tokenLogprobs: [...logprobs] } : {}),
        value,
        sampledBy,
        ...parseResponse(text, this.#wordings[observations[row].member ?? 0].template.keys, ended),
      };
    });
    return responses;
  }

  /** The value head's answers. */
  async values(observations: readonly Observation[]): Promise<Float32Array> {
    if (observations.length === 0) return new Float32Array(0);
    const prompts = observations.map((observation) => this.prompt(observation));
    const rows = prompts.map(({ promptIds }, image) => ({ image, promptIds, responseIds: [] }));
    const pictures = prompts.map(({ picture }) => picture);
    const { values } = await this.engine.score({ rows, pictures, temperature: 1 });
    return values;
  }

  close(): Promise<void> {
    return this.engine.close();
  }
}

/**
 * logprob = thought_coef * sum(thought tokens) + sum(action tokens): the coefficient of each token (spec.md section 3).
 */
export function responseWeights(thoughtTokens: number, tokens: number, thoughtCoef: number): Float32Array {
  return new Float32Array(tokens).fill(1).fill(thoughtCoef, 0, thoughtTokens);
}
