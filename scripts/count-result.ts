/** Reads AVA's report: one line per test, or per test file that crashed. */

/** Numbers of tests; a crashed file and a timeout count as one failure each. */
export type TestCounts = { passed: number; failed: number };

/**
 * Adds a line of AVA's report to the counts, if it is a result. Details of a test are indented deeper than its own
 * line.
 */
export function countResult(line: string, counts: TestCounts): void {
  if (line.startsWith('  ✔ ')) counts.passed++;
  if (line.startsWith('  ✘ ')) counts.failed++;
}
