/** The study's figure: curves over environment steps, mean over seeds with the range of the seeds. */
import { areaOf, drawing, HEIGHT, scaleOf, WIDTH } from '../../core/report/chart-frame.ts';
import { type Html, html } from '../../core/report/html.ts';
import { percent } from '../../core/report/number-format.ts';
import type { ArmOutcome } from './outcomes.ts';

type Panel = { title: string; metric: string; outcomes: readonly ArmOutcome[] };

/** Colours of the arms, which also differ in lightness, so that they can be told apart in grey. */
const COLOURS = [
  '#0b6e4f',
  '#c2410c',
  '#2563eb',
  '#9333ea',
  '#a16207',
  '#0f172a',
  '#db2777',
  '#0891b2',
  '#65a30d',
  '#64748b',
];
const HEADER = 34;
const GAP = 14;

const KEY_ROW = 18;

/** Panels with data, in rows of two; the x axis of a panel counts iterations. */
export function studyFigure(panels: readonly Panel[]): string {
  const shown = panels.filter(({ outcomes }) => outcomes.length > 0);
  const titles = [...new Set(shown.flatMap(({ outcomes }) => outcomes.map(({ arm }) => arm.title)))];
  const [width, top] = [2 * WIDTH + GAP, Math.ceil(shown.length / 2) * (HEIGHT + HEADER)];
  const positions = keyPositions(titles, width);
  const height = top + KEY_ROW * ((positions.at(-1)?.row ?? 0) + 1) + 6;
  const key = titles.map(
    (title, index) =>
      html`<g transform="translate(${positions[index].x} ${top + 14 + KEY_ROW * positions[index].row})"><rect width="12" height="3" y="-5" fill="${COLOURS[index]}"/><text class="key" x="17">${title}</text></g>`,
  );
  return `${html`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">
<style>text{font:11px sans-serif;fill:#475569}.title{font-weight:bold;font-size:12px;fill:#0f172a}.grid{stroke:#e2e8f0}</style>
<rect width="100%" height="100%" fill="#fff"/>
${shown.map(
  (
    panel,
    index,
  ) => html`<g transform="translate(${(index % 2) * (WIDTH + GAP)} ${Math.floor(index / 2) * (HEIGHT + HEADER)})"><text class="title" x="8" y="18">${panel.title}</text><svg y="26" width="${WIDTH}" height="${HEIGHT}">${panelCurves(panel, titles)}</svg></g>
`,
)}${key}
</svg>`.toString()}\n`;
}

/** Positions of the legend's titles, from left to right, in as many rows as needed. */
function keyPositions(titles: readonly string[], width: number): { x: number; row: number }[] {
  let [x, row] = [8, 0];
  return titles.map((title) => {
    const needed = 34 + 6 * title.length;
    if (x + needed > width) [x, row] = [8, row + 1];
    const position = { x, row };
    x += needed;
    return position;
  });
}

function panelCurves({ title, metric, outcomes }: Panel, titles: readonly string[]): Html {
  const curves = outcomes.map(({ arm, runs }) => ({
    colour: COLOURS[titles.indexOf(arm.title)],
    points: rangeBySeed(runs.map(({ lines }) => lines.map(({ metrics }) => metrics[metric] ?? null))),
  }));
  const iterations = Math.max(1, ...curves.map(({ points }) => points.length));
  const area = areaOf(
    iterations,
    curves.flatMap(({ points }) => points.flatMap((point) => (point === null ? [] : [point.low, point.high]))),
    { yMin: 0, yMax: metric === 'policy/kl' ? 0 : 1 },
  );
  const { x, y } = scaleOf(area);
  const drawn = curves.map(({ colour, points }) => {
    const known = points.flatMap((point, index) => (point === null ? [] : [{ ...point, at: x(index + 1) }]));
    if (known.length === 0) return null;
    const band = `M${[...known.map(({ at, low }) => `${at} ${y(low)}`), ...known.toReversed().map(({ at, high }) => `${at} ${y(high)}`)].join('L')}Z`;
    return html`<path d="${band}" fill="${colour}" fill-opacity="0.13"/><path d="M${known.map(({ at, mean }) => `${at} ${y(mean)}`).join('L')}" fill="none" stroke="${colour}" stroke-width="1.8"/>
`;
  });
  return drawing(title, area, metric === 'policy/kl' ? (value) => String(value) : percent, drawn);
}

/** Per iteration the mean over seeds and the lowest and highest seed; null where no seed measured it. */
export function rangeBySeed(
  series: readonly (readonly (number | null)[])[],
): ({ mean: number; low: number; high: number } | null)[] {
  const length = Math.max(0, ...series.map((values) => values.length));
  return Array.from({ length }, (_, index) => {
    const values = series.flatMap((one) => one[index] ?? []);
    return values.length === 0
      ? null
      : {
          mean: values.reduce((sum, value) => sum + value, 0) / values.length,
          low: Math.min(...values),
          high: Math.max(...values),
        };
  });
}
