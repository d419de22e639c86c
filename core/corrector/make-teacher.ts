/** The teacher that a run's configuration names. */
import type { RunConfig } from '../../configs/schema.ts';
import { loadPromptTemplate } from '../policy/prompt-template.ts';
import { OpenAITeacher } from './openai-teacher.ts';
import { SolverTeacher } from './solver-teacher.ts';
import type { Teacher } from './teacher.ts';

/** `canSay`: whether the policy's vocabulary can say a text (`PolicyTokenizer.canSay`). Throws `ConfigError`. */
export function makeTeacher(config: RunConfig, canSay: (text: string) => boolean): Teacher {
  const template = loadPromptTemplate(config.model.prompt, config.environment.name);
  switch (config.corrector.teacher) {
    case 'solver':
      return new SolverTeacher(config.environment.name, template.thought);
    case 'openai':
      return new OpenAITeacher(config, template, canSay);
  }
}
