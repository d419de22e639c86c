/** The choice of a chat completion: a tool call, the judgement, or either of them spoiled by a scripted fault. */
import { FORMULA_TOOL_NAME } from '../formula-tool.ts';
import { FORMULA_GAMES, handOf } from '../../envs/formulas/hand.ts';
import { acceptInvitation, answerQuestion, type Mistake } from './answer-question.ts';
import type { Fault } from './faults.ts';
import type { ChatRequest, Invitation, Question } from './read-request.ts';

type ToolCall = { id: string; type: 'function'; function: { name: string; arguments: string } };
export type Choice = {
  message: { role: 'assistant'; content: string | null; refusal: string | null; tool_calls?: ToolCall[] };
  finish_reason: 'stop' | 'length' | 'tool_calls' | 'content_filter';
};

export type CompleteOptions = {
  /** How often the tool is called before the answer, where it is offered. */
  toolRounds: number;
  fault: Fault | null;
  /** Begins the ids of tool calls. */
  id: string;
};

const MISTAKES: readonly (Fault | null)[] = [
  'wrongFormula',
  'wrongNoSolution',
  'wrongAction',
  'wrongWording',
] satisfies Mistake[];

/** A move in the agent's place, or one spoiled by a scripted fault. */
export function completeMove(invitation: Invitation, fault: Fault | null): Choice {
  const text = acceptInvitation(invitation);
  const said = fault === 'wrongAction' ? text.replace(/"action":"[^"]*"/, '"action":"nothing of the kind"') : text;
  return withoutAnswer(fault) ?? spokenSoFar(said, fault);
}

/** `question`: what the request asks (`readQuestion`). */
export function complete(request: ChatRequest, question: Question, { toolRounds, fault, id }: CompleteOptions): Choice {
  const faulty = withoutAnswer(fault);
  if (faulty !== null) return faulty;
  if (fault === 'toolLoop') return toolCalls(question, id, 1);
  if (fault === 'severalCalls') return toolCalls(question, id, 3);
  const roundsSoFar = request.messages.filter(({ tool_calls: calls }) => calls && calls.length > 0).length;
  const mistake = isMistake(fault) ? fault : null;
  if (mistake === null && request.tools.length > 0 && request.tool_choice !== 'none' && roundsSoFar < toolRounds)
    return toolCalls(question, id, 1);
  return spokenSoFar(JSON.stringify(answerQuestion(question, mistake)), fault);
}

/** A scripted fault's replacement for the answer; null: none. */
function withoutAnswer(fault: Fault | null): Choice | null {
  switch (fault) {
    case 'refusal':
      return spoken(null, 'stop', 'I cannot help with that.');
    case 'contentFilter':
      return spoken(null, 'content_filter');
    case 'empty':
      return spoken('', 'stop');
    case 'wrongSchema':
      return spoken(JSON.stringify({ verdict: 'fine' }), 'stop');
    default:
      return null;
  }
}

/** The text, or the half of it that a scripted fault leaves. */
function spokenSoFar(text: string, fault: Fault | null): Choice {
  const half = text.slice(0, text.length / 2);
  if (fault === 'length') return spoken(half, 'length');
  return spoken(fault === 'halfContent' ? half : text, 'stop');
}

function isMistake(fault: Fault | null): fault is Mistake {
  return MISTAKES.includes(fault);
}

function spoken(content: string | null, finish: Choice['finish_reason'], refusal: string | null = null): Choice {
  return { message: { role: 'assistant', content, refusal }, finish_reason: finish };
}

/** The first call is right; the others have impossible arguments and an unknown name. */
function toolCalls({ scene }: Question, id: string, count: number): Choice {
  const numbers =
    scene.kind === 'cards' && scene.environment.name in FORMULA_GAMES
      ? handOf(scene.environment.state()).numbers
      : [1, 2, 3, 4];
  const good = JSON.stringify(
    Object.fromEntries([0, 1, 2, 3].map((index) => [`card${index + 1}`, numbers[index] ?? 1])),
  );
  const calls = [
    { name: FORMULA_TOOL_NAME, arguments: good },
    { name: FORMULA_TOOL_NAME, arguments: '{"card1":"joker"}' },
    { name: 'find_the_meaning', arguments: good },
  ].slice(0, count);
  const message = {
    role: 'assistant' as const,
    content: null,
    refusal: null,
    tool_calls: calls.map((call, index) => ({ id: `${id}_${index}`, type: 'function' as const, function: call })),
  };
  return { message, finish_reason: 'tool_calls' };
}
