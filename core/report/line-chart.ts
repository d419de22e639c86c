/** Curves over iterations as inline SVG. */
import { areaOf, drawing, figure, NOT_MEASURED, scaleOf } from './chart-frame.ts';
import { type Html, type HtmlValue, html } from './html.ts';
import { compactNumber } from './number-format.ts';

/** One curve; `values[i]` belongs to iteration i + 1, null: not measured. `low` and `high` draw a band around it. */
export type Series = {
  name: string;
  values: readonly (number | null)[];
  low?: readonly (number | null)[];
  high?: readonly (number | null)[];
};

/** A single measurement with its interval, after `iterationsDone` iterations: drawn between two of them. */
export type Mark = { name: string; iterationsDone: number; value: number; low: number; high: number; hollow: boolean };

export type LineChart = {
  title: string;
  note?: string;
  series: readonly Series[];
  marks?: readonly Mark[];
  /** Values that the axis must include. */
  yMin?: number;
  yMax?: number;
  format?: (value: number) => string;
};

/** A figure with the curves; tooltips show the values of points. */
export function lineChart({ title, note, series, marks = [], yMin, yMax, format = compactNumber }: LineChart): Html {
  const measured = [
    ...series.flatMap(({ values, low = [], high = [] }) => [...values, ...low, ...high]),
    ...marks.flatMap(({ value, low, high }) => [value, low, high]),
  ];
  const numbers = measured.filter(isMeasured);
  const names = series.map(({ name }) => name);
  if (numbers.length === 0) return figure(title, note ?? null, names, null, NOT_MEASURED);
  const iterations = Math.max(
    1,
    ...series.map(({ values }) => values.length),
    ...marks.map(({ iterationsDone }) => iterationsDone),
  );
  const area = areaOf(iterations, numbers, { yMin, yMax });
  const scale = scaleOf(area);
  const content: HtmlValue[] = [
    ...series.map((one, index) => bandPath(one, index, scale)),
    ...series.map((one, index) => curve(one, index, scale, format)),
    ...marks.map((mark) => markShape(mark, scale, format)),
  ];
  const newest = series.length === 1 ? series[0].values.findLast(isMeasured) : undefined;
  return figure(
    title,
    note ?? null,
    names,
    newest === undefined ? null : format(newest),
    drawing(title, area, format, content),
  );
}

type Scale = ReturnType<typeof scaleOf>;

function isMeasured(value: number | null): value is number {
  return value !== null && Number.isFinite(value);
}

/** Indices of measured values, split where one is missing. */
function stretches(values: readonly (number | null)[]): number[][] {
  const found: number[][] = [];
  for (const [index, value] of values.entries()) {
    if (!isMeasured(value)) continue;
    if (found.at(-1)?.at(-1) === index - 1) found.at(-1)!.push(index);
    else found.push([index]);
  }
  return found;
}

function curve({ name, values }: Series, index: number, { x, y }: Scale, format: (value: number) => string): Html {
  const at = (i: number) => `${x(i + 1)} ${y(values[i]!)}`;
  const lines = stretches(values).filter((stretch) => stretch.length > 1);
  const points = values.flatMap((value, i) =>
    isMeasured(value)
      ? html`<circle cx="${x(i + 1)}" cy="${y(value)}" r="${values.length > 60 ? 1 : values.length > 3 ? 2.2 : 3.2}"><title>iteration ${i + 1}, ${name}: ${format(value)}</title></circle>`
      : [],
  );
  return html`<g class="s${index}">${lines.map((stretch) => html`<path class="curve" d="M${stretch.map(at).join('L')}"/>`)}${points}</g>
`;
}

function bandPath({ values, low, high }: Series, index: number, { x, y }: Scale): Html | null {
  if (low === undefined || high === undefined) return null;
  const both = values.map((value, i) =>
    isMeasured(value) && isMeasured(low[i]) && isMeasured(high[i]) ? value : null,
  );
  const paths = stretches(both).map((stretch) => {
    // A lone iteration has a band half an iteration wide.
    const ends =
      stretch.length > 1
        ? stretch.map((i) => [i + 1, i] as const)
        : [[stretch[0] + 0.75, stretch[0]] as const, [stretch[0] + 1.25, stretch[0]] as const];
    return `M${[...ends.map(([at, i]) => `${x(at)} ${y(high[i]!)}`), ...ends.toReversed().map(([at, i]) => `${x(at)} ${y(low[i]!)}`)].join('L')}Z`;
  });
  return html`<path class="band s${index}" d="${paths.join('')}"/>`;
}

function markShape(
  { name, iterationsDone, value, low, high, hollow }: Mark,
  { x, y }: Scale,
  format: (value: number) => string,
): Html {
  const at = x(iterationsDone + 0.5) + (hollow ? 3 : -3);
  return html`<g class="mark${hollow ? ' hollow' : ''}"><line x1="${at}" x2="${at}" y1="${y(low)}" y2="${y(high)}"/><circle cx="${at}" cy="${y(value)}" r="3.5"><title>${name}: ${format(value)} (95 %: ${format(low)} to ${format(high)})</title></circle></g>
`;
}
