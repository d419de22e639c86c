/**
 * Who may judge thoughts. Pure values, which workflows read; core/corrector/teachers.ts says how each teacher judges.
 */
import { type AlgorithmName, algorithmOf } from './algorithms.ts';
import { withCurrentNames } from './schema/renamed.ts';

/**
 * `paid`: a judgement costs money and time. Each is an activity on the account's queue: paced, recorded and counted. A
 * free teacher judges a whole wave in one activity.
 */
export type TeacherKind = { summary: string; paid: boolean };

export const TEACHERS = {
  solver: { summary: 'the exact solver: free, offline, sees the true state', paid: false },
  openai: { summary: "a model behind OpenAI's chat completions", paid: true },
} as const satisfies Readonly<Record<string, TeacherKind>>;

export type TeacherName = keyof typeof TEACHERS;

/** Whether a run asks a paid teacher. */
export function asksPaidTeacher(config: { algorithm: AlgorithmName; corrector: { teacher: TeacherName } }): boolean {
  return algorithmOf(config).judges && TEACHERS[config.corrector.teacher].paid;
}

/**
 * Whether a paid teacher is only asked about thoughts that the exact solver cannot prove right. Also reads the
 * configurations of older versions.
 */
export function skipsProvedThoughts(config: { corrector: { ask: 'always' | 'verified-skip' } }): boolean {
  return (withCurrentNames(config) as typeof config).corrector.ask === 'verified-skip';
}
