/**
 * Worked examples in a request's constant part: thoughts in the policy's wording, judged by the exact solver, so that
 * they are right in any wording.
 */
import { z } from 'zod';
import type { JsonState } from '../envs/env.ts';
import { gameByName } from '../envs/registry.ts';
import { type PromptTemplate, thoughtKeys } from '../policy/prompt-template.ts';
import { expertOf } from './experts.ts';
import { writeAnswer } from './model-answer.ts';
import { SolverTeacher } from './solver-teacher.ts';

export const exampleSchema = z.strictObject({
  /** What the picture shows, in words. */
  picture: z.string(),
  /** The environment's state (`Environment.state()`). */
  state: z.record(z.string(), z.json()),
  /** Whose thought is judged: the expert's or a naive player's. */
  player: z.enum(['best', 'naive']),
  /** Answers to the questions. */
  answers: z.array(z.string()),
});
export type PromptExample = z.output<typeof exampleSchema>;

/**
 * The examples as text; empty when the policy's wording of thoughts is not known. `ask`: the text of a request from its
 * values.
 */
export function examplesText(
  examples: readonly PromptExample[],
  environment: string,
  template: PromptTemplate,
  ask: (values: Readonly<Record<string, string>>) => string,
): string {
  if (examples.length === 0 || thoughtKeys(template).some((key) => !(key in template.thought))) return '';
  const game = gameByName(environment);
  const expert = expertOf(environment);
  const solver = new SolverTeacher(environment, template.thought);
  return examples
    .map(({ picture, state, player, answers }, index) => {
      const scene = game.fromState(state as JsonState, game.parseOptions({}));
      const plan = player === 'best' ? expert.bestPlan(scene, null)! : expert.naivePlan(scene);
      const thought = plan.word(template.thought);
      const verdict = solver.verdict({ environment: scene, thought, action: plan.action, target: null });
      const request = ask({ ...scene.promptValues(), thought: JSON.stringify(thought), action: plan.action });
      return (
        `Example ${index + 1}. The picture shows ${picture}.\n${request}\nThe right answer: ` +
        `${JSON.stringify(writeAnswer(verdict, environment, answers))}`
      );
    })
    .join('\n\n');
}
