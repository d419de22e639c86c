import test from 'ava';
import { countResult } from '../../scripts/count-result.ts';

/** AVA's report of a run with every kind of result. */
const REPORT = `
  - [skip] a › skipped
  - [todo] a › later
  ✔ a › passes (1.2s)
  ✔ [expected fail] a › expected
  ✘ [fail]: a › fails
    ℹ ✔ a log line
  Uncaught exception in test/c.test.ts
  ✘ test/c.test.ts exited with a non-zero exit code: 1
  ✘ test/d.test.ts exited due to SIGSEGV
  ✘ No tests found in test/e.test.ts, make sure to import "ava" at the top of your test file
  ✘ Timed out while running tests
  ─
  1 test failed
  1 uncaught exception`;

test('passed tests, failed ones, and files that broke off are counted; details are not', (t) => {
  const counts = { passed: 0, failed: 0 };
  for (const line of REPORT.split('\n')) countResult(line, counts);
  t.deepEqual(counts, { passed: 2, failed: 5 });
});
