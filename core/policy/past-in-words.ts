/** Past steps in a template's words (`prompt.history: "text"`). */
import type { PastView } from '../envs/with-history.ts';
import { fillTemplate, type PromptTemplate } from './prompt-template.ts';

type Texts = Readonly<Record<string, string>>;

/** The text in front of the prompt; empty if there is no past. `plain`: applied to every text of the game. */
export function pastInWords(
  { past: { title, step } }: Pick<PromptTemplate, 'past'>,
  told: readonly Pick<PastView, 'promptValues' | 'answer' | 'action'>[],
  plain: (texts: Texts) => Texts = (texts) => texts,
): string {
  if (told.length === 0) return '';
  return (
    title +
    told
      .map(({ promptValues, answer, action }, index) => {
        const values = plain(promptValues);
        const observation = Object.entries(values)
          .map(([name, value]) => `${name}: ${value}`)
          .join('; ');
        return fillTemplate(step, { ...values, observation, ...plain({ answer, action }), number: String(index + 1) });
      })
      .join('')
  );
}
