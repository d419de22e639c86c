/** Sentences for Temporal's errors about a run, and run names quoted for the commands in them. */
import { execFileSync } from 'node:child_process';
import { WorkflowNotFoundError } from '@temporalio/client';
import test from 'ava';
import { explain } from '../../cli/errors.ts';
import { quoted } from '../../cli/quoted.ts';

test('a run that has ended is not one that is not there', (t) => {
  const said = (message: string) => explain(new WorkflowNotFoundError(message, 'my run', undefined));
  const { message, exitCode } = said('workflow execution already completed');
  t.regex(message, /^The run "my run" has ended: `\.\/gtr result 'my run'`; .*\.$/);
  t.is(exitCode, 2);
  t.regex(said('workflow not found for ID: my run').message, /There is no run "my run" on this server/);
});

test('a shell reads a quoted name as it is', (t) => {
  for (const name of ['my-run', 'a b', "it's", '$HOME', '--now', '../x', 'ü', '*', '~'])
    t.is(execFileSync('sh', ['-c', `printf %s ${quoted(name)}`], { encoding: 'utf8' }), name);
  t.is(quoted('my-run_1/iteration-0'), 'my-run_1/iteration-0');
});
