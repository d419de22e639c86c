/**
 * Demonstrations in LLaVA's format, as RL4VLM's supervised data: a JSON list of pictures with a question and an answer.
 */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { ConfigError, parseConfig } from '../../configs/schema.ts';
import { readJsonElements } from './json-elements.ts';

/** One answer about one picture. */
export type PictureDemonstration = {
  /** Absolute path of the picture. */
  image: string;
  /** The question, with `<image>` in the picture's place, before the checkpoint's chat template. */
  prompt: string;
  text: string;
};

const turn = (from: string) => z.object({ from: z.literal(from), value: z.string().min(1) });
const itemSchema = z.object({
  id: z.union([z.string(), z.number()]).optional(),
  image: z.string().min(1),
  conversations: z.tuple([turn('human'), turn('gpt')], 'must be one question (from: human) and one answer (from: gpt)'),
});

/**
 * The file's items, one after the other. `images`: the folder from which pictures count; null: the file's own. Throws
 * `ConfigError` naming the file, the index of the item (from 0) and what is wrong with it.
 */
export async function* readLlavaDemonstrations(
  file: string,
  images: string | null,
): AsyncGenerator<PictureDemonstration> {
  let index = 0;
  for await (const item of readJsonElements(file)) {
    const place = `${file}, item ${index}`;
    const {
      image,
      conversations: [question, answer],
    } = parseConfig(itemSchema, item, place);
    if (question.value.split('<image>').length !== 2)
      throw new ConfigError(
        `${place}: the question must hold <image> once; it begins ${JSON.stringify(question.value.slice(0, 40))}.`,
      );
    const picture = path.resolve(images ?? path.dirname(file), image);
    if (!(await stat(picture).catch(() => null))?.isFile())
      throw new ConfigError(
        `${place}: there is no picture ${picture}; demonstrations.images names the folder that paths count from.`,
      );
    yield { image: picture, prompt: question.value, text: answer.value };
    index++;
  }
}
