/** Pictures of states as PNG files next to an export, each once. */
import { createHash } from 'node:crypto';
import path from 'node:path';
import { writeDurably } from '../artifacts/file-store.ts';
import type { RunConfig } from '../../configs/schema.ts';
import type { JsonState } from '../envs/env.ts';
import { drawState } from '../envs/draw-state.ts';

export class PictureFolder {
  readonly #out: string;
  readonly #config: RunConfig;
  readonly #written = new Set<string>();

  constructor(out: string, config: RunConfig) {
    this.#out = out;
    this.#config = config;
  }

  /** Writes the picture of a state as the agent saw it; returns its path below `out`. */
  async add(state: JsonState): Promise<string> {
    const png = drawState(this.#config, state, this.#config.model.imageSize);
    const image = `images/${createHash('sha256').update(png).digest('hex').slice(0, 16)}.png`;
    if (!this.#written.has(image)) await writeDurably(path.join(this.#out, image), png);
    this.#written.add(image);
    return image;
  }
}
