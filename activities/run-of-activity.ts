/** The run that an activity works for. */
import { activityInfo } from '@temporalio/activity';

/** The run at the top of the activity's workflow: iterations and waves are named after theirs. */
export function runOf(): string {
  return activityInfo().workflowExecution!.workflowId.replace(/\/iteration-\d+(\/.*)?$/, '');
}
