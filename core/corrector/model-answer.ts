/** A model's answer about a thought: its form, and its meaning in the game. */
import { z } from 'zod';
import type { Environment, Game } from '../envs/env.ts';
import type { Thought, UnusableReason, Verdict } from '../episodes/episode.ts';
import { type PromptTemplate, thoughtKeys } from '../policy/prompt-template.ts';
import { renderResponse } from '../policy/response.ts';
import { expertOf } from './experts.ts';
import { leadsOn } from './formula-expert.ts';
import { FORMULA_GAMES, handOf } from '../envs/formulas/hand.ts';
import { nextAction } from '../envs/formulas/formula.ts';

/** `correction` has the keys of the policy's responses. */
export type ModelAnswer = {
  answers: string[];
  evaluation: 'yes' | 'no';
  /** Formula games only. */
  possible_solution?: 'yes' | 'no';
  target_formula?: string | null;
  correction: (Thought & { action: string }) | null;
};

/** The answer that expresses a verdict; `answers` to the questions. */
export function writeAnswer(verdict: Verdict, environment: string, answers: string[]): ModelAnswer {
  const target = verdict.outcome === 'correct' || verdict.outcome === 'corrected' ? verdict.target : null;
  return {
    answers,
    evaluation: verdict.outcome === 'correct' ? 'yes' : 'no',
    ...(environment in FORMULA_GAMES && {
      possible_solution: verdict.outcome === 'noSolution' ? 'no' : 'yes',
      target_formula: target,
    }),
    correction: verdict.outcome === 'corrected' ? { ...verdict.correction, action: verdict.action } : null,
  };
}

const yesNo = z.enum(['yes', 'no']);

/**
 * The form of an answer, for the request's JSON schema and for reading: exactly these keys. `isList`: keys of thoughts
 * whose value is a list.
 */
export function answerSchema(
  environment: string,
  keys: readonly string[],
  isList: (key: string) => boolean,
): z.ZodType<ModelAnswer> {
  const correction = z
    .strictObject(Object.fromEntries(keys.map((key) => [key, isList(key) ? z.array(z.string()) : z.string()])))
    .nullable();
  const solution =
    environment in FORMULA_GAMES ? { possible_solution: yesNo, target_formula: z.string().nullable() } : {};
  return z.strictObject({
    answers: z.array(z.string()),
    evaluation: yesNo,
    ...solution,
    correction,
  }) as unknown as z.ZodType<ModelAnswer>;
}

/**
 * What is wrong with an answer: the reason that is recorded if the second answer is no better, and the sentence that
 * asks for that one.
 */
export type Complaint = { reason: UnusableReason; sentence: string };

export type AnswerRules = {
  schema: z.ZodType<ModelAnswer>;
  game: Game<any>;
  /** The game's rules. */
  options?: unknown;
  template: PromptTemplate;
  /** Whether the policy's vocabulary can express a text; otherwise it cannot learn it. */
  canSay: (text: string) => boolean;
};

/** The verdict in an answer's text, or the complaint about it. `request`: the request that was answered. */
export function readAnswer(
  text: string,
  request: { environment: Environment; target: string | null },
  rules: AnswerRules,
): Verdict | Complaint {
  const json = jsonIn(text);
  if (json === undefined) {
    return { reason: 'schema', sentence: 'Your answer is not JSON. Answer with the JSON object alone.' };
  }
  const parsed = rules.schema.safeParse(json);
  if (!parsed.success) {
    const [{ path, message }] = parsed.error.issues;
    return {
      reason: 'schema',
      sentence:
        `Your answer does not have the required form (${path.join('.') || 'the whole'}: ${message}). Answer ` +
        `again in that form.`,
    };
  }
  return rules.game.name in FORMULA_GAMES
    ? judgeFormula(parsed.data, request, rules)
    : judgeAction(parsed.data, request, rules);
}

/**
 * The JSON of an answer, also from models without structured output, which think aloud first, or put it into a code
 * block or a sentence; undefined: none.
 */
function jsonIn(text: string): unknown {
  const spoken = text.replace(/^\s*<think>[^]*?<\/think>/, '');
  for (const candidate of [spoken, spoken.slice(spoken.indexOf('{'), spoken.lastIndexOf('}') + 1)]) {
    try {
      return JSON.parse(candidate);
    } catch {
      // the next candidate
    }
  }
  return undefined;
}

function judgeFormula(
  answer: ModelAnswer,
  { environment, target: soFar }: { environment: Environment; target: string | null },
  rules: AnswerRules,
): Verdict | Complaint {
  const { name } = rules.game;
  const state = environment.state();
  const appended = handOf(state).formula;
  if (answer.evaluation === 'no' && answer.possible_solution === 'no') {
    if (expertOf(name).bestPlan(environment, soFar) === null) return { outcome: 'noSolution' };
    return {
      reason: 'wrongNoSolution',
      sentence:
        `There is a correct formula that begins with the current formula "${appended.join('')}". Look at ` +
        `the cards again, and answer again.`,
    };
  }
  const target = plainFormula(answer.target_formula ?? '');
  if (!leadsOn(FORMULA_GAMES[name], state, target)) {
    const { goal } = FORMULA_GAMES[name];
    return {
      reason: 'wrongTarget',
      sentence:
        `The target formula "${target}" does not work: it must use the number of every card in the picture ` +
        `exactly once, make ${goal}, and begin with the current formula "${appended.join('')}". Look at the cards ` +
        `again, and answer again.`,
    };
  }
  if (answer.evaluation === 'yes') return { outcome: 'correct', target };
  const next = nextAction(target, appended.length);
  return correctionOf(answer, target, environment, rules, (action) =>
    action === next ? null : `after "${appended.join('')}" the next part of "${target}" is ${next}`,
  );
}

function judgeAction(
  answer: ModelAnswer,
  { environment }: { environment: Environment },
  rules: AnswerRules,
): Verdict | Complaint {
  return answer.evaluation === 'yes'
    ? { outcome: 'correct', target: null }
    : correctionOf(answer, null, environment, rules, () => null);
}

/** `objection`: what speaks against a legal action, null if nothing does. */
function correctionOf(
  answer: ModelAnswer,
  target: string | null,
  environment: Environment,
  { game, options, template, canSay }: AnswerRules,
  objection: (action: string) => string | null,
): Verdict | Complaint {
  if (answer.correction === null)
    return {
      reason: 'schema',
      sentence:
        'The evaluation is "no", but there is no correction. Answer again with the thought that the agent should ' +
        'have had.',
    };
  const { action: said, ...thought } = answer.correction;
  const legal = environment.legalActions();
  const action = game.readAction(JSON.stringify(said).toLowerCase(), legal, options);
  if (action === null)
    return {
      reason: 'wrongAction',
      sentence: `The correction's action "${said}" is not one of the possible actions: ${legal.join(', ')}. Answer again.`,
    };
  const wrong = objection(action);
  if (wrong !== null)
    return { reason: 'wrongAction', sentence: `The correction's action does not work: ${wrong}. Answer again.` };
  const correction = Object.fromEntries(thoughtKeys(template).map((key) => [key, (thought as Thought)[key]]));
  if (!canSay(renderResponse(correction, action, template.keys)))
    return {
      reason: 'wording',
      sentence:
        'The correction has words or characters that the form does not have. Answer again and keep to the form.',
    };
  return { outcome: 'corrected', target, correction, action };
}

/** `(10 − 4) × (9 − 5) = 24` as `(10-4)*(9-5)`. */
function plainFormula(text: string): string {
  return text
    .replace(/\s|=.*$/g, '')
    .replace(/[×·]/g, '*')
    .replace(/÷/g, '/')
    .replace(/[−–]/g, '-');
}
