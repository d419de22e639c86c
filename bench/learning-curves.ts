/**
 * The figure in README: the quickstart by GTR, whose GPU worker and server are killed in the middle, and PPO alone from
 * the same start. Every point is an evaluation on the same 300 deals. Writes docs/learning-curves.svg.
 *
 * npm run bench -- learning-curves
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { readConfig } from '../cli/config-file.ts';
import { startRun } from '../cli/start-run.ts';
import { withClient } from '../cli/temporal.ts';
import { PROJECT } from '../configs/project-folder.ts';
import { runConfigSchema } from '../configs/schema.ts';
import { readRunRecords } from '../core/records/run-records.ts';
import { areaOf, drawing, HEIGHT, scaleOf, WIDTH } from '../core/report/chart-frame.ts';
import { html } from '../core/report/html.ts';
import { percent } from '../core/report/number-format.ts';
import { activityDependencies } from '../workers/installation.ts';
import type { train } from '../workflows/train.ts';
import { startInstallation } from './harness/installation.ts';
import { MILD_RATE } from './study/arms.ts';

/** Iterations after which GPU worker and server of the GTR run are killed by SIGKILL. */
const KILLED_AFTER = 5;
const ARMS = [
  { name: 'GTR', colour: '#0b6e4f', changes: [] },
  { name: 'PPO alone', colour: '#c2410c', changes: ['algorithm=ppo', ...MILD_RATE] },
] as const;

type Point = { iterationsDone: number; success: number; low: number; high: number };

const installation = await startInstallation();
try {
  const curves = [];
  for (const { name, colour, changes } of ARMS) {
    const id = name.toLowerCase().replace(/\W/g, '-');
    const config = readConfig(runConfigSchema, 'quickstart', ['evaluation.everyIterations=1', ...changes]);
    const policy = await withClient(async (client) => {
      const run = await startRun<typeof train>(client, 'train', id, [config], 'learning curves');
      if (name === 'GTR') await killAfter(id, KILLED_AFTER);
      return (await run.result()).policy.sha256.slice(0, 12);
    });
    const points = await evaluations(id);
    console.log(`${name}: policy ${policy}, success ${points.map(({ success }) => percent(success)).join(' ')}`);
    curves.push({ name, colour, points });
  }
  writeFileSync(path.join(PROJECT, 'docs/learning-curves.svg'), figureOf(curves));
} finally {
  await installation.stop();
}

/** Kills as soon as this many iterations are recorded. */
async function killAfter(run: string, iterations: number): Promise<void> {
  const { store } = activityDependencies(installation.home);
  while ((await readRunRecords(store, run)).iterations.length < iterations)
    await new Promise((resolve) => setTimeout(resolve, 200));
  for (const name of ['gpu', 'server']) process.kill(installation.supervisor.pidOf(name)!, 'SIGKILL');
}

/** Evaluations in order, the start's first. */
async function evaluations(run: string): Promise<Point[]> {
  const records = await readRunRecords(activityDependencies(installation.home).store, run);
  const done = (label: string) =>
    label === 'start' ? 0 : Number(/^iteration-(\d+)$/.exec(label)?.[1] ?? records.iterations.length);
  return records.evaluations
    .map(({ label, result: { success, low, high } }) => ({ iterationsDone: done(label), success, low, high }))
    .sort((a, b) => a.iterationsDone - b.iterationsDone);
}

function figureOf(curves: readonly { name: string; colour: string; points: readonly Point[] }[]): string {
  const iterations = Math.max(...curves.flatMap(({ points }) => points.map(({ iterationsDone }) => iterationsDone)));
  const area = { ...areaOf(iterations, [], { yMin: 0, yMax: 0.8 }), xLow: 0 };
  const { x, y } = scaleOf(area);
  const drawn = curves.map(({ name, colour, points }) => {
    const band = [
      ...points.map(({ iterationsDone, low }) => `${x(iterationsDone)} ${y(low)}`),
      ...points.toReversed().map(({ iterationsDone, high }) => `${x(iterationsDone)} ${y(high)}`),
    ];
    const last = points.at(-1)!;
    return html`<path d="M${band.join('L')}Z" fill="${colour}" fill-opacity="0.13"/><path d="M${points.map((point) => `${x(point.iterationsDone)} ${y(point.success)}`).join('L')}" fill="none" stroke="${colour}" stroke-width="1.8"/><text x="${x(last.iterationsDone) - 4}" y="${y(last.low) + 11}" text-anchor="end" style="fill:${colour};font-weight:bold">${name}</text>`;
  });
  const killed = x(KILLED_AFTER + 0.5);
  const mark = html`<line x1="${killed}" x2="${killed}" y1="${y(0.8)}" y2="${y(0)}" stroke="#0f172a" stroke-dasharray="3 3"/><text x="${killed - 4}" y="${y(0.74)}" text-anchor="end">GPU worker and server killed</text>`;
  return `${html`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT + 54}" width="${2 * WIDTH}" height="${2 * (HEIGHT + 54)}">
<style>text{font:9px sans-serif;fill:#475569}.title{font-weight:bold;font-size:11px;fill:#0f172a}.grid{stroke:#e2e8f0}</style>
<rect width="100%" height="100%" fill="#fff"/><text class="title" x="8" y="17">Points24: deals solved after each iteration of 512 steps</text>
<svg y="26" width="${WIDTH}" height="${HEIGHT}">${drawing('deals solved', area, percent, [drawn, mark])}</svg>
<text x="8" y="${HEIGHT + 36}">300 fixed deals, 95 % intervals.</text><text x="8" y="${HEIGHT + 47}">The policy after the kill is the undisturbed one, byte for byte.</text></svg>`.toString()}\n`;
}
