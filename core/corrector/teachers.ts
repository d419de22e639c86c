/** The teachers that a configuration can name: the costs of each, and how it is made. */
import { correctsAt, ownConfigs } from '../../configs/mixture.ts';
import { ConfigError, type RunConfig } from '../../configs/schema.ts';
import { skipsProvedThoughts, type TeacherName } from '../../configs/teachers.ts';
import { loadPromptTemplate, type PromptTemplate } from '../policy/prompt-template.ts';
import { expertOf } from './experts.ts';
import { OpenAITeacher, openaiTerms } from './openai-teacher.ts';
import { SolverTeacher } from './solver-teacher.ts';
import type { PaidTeacher, PaidTerms, Teacher } from './teacher.ts';

type Judged = Pick<RunConfig, 'environment' | 'corrector'>;

type Maker = {
  terms(config: Judged): PaidTerms | null;
  make(config: RunConfig, template: PromptTemplate, canSay: (text: string) => boolean): Teacher;
};

const MAKERS: Readonly<Record<TeacherName, Maker>> = {
  solver: {
    terms: () => null,
    make: ({ environment }, { thought }) => new SolverTeacher(environment.name, thought),
  },
  openai: {
    terms: openaiTerms,
    make: (config, template, canSay) => new OpenAITeacher(config, template, canSay),
  },
};

/** `canSay`: whether the policy's vocabulary can express a text (`PolicyTokenizer.canSay`). Throws `ConfigError`. */
export function makeTeacher(config: RunConfig, canSay: (text: string) => boolean): Teacher {
  const template = loadPromptTemplate(config.model.prompt, config.environment.name);
  return MAKERS[config.corrector.teacher].make(config, template, canSay);
}

/** Throws `ConfigError` if a run's teacher lacks an expert or a prompt in some environment. */
export function checkTeacher(config: RunConfig): void {
  for (const [index, own] of ownConfigs(config).entries()) {
    if (!correctsAt(config, index)) continue;
    const { isExact, terms } = makeTeacher(own, () => true);
    if (isExact || (terms !== null && skipsProvedThoughts(own))) expertOf(own.environment.name);
  }
}

/** The same for a run that asks a paid teacher (`asksPaidTeacher`). */
export function makePaidTeacher(config: RunConfig, canSay: (text: string) => boolean): PaidTeacher {
  const teacher = makeTeacher(config, canSay);
  if (teacher.terms === null)
    throw new ConfigError(`corrector.teacher: ${config.corrector.teacher} is free and has no account.`);
  return teacher as PaidTeacher;
}

/** The configured teacher's costs; null: free. Asks and opens nothing. */
export function teacherTerms(config: Judged): PaidTerms | null {
  return MAKERS[config.corrector.teacher].terms(config);
}
