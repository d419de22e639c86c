/** A page of docs/ that a study writes: tables between two marks, and a figure. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { ArtifactStore } from '../../core/artifacts/store.ts';
import type { StudyGame } from './arms.ts';
import { studyFigure } from './figure.ts';
import { type ArmOutcome, readEvaluation, startId } from './outcomes.ts';
import { gameTables } from './tables.ts';

const DOCS = path.resolve(import.meta.dirname, '../../docs');

/** The games on a page and the panels of its figure; `arms`: default all. `bench`: the name in the marks. */
export type StudyPage = {
  page: string;
  bench: string;
  games: readonly StudyGame[];
  panels: readonly { title: string; metric: string; game: StudyGame; arms?: readonly string[] }[];
};

/**
 * Fills the generated part of the page and draws its figure, with all finished arms and seeds; a page without finished
 * runs is not changed. `further`: text after the tables. Returns the written files.
 */
export async function writePage(
  store: ArtifactStore,
  outcomes: readonly ArmOutcome[],
  { page, bench, games, panels }: StudyPage,
  further = '',
): Promise<string[]> {
  if (!outcomes.some(({ arm }) => games.includes(arm.game))) return [];
  const tables = await Promise.all(
    games.map(async (game) =>
      gameTables(
        game,
        await readEvaluation(store, startId(game)),
        outcomes.filter(({ arm }) => arm.game === game),
      ),
    ),
  );
  const [file, figure] = [path.join(DOCS, `${page}.md`), path.join(DOCS, `${page}.svg`)];
  const [from, to] = [
    `<!-- tables: npm run bench -- ${bench} -->\n`,
    `<!-- tables end: npm run bench -- ${bench} -->\n`,
  ];
  const [before, rest] = readFileSync(file, 'utf8').split(from);
  const after = rest?.split(to)[1];
  if (after === undefined) throw new Error(`${file} lacks the marks between which the tables are written.`);
  writeFileSync(file, `${before}${from}${tables.join('\n')}${further}${to}${after}`);
  const shown = panels.map(({ title, metric, game, arms }) => ({
    title,
    metric,
    outcomes: outcomes.filter(({ arm }) => arm.game === game && (arms === undefined || arms.includes(arm.name))),
  }));
  writeFileSync(figure, studyFigure(shown));
  return [file, figure];
}
