/** The common parts of all charts: scales, grid, axes and caption. */
import { type Html, type HtmlValue, html } from './html.ts';
import { niceTicks } from './number-format.ts';

/** Size of a chart in its own units; the page scales it. */
export const WIDTH = 360;
export const HEIGHT = 190;
const LEFT = 46;
const RIGHT = 8;
const TOP = 8;
const BOTTOM = 24;

/**
 * The chart's area in data coordinates; `ticks` are the grid lines, the first and last are its lower and upper edge.
 */
export type Area = { xLow: number; xHigh: number; ticks: readonly number[] };

/**
 * Smallest height of an area relative to its values: finer grid lines would not differ in the three digits of their
 * labels.
 */
const SMALLEST_SPAN = 0.04;

/** Grid lines around all values and the given limits. */
export function areaOf(
  iterations: number,
  values: readonly number[],
  { yMin = Infinity, yMax = -Infinity }: { yMin?: number; yMax?: number },
): Area {
  const high = Math.max(yMax, ...values);
  const low = Math.min(yMin, ...values, high - SMALLEST_SPAN * Math.abs(high));
  return { xLow: 0.5, xHigh: iterations + 0.5, ticks: low === high ? [0, 1] : niceTicks(low, high, 4) };
}

/** Maps data to chart units. */
export function scaleOf({ xLow, xHigh, ticks }: Area): { x: (value: number) => number; y: (value: number) => number } {
  const [low, high] = [ticks[0], ticks.at(-1)!];
  const round = (value: number) => Math.round(value * 10) / 10;
  return {
    x: (value) => round(LEFT + ((value - xLow) / (xHigh - xLow)) * (WIDTH - LEFT - RIGHT)),
    y: (value) => round(HEIGHT - BOTTOM - ((value - low) / (high - low)) * (HEIGHT - TOP - BOTTOM)),
  };
}

/** The drawing with grid, axes (below: iterations) and content. */
export function drawing(
  label: string,
  area: Area,
  format: (value: number) => string,
  content: readonly HtmlValue[],
): Html {
  const { x, y } = scaleOf(area);
  const iterations = area.xHigh - 0.5;
  const ticks = niceTicks(0, iterations, 6);
  const whole = ticks.filter(
    (tick) => Number.isInteger(tick) && tick <= iterations && tick - 1 > (ticks[1] - ticks[0]) / 2,
  );
  return html`<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${label}">
${area.ticks.map((tick) => html`<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(tick)}" y2="${y(tick)}"/><text class="tick" x="${LEFT - 6}" y="${y(tick) + 3.5}" text-anchor="end">${format(tick)}</text>`)}
${[1, ...whole].map((tick) => html`<text class="tick" x="${x(tick)}" y="${HEIGHT - 8}" text-anchor="middle">${tick}</text>`)}
${content}</svg>`;
}

/**
 * A chart with its caption: title, the colours of its series (class `s0`, `s1`, ...), and the newest value of a single
 * one.
 */
export function figure(
  title: string,
  note: string | null,
  names: readonly string[],
  newest: string | null,
  content: Html,
): Html {
  const legend =
    names.length < 2 ? [] : names.map((name, index) => html`<span class="key"><i class="s${index}"></i>${name}</span>`);
  return html`<figure><figcaption><b>${title}</b>${newest === null ? null : html`<span class="newest">${newest}</span>`}${legend.length === 0 ? null : html`<span class="legend">${legend}</span>`}${note === null ? null : html`<small>${note}</small>`}</figcaption>${content}</figure>
`;
}

/** Shown instead of a drawing if there is no value. */
export const NOT_MEASURED = html`<p class="empty">not measured</p>`;
