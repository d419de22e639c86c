/** The interface of every corrector: one judged thought at a time. */
import type { JsonState } from '../envs/env.ts';
import type { Thought, Verdict } from '../learner/trajectory.ts';

export type JudgeRequest = {
  /** True state before the step. */
  state: JsonState;
  thought: Thought;
  /** The action that the agent executed on this thought. */
  action: string;
  /** Target formula so far; null while undetermined. */
  target: string | null;
};

export interface Teacher {
  judge(request: JudgeRequest): Promise<Verdict>;
}
