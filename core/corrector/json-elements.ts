/** Reads a long JSON list element by element: memory holds one element, not the list. */
import { createReadStream } from 'node:fs';
import { ConfigError } from '../../configs/schema.ts';

/**
 * The objects of a JSON list, or of a file with one object per line, in order; an element that is not JSON yields a
 * `ConfigError` with its index. Throws `ConfigError` naming the file if it cannot be split.
 */
export async function* readJsonElements(file: string): AsyncGenerator<unknown> {
  let index = 0;
  for await (const text of objectTexts(file)) {
    try {
      yield JSON.parse(text) as unknown;
    } catch (error) {
      yield new ConfigError(`${file}, item ${index}: is not JSON (${(error as Error).message}).`);
    }
    index++;
  }
  if (index === 0) throw new ConfigError(`${file}: holds no JSON object; it must be a list of them, or one a line.`);
}

/**
 * The texts between outermost braces. Between them only brackets, commas and white space are allowed.
 */
async function* objectTexts(file: string): AsyncGenerator<string> {
  let parts: string[] = [];
  let depth = 0;
  let quoted = false;
  let escaped = false;
  let count = 0;
  const stream = createReadStream(file, { encoding: 'utf8' });
  try {
    for await (const chunk of stream as AsyncIterable<string>) {
      let from = 0;
      for (let at = 0; at < chunk.length; at++) {
        const character = chunk[at];
        if (quoted) {
          if (escaped) escaped = false;
          else if (character === '\\') escaped = true;
          else if (character === '"') quoted = false;
        } else if (character === '"' && depth > 0) quoted = true;
        else if (character === '{' && depth++ === 0) from = at;
        else if (character === '}' && depth > 0 && --depth === 0) {
          yield parts.join('') + chunk.slice(from, at + 1);
          parts = [];
          count++;
        } else if (depth === 0 && !/[[\],\s\ufeff]/.test(character))
          throw new ConfigError(
            `${file}, item ${count}: begins with ${JSON.stringify(character)}; every item must be a JSON object.`,
          );
      }
      if (depth > 0) parts.push(chunk.slice(from));
    }
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(
      `${file}: cannot be read (${(error as Error).message}); demonstrations.file must name a JSON file that the ` +
        `workers see.`,
    );
  }
  if (depth > 0) throw new ConfigError(`${file}, item ${count}: the file ends inside it; it was cut off.`);
}
