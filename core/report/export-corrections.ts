/** The correction rows of a run for other trainers: one JSON line each, with its picture as a PNG. */
import path from 'node:path';
import { modelFolder } from '../../configs/project-folder.ts';
import { getJson } from '../artifacts/codecs.ts';
import { writeDurably } from '../artifacts/file-store.ts';
import type { ArtifactRef, ArtifactStore } from '../artifacts/store.ts';
import type { RunConfig } from '../../configs/schema.ts';
import type { JsonState } from '../envs/env.ts';
import { byEnvironment } from '../envs/mixture.ts';
import { trainingGame } from '../envs/with-history.ts';
import type { CorrectionManifest, CorrectionRow } from '../learner/batch.ts';
import { fillTemplate, loadPromptTemplate } from '../policy/prompt-template.ts';
import { loadTokenizer } from '../policy/tokenizer.ts';
import { PictureFolder } from './picture-folder.ts';

/** One line of corrections.jsonl. */
export type ExportedCorrection = {
  iteration: number;
  /** Path of the picture that the agent saw, relative to corrections.jsonl. */
  image: string;
  /** The prompt with `<image>` for the picture, before the checkpoint's chat template is applied. */
  prompt: string;
  /** The corrector's answer. */
  response: string;
  /** The part of `response` that carries the loss: the thought, or all of it with action cloning. */
  trained: string;
  /** The environment's true state. */
  state: JsonState;
};

export type ExportCorrectionsInput = { out: string; config: RunConfig; store: ArtifactStore; corrections: ArtifactRef };

/** Writes `<out>/corrections.jsonl` and `<out>/images/`, each picture once; returns the number of rows. */
export async function exportCorrections({ out, config, store, corrections }: ExportCorrectionsInput): Promise<number> {
  const templateOf = byEnvironment(config, ({ model, environment }) =>
    loadPromptTemplate(model.prompt, environment.name),
  );
  const tokenizer = loadTokenizer(modelFolder(config.model.base));
  const { game, options } = trainingGame(config);
  const pictures = new PictureFolder(out, config);
  const lines: string[] = [];
  for (const { iteration, file } of (await getJson<CorrectionManifest>(store, corrections)).iterations) {
    for (const { state, responseIds, trainedTokens } of await getJson<CorrectionRow[]>(store, file)) {
      const line: ExportedCorrection = {
        iteration,
        image: await pictures.add(state),
        prompt: fillTemplate(templateOf(state).prompt, game.fromState(state, options).promptValues()),
        response: tokenizer.decode(responseIds),
        trained: tokenizer.decode(responseIds.slice(0, trainedTokens)),
        state,
      };
      lines.push(`${JSON.stringify(line)}\n`);
    }
  }
  await writeDurably(path.join(out, 'corrections.jsonl'), lines.join(''));
  return lines.length;
}
