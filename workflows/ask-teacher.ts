/** What a run checks about its paid teacher before the first iteration. */
import { condition, workflowInfo } from '@temporalio/workflow';
import { activitiesOn } from './activities-on.ts';
import { queueOf } from './queues.ts';
import type { Run } from './run.ts';

/** The configuration's limits of the corrector's account apply to all runs on it, until another run changes them. */
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
 * Detects a teacher that will not answer before the first iteration. A run that is resumed with the same problem is not
 * paused again.
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
