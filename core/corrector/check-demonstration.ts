/** Whether a policy can be trained on a demonstration of others: looked at before the first step. */
import type { Wording } from '../policy/agent-parts.ts';
import { IMAGE_MARK } from '../policy/chat-template.ts';
import { tooLong } from '../policy/positions.ts';
import type { DemonstrationCheck } from './llava-demonstrations.ts';

/** Special tokens, words that are not in the vocabulary, and lengths beyond the prompt's or the model's. */
export function demonstrationCheck({ config, template, tokenizer, prompts, preprocess }: Wording): DemonstrationCheck {
  return ({ prompt, text }, image) => {
    for (const [what, part] of [
      ['question', prompt.replace(IMAGE_MARK, '')],
      ['answer', text],
    ] as const) {
      const special = tokenizer.specialIn(part);
      if (special !== null)
        return `the ${what} holds ${JSON.stringify(special)}, which is a special token of the model; word it otherwise`;
    }
    if (!tokenizer.canSay(text))
      return `the model's vocabulary cannot say the answer, which begins ${JSON.stringify(text.slice(0, 40))}`;
    const picture = preprocess(image);
    const whole = prompts.questionIds(prompt, picture, { whole: true }).length;
    const long = tooLong(config.text, whole, tokenizer.encode(text).length + 1);
    if (long !== null) return `${long}; shorten it, or use another model`;
    const taken = prompts.questionIds(prompt, picture).length;
    return taken < whole
      ? `the question would be cut by ${whole - taken} tokens to the ${template.fixedLength?.tokens} of fixedLength in ` +
          `the prompt template; shorten it, or use another template`
      : null;
  };
}
