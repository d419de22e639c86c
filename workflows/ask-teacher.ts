/** What a run asks of its paid teacher before the first iteration. */
import { condition, workflowInfo } from '@temporalio/workflow';
import { activitiesOn } from './activities-on.ts';
import { queueOf } from './queues.ts';
import type { Run } from './run.ts';

/** What the configuration says of the corrector's account holds for all runs on it, until another says otherwise. */
export async function setAccountLimits({ config }: Run): Promise<void> {
  const { corrector, environment } = config;
  const { account, requestsPerMinute, tokensPerMinute } = corrector;
  if (requestsPerMinute === null && tokensPerMinute === null) return;
  await activitiesOn('orchestrator', config, `limits of account ${account}`).setAccountLimits({
    queue: queueOf('corrector', workflowInfo().taskQueue, account),
    config: { corrector, environment },
  });
}

/** Seconds until the teacher is asked again, at first and at most. */
const [FIRST_WAIT, LONGEST_WAIT] = [5, 300];

/**
 * A teacher that will not answer shows before the first iteration. A run that goes on by `resume` with the same problem
 * is not held up again.
 */
export async function untilTeacherAnswers(run: Run): Promise<void> {
  const { account } = run.config.corrector;
  run.enter(`asking the corrector's server of account ${account} whether it is there`);
  const { checkTeacher } = activitiesOn('corrector', run.config, 'is the teacher there', { account });
  let known: string | null = null;
  for (let seconds = FIRST_WAIT; run.stop === null; seconds = Math.min(2 * seconds, LONGEST_WAIT)) {
    const problem = await checkTeacher({ config: run.config });
    if (problem === null || problem.reason === known) return;
    if (problem.passes) {
      run.enter(`waiting for the corrector's server (if its address is right): ${problem.reason}`);
      await condition(() => run.stop !== null, seconds * 1000);
    } else {
      known = problem.reason;
      run.halt(problem.reason);
      await run.gate.pass();
    }
  }
}
