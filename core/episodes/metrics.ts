/** Numbers that describe an iteration. */

/** Metric name (spec.md section 9) -> value; null where nothing was counted. */
export type Metrics = Record<string, number | null>;
