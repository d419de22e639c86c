/** Reads back from a request's text and picture which game, which thought and which state it is about. */
import { z } from 'zod';
import type { Environment, JsonState } from '../../envs/env.ts';
import type { RgbImage } from '../../pictures/rgb-image.ts';
import { gameByName, plugIn } from '../../envs/registry.ts';
import type { Thought } from '../../episodes/episode.ts';
import type { PromptTemplate } from '../../policy/prompt-template.ts';
import type { CorrectorPrompt } from '../corrector-prompt.ts';
import { formulaTokens } from '../../envs/formulas/formula.ts';
import { FORMULA_GAMES } from '../../envs/formulas/hand.ts';
import type { HouseholdTexts } from './household-text.ts';
import { decodePicture, readBlackjackTable, readCardTable, readNumberLine } from './read-picture.ts';

const part = z.union([
  z.object({ type: z.literal('text'), text: z.string() }),
  z.object({ type: z.literal('image_url'), image_url: z.object({ url: z.string() }) }),
]);
const message = z.object({
  role: z.string(),
  content: z.union([z.string(), z.array(part)]).nullish(),
  tool_calls: z.array(z.unknown()).nullish(),
});

/** The parts of a chat-completions request that the server reads. */
export const requestSchema = z.looseObject({
  model: z.string(),
  /** Empty: the request only asks whether the server is there. */
  messages: z.array(message),
  tools: z.array(z.object({ function: z.object({ name: z.string() }) })).default([]),
  tool_choice: z.unknown().optional(),
  response_format: z.unknown().optional(),
});
export type ChatRequest = z.infer<typeof requestSchema>;

/** A thought to be judged. */
export type Question = {
  /** A card game, from its picture and text; a household task, from its texts alone. */
  scene: { kind: 'cards'; environment: Environment } | { kind: 'household'; texts: HouseholdTexts };
  /** The wording of thoughts in the request. */
  wording: Record<string, string>;
  thought: Thought;
  action: string;
  target: string | null;
};

/** Whether a request asks a player for a move: it has no system text, but may tell earlier turns. */
export function isInvitation({ messages }: ChatRequest): boolean {
  return messages.length === 1 || messages[0]?.role === 'user';
}

/**
 * The system text (if any), the first user text of a request (for a player, the last one), and its picture as a data
 * URL.
 */
export function partsOf(request: ChatRequest): { system: string; text: string; picture: string | null } {
  const { messages } = request;
  const partsOfMessage = (index: number) => {
    const { content } = messages[index];
    return typeof content === 'string' ? [{ type: 'text' as const, text: content }] : (content ?? []);
  };
  const textOf = (index: number) =>
    partsOfMessage(index)
      .flatMap((each) => (each.type === 'text' ? each.text : []))
      .join('\n');
  const alone = isInvitation(request);
  const asked = alone ? messages.length - 1 : 1;
  const [picture = null] = partsOfMessage(asked).flatMap((each) =>
    each.type === 'image_url' ? each.image_url.url : [],
  );
  return { system: alone ? '' : textOf(0), text: textOf(asked), picture };
}

/**
 * Null when no prompt fits, or the request has no picture that can be read. `faces`: folder of card pictures, null: the
 * drawn ones.
 */
export async function readQuestion(
  request: ChatRequest,
  prompts: readonly CorrectorPrompt[],
  faces: string | null,
): Promise<Question | null> {
  const { system, text, picture } = partsOf(request);
  for (const prompt of prompts) {
    const [constant, values] = [unfill(prompt.system, system), unfill(prompt.request, text)];
    if (constant === null || values === null || picture === null) continue;
    const pixels = await pixelsOf(picture);
    if (pixels === null) continue;
    const scene = readScene(prompt.environment, values, pixels, faces);
    if (scene === null) continue;
    const { action: _, ...wording } = JSON.parse(constant.form) as Record<string, string>;
    return {
      scene,
      wording,
      thought: JSON.parse(values.thought) as Thought,
      action: values.action ?? '',
      target: values.target === undefined || values.target === prompt.noTarget ? null : values.target,
    };
  }
  return null;
}

function readScene(
  environment: string,
  values: Readonly<Record<string, string>>,
  pixels: RgbImage,
  faces: string | null,
): Question['scene'] | null {
  if (environment === 'alfworld') return { kind: 'household', texts: { feedback: '', ...values } as HouseholdTexts };
  const game = gameByName(environment);
  const state = readState(environment, values, pixels, faces);
  return state === null
    ? null
    : { kind: 'cards', environment: game.fromState(state as JsonState, game.parseOptions({})) };
}

function readState(
  environment: string,
  values: Readonly<Record<string, string>>,
  pixels: RgbImage,
  faces: string | null,
): object | null {
  const module = plugIn(environment);
  if (module !== null) return module.readState?.(pixels) ?? null;
  if (environment in FORMULA_GAMES)
    return {
      cards: readCardTable(pixels, environment === 'points24' ? 4 : 2, faces),
      formula: formulaTokens(values.formula),
    };
  if (environment === 'numberline') return { ...readNumberLine(pixels, Number(values.max)), steps: 0 };
  const { open, player } = readBlackjackTable(pixels, faces);
  // The hidden card and the deck do not show, and judging does not need them.
  return { dealer: [open, open], player, deck: { seed: 0, episode: 0 } };
}

/** The question of an agent's own prompt to a player: a scene and the wording of the answer. */
export type Invitation = { scene: Question['scene']; template: PromptTemplate };

/**
 * Reads a request to a player: its last message is a template's prompt around the picture, perhaps after words about
 * earlier steps; null: no template fits.
 */
export async function readInvitation(
  { messages }: ChatRequest,
  templates: readonly PromptTemplate[],
  faces: string | null,
): Promise<Invitation | null> {
  const { content } = messages.at(-1)!;
  if (typeof content === 'string' || !content) return null;
  const [url, ...others] = content.flatMap((each) => (each.type === 'image_url' ? each.image_url.url : []));
  const pixels = url === undefined || others.length > 0 ? null : await pixelsOf(url);
  if (pixels === null) return null;
  const text = content
    .map((each) => (each.type === 'text' ? each.text : '<image>'))
    .join('\n')
    .trim();
  for (const template of templates) {
    const prompt = template.prompt.replace(/\s*<image>\s*/, '\n<image>\n').trim();
    const values = unfill(prompt, text) ?? (text.startsWith(template.past.title) ? unfill(prompt, text, true) : null);
    const scene = values === null ? null : readScene(template.environment, values, pixels, faces);
    if (scene !== null) return { scene, template };
  }
  return null;
}

async function pixelsOf(url: string): Promise<RgbImage | null> {
  const file = /^data:image\/\w+;base64,(.*)$/s.exec(url)?.[1];
  return file === undefined ? null : await decodePicture(Buffer.from(file, 'base64')).catch(() => null);
}

/** The values that a template was filled with; null if the text does not come from it. `behind`: at the text's end. */
function unfill(template: string, text: string, behind = false): Record<string, string> | null {
  const names = [...template.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
  const pattern = template
    .split(/\{\w+\}/)
    .map((literal) => literal.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('([^]*?)');
  const found = new RegExp(`${behind ? '' : '^'}${pattern}$`).exec(text);
  return found && Object.fromEntries(names.map((name, index) => [name, found[index + 1]]));
}
