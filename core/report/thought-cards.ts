/** Thought samples as cards: picture, thought, verdict, correction, action. */
import type { RunConfig } from '../../configs/schema.ts';
import type { JsonState } from '../envs/env.ts';
import type { ThoughtSample } from '../learner/thought-samples.ts';
import type { Thought } from '../episodes/episode.ts';
import { type Html, html } from './html.ts';
import { markDifferences, type Word } from './mark-differences.ts';
import { compactNumber } from './number-format.ts';
import { drawState } from '../envs/draw-state.ts';
import { trainingGame } from '../envs/with-history.ts';
import { describeVerdict } from '../learner/describe-verdict.ts';

const PICTURE_SIZE = 240;

/** The samples of one iteration, or the sentence that says why there are none. */
export function thoughtCards(config: RunConfig, iteration: number, samples: readonly ThoughtSample[] | string): Html {
  const cards =
    typeof samples === 'string'
      ? html`<p class="empty">No samples: ${samples}</p>`
      : html`<div class="cards">${samples.map((sample) => card(config, sample))}</div>`;
  return html`<h3>Iteration ${iteration + 1}</h3>
${cards}
`;
}

function card(config: RunConfig, { state, text, action, legal, reward, verdict }: ThoughtSample): Html {
  const correction = verdict.outcome === 'corrected' ? verdict.correction : null;
  const thought = readThought(text);
  const changes = thought === null || correction === null ? null : changesOf(thought, correction);
  return html`<article class="card ${verdict.outcome}">
<div class="picture">${picture(config, state)}<p class="outcome">action <b>${action}</b><br>${legal ? 'legal' : html`<em>not readable: drawn at random</em>`}<br>reward <b>${compactNumber(reward)}</b></p></div>
<div class="thought">${told(config, state)}<p class="verdict">${describeVerdict(verdict)}${'target' in verdict && verdict.target !== null ? html` <span>target</span> <code>${verdict.target}</code>` : null}</p>
${thought === null ? html`<pre>${text}</pre>` : fieldList(changes?.before ?? plainWords(thought), 'del')}
${changes === null ? (correction === null ? null : html`<h4>Correction</h4>${fieldList(plainWords(correction), 'ins')}`) : html`<h4>Correction</h4>${fieldList(changes.after, 'ins')}`}</div>
</article>
`;
}

type Fields = readonly { key: string; words: readonly Word[] }[];

/** The fields of a response that is a JSON object, without its action; null if it is not one. */
function readThought(text: string): Thought | null {
  try {
    const { action: _, ...thought } = JSON.parse(text) as Record<string, unknown>;
    return Object.fromEntries(
      Object.entries(thought).map(([key, value]) => [
        key,
        typeof value === 'string' ? value : Array.isArray(value) ? value.map(String) : JSON.stringify(value),
      ]),
    );
  } catch {
    return null; // a malformed response is shown as it is
  }
}

function wordsOf(value: string | readonly string[] | undefined): string {
  return value === undefined ? '' : typeof value === 'string' ? value : value.join(' ');
}

function plainWords(thought: Thought): Fields {
  return Object.entries(thought).map(([key, value]) => ({ key, words: [{ text: wordsOf(value), kept: true }] }));
}

/** Both thoughts with differences marked; for the correction only the fields that changed. */
function changesOf(thought: Thought, correction: Thought): { before: Fields; after: Fields } {
  const keys = [...new Set([...Object.keys(thought), ...Object.keys(correction)])];
  const marked = keys.map((key) => ({ key, ...markDifferences(wordsOf(thought[key]), wordsOf(correction[key])) }));
  const changed = marked.filter(({ before, after }) => [...before, ...after].some(({ kept }) => !kept));
  return {
    before: marked.map(({ key, before }) => ({ key, words: before })),
    after: changed.map(({ key, after }) => ({ key, words: after })),
  };
}

/** Adjacent changed words get one mark. */
function fieldList(fields: Fields, mark: 'ins' | 'del'): Html {
  const runs = (words: readonly Word[]) => {
    const joined: Word[] = [];
    for (const { text, kept } of words) {
      const last = joined.at(-1);
      if (last?.kept === kept) last.text += ` ${text}`;
      else joined.push({ text, kept });
    }
    return joined.map(({ text, kept }) =>
      kept ? html`${text} ` : mark === 'ins' ? html`<ins>${text}</ins> ` : html`<del>${text}</del> `,
    );
  };
  return html`<dl>${fields.map(({ key, words }) => html`<dt>${key}</dt><dd>${runs(words)}</dd>`)}</dl>`;
}

/**
 * The prompt values that fit on a line, such as the formula or the task. Empty for a state that cannot be read; its
 * picture says so.
 */
function told(config: RunConfig, state: JsonState): Html | null {
  try {
    const { game, options } = trainingGame(config);
    const values = Object.entries(game.fromState(state, options).promptValues()).filter(
      ([, value]) => value !== '' && !value.includes('\n'),
    );
    return values.length === 0
      ? null
      : html`<p class="told">${values.map(([name, value]) => html`${name} <b>${value}</b> `)}</p>`;
  } catch {
    return null;
  }
}

/** Shows the error when a state cannot be drawn, e.g. because its game is not part of this version. */
function picture(config: RunConfig, state: JsonState): Html {
  let png: Buffer;
  try {
    png = drawState(config, state, PICTURE_SIZE);
  } catch (error) {
    return html`<p class="empty">No picture: ${(error as Error).message}</p>`;
  }
  return html`<img width="${PICTURE_SIZE}" height="${PICTURE_SIZE}" alt="what the agent saw" src="data:image/png;base64,${png.toString('base64')}">`;
}
