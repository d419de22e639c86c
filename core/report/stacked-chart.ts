/** Parts of a whole per iteration as stacked bars, inline SVG. */
import { areaOf, drawing, figure, NOT_MEASURED, scaleOf } from './chart-frame.ts';
import { type Html, html } from './html.ts';

/** `values[i]` of a part belongs to iteration i + 1; null counts nothing. */
export type Part = { name: string; values: readonly (number | null)[] };

export function stackedChart({
  title,
  note,
  parts,
  format,
}: {
  title: string;
  note?: string;
  parts: readonly Part[];
  format: (value: number) => string;
}): Html {
  const iterations = Math.max(...parts.map(({ values }) => values.length));
  const totals = Array.from({ length: iterations }, (_, i) =>
    parts.reduce((total, { values }) => total + (values[i] ?? 0), 0),
  );
  const names = parts.map(({ name }) => name);
  if (totals.every((total) => total === 0)) return figure(title, note ?? null, names, null, NOT_MEASURED);
  const area = areaOf(iterations, totals, { yMin: 0 });
  const { x, y } = scaleOf(area);
  const width = Math.min(40, (x(2) - x(1)) * 0.78);
  const bars = totals.map((_, i) => {
    let below = 0;
    return parts.map(({ name, values }, index) => {
      const value = values[i] ?? 0;
      const [top, bottom] = [y(below + value), y(below)];
      below += value;
      return html`<rect class="s${index}" x="${(x(i + 1) - width / 2).toFixed(1)}" width="${width.toFixed(1)}" y="${top}" height="${(bottom - top).toFixed(1)}"><title>iteration ${i + 1}, ${name}: ${format(value)}</title></rect>`;
    });
  });
  return figure(title, note ?? null, names, null, drawing(title, area, format, bars.flat()));
}
