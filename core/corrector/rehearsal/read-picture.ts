/** Reads a scene from its picture by comparing drawings: of all possible scenes, the one whose picture is nearest. */
import sharp from 'sharp';
import { RANKS, SUITS } from '../../envs/card.ts';
import { drawBlackjackTable } from '../../envs/drawing/blackjack-table.ts';
import { drawCardTable } from '../../envs/drawing/card-table.ts';
import { drawNumberLine } from '../../envs/drawing/number-line.ts';
import type { RgbImage } from '../../pictures/rgb-image.ts';

/** A picture with fields that are filled independently, each with one of `values`. */
type Scene<V> = { fields: number; values: readonly V[]; draw(filling: readonly V[]): RgbImage };

/**
 * Mean squared difference of a byte below which a scene is taken for the right one (JPEG pictures differ by about 10).
 */
const SAME = 40;
const MOST_CARDS = 9;

const CARDS = SUITS.flatMap((suit) => RANKS.map((rank) => suit + rank));

/** A PNG or JPEG file as pixels. Throws for other files. */
export async function decodePicture(file: Buffer): Promise<RgbImage> {
  const { data, info } = await sharp(file)
    .removeAlpha()
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, data };
}

/** Cards of Points24 or EZPoints, from left to right. `faces`: folder of card pictures, null: the drawn ones. */
export function readCardTable(picture: RgbImage, cards: number, faces: string | null): string[] {
  return readScene(
    `table ${cards} ${picture.width} ${faces}`,
    { fields: cards, values: CARDS, draw: (filling) => drawCardTable(filling, '', picture.width, faces) },
    picture,
  );
}

/** The dealer's open card and the player's cards, however many. */
export function readBlackjackTable(picture: RgbImage, faces: string | null): { open: string; player: string[] } {
  let best: { filling: string[]; difference: number } | null = null;
  for (let player = 2; player <= MOST_CARDS && (best === null || best.difference > SAME); player++) {
    const draw = ([open, ...hand]: readonly string[]) => drawBlackjackTable(open, hand, picture.width, faces);
    const filling = readScene(
      `blackjack ${player} ${picture.width} ${faces}`,
      { fields: player + 1, values: CARDS, draw },
      picture,
    );
    const found = { filling, difference: difference(draw(filling).data, picture.data) / picture.data.length };
    if (best === null || found.difference < best.difference) best = found;
  }
  const [open, ...player] = best!.filling;
  return { open, player };
}

/** Target and current number, both from 0 to `largest`. */
export function readNumberLine(picture: RgbImage, largest: number): { target: number; current: number } {
  const values = Array.from({ length: largest + 1 }, (_, number) => number);
  const [target, current] = readScene(
    `line ${largest} ${picture.width}`,
    { fields: 2, values, draw: ([target, current]) => drawNumberLine(target, current, picture.width) },
    picture,
  );
  return { target, current };
}

/** For each field: the bytes of the picture that belong to it, and their content for each value. */
type Looks = { bytes: Uint32Array; byValue: Uint8Array[] }[];

const looksOfScenes = new Map<string, Looks>();

/** The value in each field. */
function readScene<V>(key: string, scene: Scene<V>, picture: RgbImage): V[] {
  let looks = looksOfScenes.get(key);
  if (looks === undefined) looksOfScenes.set(key, (looks = looksOf(scene)));
  return looks.map(({ bytes, byValue }) => {
    const seen = bytesAt(picture.data, bytes);
    let [nearest, least] = [0, Infinity];
    for (const [index, look] of byValue.entries()) {
      const found = difference(look, seen, least);
      if (found < least) [nearest, least] = [index, found];
    }
    return scene.values[nearest];
  });
}

/**
 * One picture per value, with that value in all fields; a byte that differs between them belongs to the field whose
 * centre is nearest.
 */
function looksOf<V>({ fields, values, draw }: Scene<V>): Looks {
  const pictures = values.map((value) => draw(Array.from({ length: fields }, () => value)));
  const [{ width, data: first }] = pictures;
  const middles = Array.from({ length: fields }, (_, field) =>
    middleOf(
      changed(
        first,
        draw(Array.from({ length: fields }, (_, other) => values[other === field ? values.length - 1 : 0])).data,
      ),
      width,
    ),
  );
  const owners: number[][] = middles.map(() => []);
  for (const index of changed(first, ...pictures.map(({ data }) => data))) {
    const [x, y] = pixelOf(index, width);
    const distances = middles.map((middle) => (middle.x - x) ** 2 + (middle.y - y) ** 2);
    owners[distances.indexOf(Math.min(...distances))].push(index);
  }
  return owners.map((indices) => ({
    bytes: Uint32Array.from(indices),
    byValue: pictures.map(({ data }) => bytesAt(data, indices)),
  }));
}

/** Bytes in which any of the pictures differs from the first. */
function changed(first: Uint8Array, ...others: readonly Uint8Array[]): number[] {
  const indices: number[] = [];
  for (let index = 0; index < first.length; index++)
    if (others.some((other) => other[index] !== first[index])) indices.push(index);
  return indices;
}

function pixelOf(index: number, width: number): [x: number, y: number] {
  const pixel = Math.floor(index / 3);
  return [pixel % width, Math.floor(pixel / width)];
}

/** The centre of the bounding box of some bytes. */
function middleOf(indices: readonly number[], width: number): { x: number; y: number } {
  const pixels = indices.map((index) => pixelOf(index, width));
  const middle = (values: readonly number[]) => (Math.min(...values) + Math.max(...values)) / 2;
  return { x: middle(pixels.map(([x]) => x)), y: middle(pixels.map(([, y]) => y)) };
}

function bytesAt(data: Uint8Array, indices: ArrayLike<number>): Uint8Array {
  const bytes = new Uint8Array(indices.length);
  for (let index = 0; index < bytes.length; index++) bytes[index] = data[indices[index]];
  return bytes;
}

/** Sum of squared differences of the bytes; at least `most` where it is not less than that. */
function difference(a: Uint8Array, b: Uint8Array, most = Infinity): number {
  let sum = 0;
  for (let index = 0; index < a.length && sum < most; index++) sum += (a[index] - b[index]) ** 2;
  return sum;
}
