/**
 * How a game words its commands: grammars of different releases say `move mug 1 to desk 1` or `put mug 1 in/on desk 1`.
 */
import type { Entity } from './entities.ts';
import type { Action } from './pddl-domain.ts';
import type { ActionTexts } from './grammar-document.ts';

/** The expert's deeds, each recognised by what it changes, whatever its name; and ALFWorld's words for it. */
const DEEDS = {
  go: { makes: 'atlocation', words: 'go to {r}' },
  open: { makes: 'opened', words: 'open {r}' },
  take: { makes: 'holds', words: 'take {o} from {r}' },
  put: { makes: 'inreceptacle', words: 'move {o} to {r}' },
  use: { makes: 'istoggled', words: 'use {o}' },
  isclean: { makes: 'isclean', words: 'clean {o} with {r}' },
  ishot: { makes: 'ishot', words: 'heat {o} with {r}' },
  iscool: { makes: 'iscool', words: 'cool {o} with {r}' },
} as const;
export type Deed = keyof typeof DEEDS;

/** What stands between the words of a command: `{o}`, `{r.name}`, `[{r.name | receptacleatlocation(...)}]`. */
const PLACE = /\[?\{(\w+)[^}]*\}\]?/g;

export class CommandWording {
  readonly #words = new Map<Deed, string>();

  /** `actions`: of the domain, each with its texts in the grammar. */
  constructor(actions: readonly { action: Action; texts: ActionTexts }[]) {
    for (const [deed, { makes, words }] of Object.entries(DEEDS) as [Deed, (typeof DEEDS)[Deed]][]) {
      const found = actions.find(({ action }) =>
        action.effects.some(({ predicate, adds }) => adds && predicate === makes),
      );
      this.#words.set(deed, found === undefined ? words : wordsOf(found.action, found.texts));
    }
  }

  /** The command for a deed, naming the thing, the receptacle, or both. */
  command(deed: Deed, { thing, receptacle }: { thing?: Entity; receptacle?: Entity }): string {
    return this.#words
      .get(deed)!
      .replace(/\{([or])\}/g, (_, which: string) => (which === 'r' ? receptacle : thing)?.name ?? '');
  }

  /** Whether a command only prepares others: it goes somewhere, or opens something. */
  isWay(command: string): boolean {
    return (['go', 'open'] as const).some((deed) => command.startsWith(this.#words.get(deed)!.split('{', 1)[0]));
  }
}

/** The template with `{o}` for the thing and `{r}` for the receptacle, told apart by the parameters' types. */
function wordsOf({ parameters }: Action, { template }: ActionTexts): string {
  const typeOf = new Map(parameters.map(({ name, type }) => [name.slice(1), type]));
  return template.replace(PLACE, (_, name: string) => (typeOf.get(name) === 'receptacle' ? '{r}' : '{o}'));
}
