/** What a good judge answers: the exact solver's verdict in the form that requests ask for. */
import { handOf } from '../hand.ts';
import { type ModelAnswer, writeAnswer } from '../model-answer.ts';
import { SolverTeacher } from '../solver-teacher.ts';
import type { Question } from './read-request.ts';

/** Ways to answer wrongly that a checking reader finds out. */
export type Mistake = 'wrongFormula' | 'wrongNoSolution' | 'wrongAction' | 'wrongWording';

export function answerQuestion(question: Question, mistake: Mistake | null): ModelAnswer {
  const { environment, wording, thought, target } = question;
  const verdict = new SolverTeacher(environment.name, wording).verdict({ environment, thought, target, action: '' });
  const answer = writeAnswer(verdict, environment.name, [`The thought is ${verdict.outcome === 'correct' ? 'right' : 'wrong'}.`]);
  return mistake === null ? answer : withMistake(answer, mistake, question);
}

function withMistake(answer: ModelAnswer, mistake: Mistake, { environment, wording }: Question): ModelAnswer {
  const correction = answer.correction ?? { ...Object.fromEntries(Object.entries(wording).map(([key, text]) => [key, /^\{cards\}$/.test(text) ? [] : text])), action: '' };
  switch (mistake) {
    case 'wrongFormula':
      return { ...answer, evaluation: 'no', possible_solution: 'yes', target_formula: handOf(environment.state()).numbers.join('+') + '+1', correction };
    case 'wrongNoSolution':
      return { ...answer, evaluation: 'no', possible_solution: 'no', target_formula: null, correction: null };
    case 'wrongAction':
      return { ...answer, evaluation: 'no', correction: { ...correction, action: 'nothing of the kind' } };
    case 'wrongWording':
      return { ...answer, evaluation: 'no', correction: Object.fromEntries(Object.entries(correction).map(([key, value]) => [key, typeof value === 'string' && key !== 'action' ? `${value} \u2603` : value])) as typeof correction };
  }
}
