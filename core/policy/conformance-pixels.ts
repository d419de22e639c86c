/** Compares image preprocessing with recorded pictures (docs/conformance.md): layouts, and pixels bit for bit. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { decodeSafetensors } from '../graph/safetensors.ts';
import { readPicture } from '../pictures/read-picture.ts';
import { checkConfig, readJson } from './checkpoint/check-config.ts';
import { CheckpointError } from './checkpoint/errors.ts';
import { families } from './families/registry.ts';

const schema = z.object({
  settings: z.record(z.string(), z.looseObject({})),
  entries: z.array(
    z.looseObject({
      image: z.string(),
      setting: z.string(),
      shape: z.array(z.int()),
      stride: z.int().min(1),
      sha256_float32: z.string(),
    }),
  ),
});

/** Tolerance of recorded values where hashes differ. */
const TOLERANCE = 1e-6;

/** The result of one picture under one setting. */
export type PixelsLine = { picture: string; passed: boolean; found: string };

/** Every entry of the folder's `pixels.json`, in its order. Throws `CheckpointError` where it cannot be read. */
export async function* comparePixels(folder: string): AsyncGenerator<PixelsLine> {
  const file = path.join(folder, 'pixels.json');
  const { settings, entries } = checkConfig(
    schema,
    readJson(file, 'name a folder of recorded pictures as docs/conformance.md describes it'),
    file,
  );
  const values = path.join(folder, 'pixels.safetensors');
  const recorded = decodeSafetensors(readFileSync(values), values);
  for (const entry of entries) {
    const origin = `${file}, ${entry.setting}`;
    const content = settings[entry.setting];
    const processor = families.map((family) => family.processor(content, origin)).find((each) => each !== null);
    if (processor === undefined || processor === null)
      throw new CheckpointError(`${origin}: no model family has this image processor`);
    const picture = processor.preprocess(await readPicture(path.join(folder, entry.image)));
    const { shape, data } = processor.asTransformers(picture);
    const differing = Object.entries({ ...processor.layout(picture.grid), shape }).find(
      ([name, value]) => JSON.stringify(entry[name]) !== JSON.stringify(value),
    );
    const name = `${entry.setting} ${entry.image}`;
    if (differing !== undefined) {
      const [what, value] = differing;
      yield {
        picture: name,
        passed: false,
        found: `${what} is ${JSON.stringify(value)}, not ${JSON.stringify(entry[what])}`,
      };
      continue;
    }
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    const same = createHash('sha256').update(bytes).digest('hex') === entry.sha256_float32;
    const sample = recorded.get(`${entry.setting}.${path.basename(entry.image, path.extname(entry.image))}`)?.data;
    const worst = sample?.reduce((most, value, at) => Math.max(most, Math.abs(value - data[at * entry.stride])), 0);
    yield {
      picture: name,
      passed: same || (worst !== undefined && worst <= TOLERANCE),
      found:
        `[${shape.join(', ')}] ` +
        `${same ? 'the same bytes' : `worst error ${worst?.toExponential(2) ?? 'not recorded'}`}`,
    };
  }
}
