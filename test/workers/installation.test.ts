/** Environment variables of an installation. */
import path from 'node:path';
import test from 'ava';
import { activityDependencies, correctorAccount, gtrHome, workflowQueue } from '../../workers/installation.ts';

test('a variable that is set to nothing counts as unset', (t) => {
  const names = ['GTR_HOME', 'GTR_STORE', 'GTR_TASK_QUEUE', 'GTR_CORRECTOR_ACCOUNT'];
  for (const name of names) process.env[name] = '';
  t.is(path.basename(gtrHome()), '.gtr');
  t.is(activityDependencies('/home/gtr').store.location, '/home/gtr/artifacts');
  t.is(workflowQueue(), 'gtr');
  t.is(correctorAccount(), 'default');
});
