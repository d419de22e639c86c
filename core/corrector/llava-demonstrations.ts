/**
 * Demonstrations in LLaVA's format, like RL4VLM's supervised data: a JSON list of pictures with a question and an
 * answer.
 */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { Faults } from '../../configs/faults.ts';
import { PROJECT } from '../../configs/project-folder.ts';
import { ConfigError, parseConfig } from '../../configs/schema.ts';
import { readPicture } from '../pictures/read-picture.ts';
import type { RgbImage } from '../pictures/rgb-image.ts';
import { IMAGE_MARK } from '../policy/chat-template.ts';
import { readJsonElements } from './json-elements.ts';

/** One answer about one picture. */
export type PictureDemonstration = {
  /** Absolute path of the picture. */
  image: string;
  /** The question, with `<image>` for the picture, before the checkpoint's chat template is applied. */
  prompt: string;
  text: string;
};

/** Why a demonstration cannot be used, as a sentence without its full stop; null: it can. */
export type DemonstrationCheck = (demonstration: PictureDemonstration, picture: RgbImage) => string | null;

const turn = (from: string) => z.object({ from: z.literal(from), value: z.string().min(1) });
const itemSchema = z.object({
  id: z.union([z.string(), z.number()]).optional(),
  image: z.string().min(1),
  conversations: z.tuple([turn('human'), turn('gpt')], 'must be one question (from: human) and one answer (from: gpt)'),
});

type NamedFile = { file: string; images: string | null };

/** The file that a configuration names; relative paths start at the project. */
export function namedDemonstrations(
  { file, images }: NamedFile,
  check?: DemonstrationCheck,
): AsyncGenerator<PictureDemonstration> {
  return readLlavaDemonstrations(path.resolve(PROJECT, file), images && path.resolve(PROJECT, images), check);
}

/** Its items with pictures unread, if `namedDemonstrations` has checked them. */
export function listedDemonstrations({ file, images }: NamedFile): AsyncGenerator<PictureDemonstration> {
  const unread = () => Promise.resolve(null);
  return readLlavaDemonstrations(
    path.resolve(PROJECT, file),
    images && path.resolve(PROJECT, images),
    undefined,
    unread,
  );
}

/**
 * The file's items, one by one, each with its picture. `images`: the folder that picture paths are relative to; null:
 * the file's own. `open` reads a picture; it may return a text that says what is wrong with it, or null to leave it
 * unread. Items with a fault are skipped; at the end a `ConfigError` lists all faults: the file, the index of the item
 * (from 0) and what is wrong with it.
 */
export async function* readLlavaDemonstrations(
  file: string,
  images: string | null,
  check: DemonstrationCheck = () => null,
  open: (image: string) => Promise<RgbImage | string | null> = openPicture,
): AsyncGenerator<PictureDemonstration> {
  const folder = images ?? path.dirname(file);
  const faults = new Faults();
  const begun: {
    item: PictureDemonstration | ConfigError;
    label: string;
    picture: Promise<RgbImage | string | null>;
  }[] = [];
  const finish = async function* (until: number) {
    while (begun.length > until) {
      const { item, label, picture } = begun.shift()!;
      if (item instanceof ConfigError) {
        faults.add(item.message);
        continue;
      }
      const seen = await picture;
      const problem = seen === null || typeof seen === 'string' ? seen : check(item, seen);
      if (problem === null) yield item;
      else faults.add(`${label}: ${problem}.`);
    }
  };
  let unreadable: ConfigError | null = null;
  try {
    let index = 0;
    for await (const element of readJsonElements(file)) {
      const label = `${file}, item ${index++}`;
      const item = element instanceof ConfigError ? element : readItem(element, folder, label);
      begun.push({ item, label, picture: item instanceof ConfigError ? Promise.resolve(null) : open(item.image) });
      yield* finish(AHEAD);
    }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    unreadable = error;
  }
  yield* finish(0);
  if (unreadable !== null) faults.add(unreadable.message);
  faults.check();
}

/** Number of pictures that are read ahead. */
const AHEAD = 16;

function readItem(item: unknown, folder: string, label: string): PictureDemonstration | ConfigError {
  try {
    const {
      image,
      conversations: [question, answer],
    } = parseConfig(itemSchema, item, label);
    if (question.value.split(IMAGE_MARK).length !== 2)
      return new ConfigError(
        `${label}: the question must hold ${IMAGE_MARK} once; it begins ` +
          `${JSON.stringify(question.value.slice(0, 40))}.`,
      );
    return { image: path.resolve(folder, image), prompt: question.value, text: answer.value };
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
}

/** The picture, or what is wrong with it. */
async function openPicture(image: string): Promise<RgbImage | string> {
  if (!(await stat(image).catch(() => null))?.isFile())
    return `there is no picture ${image}; demonstrations.images names the folder where relative paths start`;
  try {
    return await readPicture(image);
  } catch (error) {
    return (error as Error).message.replace(/\.$/, '');
  }
}
