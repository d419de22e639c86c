/**
 * Finds rows of a request with the same prompt and picture: such a prompt is read once for several answers.
 */
import type { Picture } from './families/model-family.ts';
import type { SampleRequest } from './policy-engine.ts';

/** `order` lists the rows so that `rowsPerPrompt` at a time share a prompt. */
export type SharedPrompts = { order: readonly number[]; rowsPerPrompt: number };

/**
 * The largest power of two that divides both the number of rows of each prompt and the number of rows sampled together;
 * 1, with the order unchanged, where prompts differ. A function of the request alone, so a repeated request gives the
 * same bytes.
 */
export function sharedPrompts(
  { rows, pictures }: Pick<SampleRequest, 'rows' | 'pictures'>,
  rowsPerSample: number,
): SharedPrompts {
  // For each text, its pictures, each with its rows.
  const wordings = new Map<string, { image: number; rows: number[] }[]>();
  for (const [row, { image, promptIds }] of rows.entries()) {
    const key = promptIds.join(' ');
    const prompts = wordings.get(key) ?? [];
    wordings.set(key, prompts);
    const known = prompts.find((prompt) => isSame(pictures[prompt.image], pictures[image]));
    if (known === undefined) prompts.push({ image, rows: [row] });
    else known.rows.push(row);
  }
  const prompts = [...wordings.values()].flat();
  let rowsPerPrompt = 1;
  while (
    rowsPerSample % (2 * rowsPerPrompt) === 0 &&
    prompts.every((prompt) => prompt.rows.length % (2 * rowsPerPrompt) === 0)
  )
    rowsPerPrompt *= 2;
  return rowsPerPrompt === 1
    ? { order: rows.map((_, row) => row), rowsPerPrompt }
    : { order: prompts.flatMap((prompt) => prompt.rows), rowsPerPrompt };
}

function isSame(a: Picture, b: Picture): boolean {
  const bytes = ({ pixels: { buffer, byteOffset, byteLength } }: Picture) =>
    Buffer.from(buffer, byteOffset, byteLength);
  return a === b || (a.grid.join() === b.grid.join() && bytes(a).equals(bytes(b)));
}
