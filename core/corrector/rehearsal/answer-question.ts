/** A good judge's answer: the exact solver's verdict in the requested form. */
import { handOf } from '../../envs/formulas/hand.ts';
import { type ModelAnswer, writeAnswer } from '../model-answer.ts';
import { SolverTeacher } from '../solver-teacher.ts';
import { judgeHousehold } from './household-text.ts';
import { renderResponse } from '../../policy/response.ts';
import { expertOf } from '../experts.ts';
import type { Invitation, Question } from './read-request.ts';

/** Wrong answers that a checking reader detects. */
export type Mistake = 'wrongFormula' | 'wrongNoSolution' | 'wrongAction' | 'wrongWording';

export function answerQuestion(question: Question, mistake: Mistake | null): ModelAnswer {
  const answer = rightAnswer(question);
  return mistake === null ? answer : withMistake(answer, mistake, question);
}

function rightAnswer({ scene, wording, thought, action, target }: Question): ModelAnswer {
  if (scene.kind === 'household') return judgeHousehold(scene.texts, thought, action, wording);
  const { environment } = scene;
  const verdict = new SolverTeacher(environment.name, wording).verdict({ environment, thought, target, action });
  return writeAnswer(verdict, environment.name, [
    `The thought is ${verdict.outcome === 'correct' ? 'right' : 'wrong'}.`,
  ]);
}

/** A good player's answer to the agent's own prompt: the expert's thought and action. */
export function acceptInvitation({ scene, template }: Invitation): string {
  if (scene.kind === 'household') {
    const { correction } = judgeHousehold(scene.texts, {}, '', template.thought);
    const { action, ...thought } = correction!;
    return renderResponse(thought, action, template.keys);
  }
  const { environment } = scene;
  const expert = expertOf(environment.name);
  const plan = expert.bestPlan(environment, null) ?? expert.naivePlan(environment);
  return renderResponse(plan.word(template.thought), plan.action, template.keys);
}

/** In games without formulas, every mistake except in the wording is a wrong action. */
function withMistake(answer: ModelAnswer, mistake: Mistake, { scene, wording }: Question): ModelAnswer {
  const correction = answer.correction ?? {
    ...Object.fromEntries(Object.entries(wording).map(([key, text]) => [key, /^\{cards\}$/.test(text) ? [] : text])),
    action: '',
  };
  switch (mistake) {
    case 'wrongFormula':
      if (scene.kind === 'cards' && answer.possible_solution !== undefined)
        return {
          ...answer,
          evaluation: 'no',
          possible_solution: 'yes',
          target_formula: `${handOf(scene.environment.state()).numbers.join('+')}+1`,
          correction,
        };
      break;
    case 'wrongNoSolution':
      if (answer.possible_solution !== undefined)
        return { ...answer, evaluation: 'no', possible_solution: 'no', target_formula: null, correction: null };
      break;
    case 'wrongWording':
      return {
        ...answer,
        evaluation: 'no',
        correction: Object.fromEntries(
          Object.entries(correction).map(([key, value]) => [
            key,
            typeof value === 'string' && key !== 'action' ? `${value} \u2603` : value,
          ]),
        ) as typeof correction,
      };
    case 'wrongAction':
      break;
  }
  return { ...answer, evaluation: 'no', correction: { ...correction, action: 'nothing of the kind' } };
}
