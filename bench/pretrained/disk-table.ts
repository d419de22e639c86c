/** The curve of the artifact store's size as a table for the results page. */
import type { DiskPoint } from './disk-curve.ts';

const LINES = 16;

/** Some points of the curve, first and last among them, in minutes of recorded time; nothing without points. */
export function diskTable(points: readonly DiskPoint[]): string {
  if (points.length === 0) return '';
  const count = Math.min(LINES, points.length);
  const chosen = Array.from({ length: count }, (_, index) =>
    Math.round((index * (points.length - 1)) / Math.max(1, count - 1)),
  );
  const rows = chosen.map(
    (index) => `| ${index} | ${points[index].activity} | ${(points[index].bytes / 2 ** 30).toFixed(2)} |`,
  );
  const largest = Math.max(...points.map(({ bytes }) => bytes));
  return (
    `\nThe artifact store on the disk while the study ran (\`du\` once a minute; largest ` +
    `${(largest / 2 ** 30).toFixed(2)} GiB):\n\n| minute | under way | GiB |\n| --- | --- | --- |\n${rows.join('\n')}\n`
  );
}
