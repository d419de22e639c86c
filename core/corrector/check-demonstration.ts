/** Checks, before the first step, whether a policy can be trained on a user's demonstration. */
import type { Wording } from '../policy/agent-parts.ts';
import type { RgbImage } from '../pictures/rgb-image.ts';
import { CheckpointError } from '../policy/checkpoint/errors.ts';
import type { ImagePreprocessor, Picture } from '../policy/families/model-family.ts';
import { IMAGE_MARK } from '../policy/chat-template.ts';
import { tooLong } from '../policy/positions.ts';
import type { DemonstrationCheck } from './llava-demonstrations.ts';

/** Checks for special tokens, text outside the vocabulary, and lengths beyond the prompt's or the model's limit. */
export function demonstrationCheck({ config, template, tokenizer, prompts, preprocess }: Wording): DemonstrationCheck {
  // A picture's size determines its tokens, and whether it can be used at all.
  const sizes = new Map<string, Pick<Picture, 'grid'> | string>();
  const taken = (image: RgbImage): Pick<Picture, 'grid'> | string => {
    const size = `${image.width} x ${image.height}`;
    const known = sizes.get(size) ?? gridOf(preprocess, image);
    sizes.set(size, known);
    return known;
  };
  return ({ prompt, text }, image) => {
    for (const [what, part] of [
      ['question', prompt.replace(IMAGE_MARK, '')],
      ['answer', text],
    ] as const) {
      const special = tokenizer.specialIn(part);
      if (special !== null)
        return `the ${what} holds ${JSON.stringify(special)}, which is a special token of the model; use other words`;
    }
    if (!tokenizer.canSay(text))
      return `the model's vocabulary cannot express the answer, which begins ${JSON.stringify(text.slice(0, 40))}`;
    const picture = taken(image);
    if (typeof picture === 'string') return picture;
    const whole = prompts.questionIds(prompt, picture, { whole: true }).length;
    const long = tooLong(config.text, whole, tokenizer.encode(text).length + 1);
    if (long !== null) return `${long}; shorten it, or use another model`;
    const kept = prompts.questionIds(prompt, picture).length;
    return kept < whole
      ? `the question would be cut by ${whole - kept} tokens to the ${template.fixedLength?.tokens} of ` +
          'fixedLength in the prompt template; shorten it, or use another template'
      : null;
  };
}

/** Returns a sentence if the checkpoint's settings cannot preprocess the picture, and releases the pixels. */
function gridOf(preprocess: ImagePreprocessor, image: RgbImage): Pick<Picture, 'grid'> | string {
  try {
    return { grid: preprocess(image).grid };
  } catch (error) {
    if (error instanceof CheckpointError) return error.message;
    throw error;
  }
}
