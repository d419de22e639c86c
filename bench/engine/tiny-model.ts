/** The shapes of the built-in Points24 model with random weights. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { writeNewCheckpoint } from '../../core/policy/new-checkpoint.ts';
import sft from '../../configs/sft-points24-tiny.json' with { type: 'json' };

/** Changes of the built-in model's decoder that make one of 1.1 M parameters. */
export const DECODER_1M = { hidden_size: 128, intermediate_size: 344, num_hidden_layers: 4, head_dim: 32 };

/** Writes the model, its decoder changed by `text`, into a fresh folder under the system's own for temporary files. */
export function writeTinyModel(text: object = {}): Promise<string> {
  const { architecture, pieces, imageSize } = sft.model;
  const changed = { ...architecture, text_config: { ...architecture.text_config, ...text } };
  return writeNewCheckpoint(
    mkdtempSync(path.join(tmpdir(), 'gtr-bench-')),
    { architecture: changed, pieces, imageSize },
    1,
  );
}
