/** Prompts as token ids, with the tokens of a picture instead of the image mark. */
import { ConfigError, type RunConfig } from '../../configs/schema.ts';
import type { PastView } from '../envs/with-history.ts';
import { IMAGE_MARK } from './chat-template.ts';
import type { Picture } from './families/model-family.ts';
import { familyOf } from './families/registry.ts';
import type { Observation } from './observation.ts';
import { pastInWords } from './past-in-words.ts';
import { tooLong } from './positions.ts';
import { fillTemplate, type PromptTemplate } from './prompt-template.ts';
import type { PolicyTokenizer } from './tokenizer.ts';
import type { VlmConfig } from './vlm-config.ts';

type Texts = Readonly<Record<string, string>>;
type History = RunConfig['prompt']['history'];

export class PromptEncoder {
  readonly #template: PromptTemplate;
  readonly #tokenizer: PolicyTokenizer;
  readonly #config: VlmConfig;
  readonly #history: History;
  /** The tokens of an answer, for which positions are reserved where there is a past. */
  readonly newTokens: number;

  constructor(
    template: PromptTemplate,
    tokenizer: PolicyTokenizer,
    config: VlmConfig,
    history: History = 'none',
    newTokens = 0,
  ) {
    this.#template = template;
    this.#tokenizer = tokenizer;
    this.#config = config;
    this.#history = history;
    this.newTokens = newTokens;
  }

  /** Whether a prompt includes pictures of the past. */
  get showsPast(): boolean {
    return this.#history === 'concat';
  }

  /**
   * The prompt of an observation with its past, and their joint picture. `pictures`: those of the past, if shown, and
   * the current one. The oldest steps are left out if the model's positions run short.
   */
  compose(
    { promptValues, past = [] }: Pick<Observation, 'promptValues' | 'past'>,
    pictures: readonly Picture[],
  ): { promptIds: number[]; picture: Picture } {
    for (let from = 0; ; from++) {
      const told = past.slice(from);
      const seen = pictures.slice(this.showsPast ? -1 - told.length : -1);
      const picture = seen.length === 1 ? seen[0] : familyOf(this.#config).joinPictures!(this.#config, seen);
      const words = this.#history === 'text' ? pastInWords(this.#template, told, (texts) => this.#plain(texts)) : '';
      const promptIds = this.questionIds(words + this.#question(promptValues), pictures.at(-1)!, {
        earlier: this.showsPast ? told : [],
      });
      if (told.length === 0 || tooLong(this.#config.text, promptIds.length, this.newTokens) === null)
        return { promptIds, picture };
    }
  }

  /**
   * A finished text with one image mark; `whole`: not cut to the template's fixed length; `earlier`: steps of the same
   * conversation. Throws `ConfigError` for any other number of marks.
   */
  questionIds(
    question: string,
    { grid }: Pick<Picture, 'grid'>,
    { whole = false, earlier = [] }: { whole?: boolean; earlier?: readonly PastView[] } = {},
  ): number[] {
    const family = familyOf(this.#config);
    const { chat } = this.#template;
    const plain = !chat || !this.#tokenizer.hasChatTemplate;
    const image = {
      mark: family.imageMark,
      id: this.#config.imageTokenId,
      ...family.imageWords(this.#config, grid, plain),
    };
    const turns = earlier.map(({ promptValues, answer }) => ({
      question: this.#question(promptValues),
      answer: this.#plain({ answer }).answer,
    }));
    for (const asked of [question, ...turns.map((turn) => turn.question)])
      if (asked.split(IMAGE_MARK).length !== 2)
        throw new ConfigError(`A prompt must hold ${IMAGE_MARK} once: ${JSON.stringify(asked)}.`);
    if (chat) return this.#tokenizer.chatPromptIds(question, image, turns);
    const askedIds = (asked: string) => {
      const [before, after] = asked.split(IMAGE_MARK);
      return [
        ...this.#tokenizer.encode(before),
        ...this.#tokenizer.imageIds(image.text, image),
        ...this.#fixedLength(this.#tokenizer.encode(after), whole),
      ];
    };
    return [
      ...this.#tokenizer.beginIds(),
      ...turns.flatMap((turn) => [...askedIds(turn.question), ...this.#tokenizer.encode(turn.answer)]),
      ...askedIds(question),
    ];
  }

  #question(values: Texts): string {
    return fillTemplate(this.#template.prompt, this.#plain(values));
  }

  /** Texts in which special tokens and image marks become plain words: games and answers may contain any text. */
  #plain(texts: Texts): Record<string, string> {
    return Object.fromEntries(
      Object.entries(texts).map(([name, text]) => [
        name,
        this.#tokenizer.plain(text).replaceAll(IMAGE_MARK, '< image>'),
      ]),
    );
  }

  #fixedLength(ids: number[], whole: boolean): number[] {
    const { fixedLength } = this.#template;
    if (fixedLength === null || (whole && ids.length > fixedLength.tokens)) return ids;
    const [pad] = this.#tokenizer.encode(fixedLength.pad);
    const kept = ids.slice(-fixedLength.tokens);
    return [...kept, ...new Array<number>(fixedLength.tokens - kept.length).fill(pad)];
  }
}
