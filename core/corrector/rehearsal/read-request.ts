/** Reads a request for a judgement back: which game, which thought, in which state, from its text and its picture. */
import { z } from 'zod';
import type { Environment, JsonState } from '../../envs/env.ts';
import type { RgbImage } from '../../pictures/rgb-image.ts';
import { gameByName, plugIn } from '../../envs/registry.ts';
import type { Thought } from '../../episodes/episode.ts';
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

/** What the server reads of a chat-completions request. */
export const requestSchema = z.looseObject({
  model: z.string(),
  /** None: whoever asks so wants to know whether the server is there. */
  messages: z.array(message).refine(({ length }) => length !== 1),
  tools: z.array(z.object({ function: z.object({ name: z.string() }) })).default([]),
  tool_choice: z.unknown().optional(),
  response_format: z.unknown().optional(),
});
export type ChatRequest = z.infer<typeof requestSchema>;

/** A thought to be judged. */
export type Question = {
  /** A card game as its picture and text show it; of a household task the texts alone. */
  scene: { kind: 'cards'; environment: Environment } | { kind: 'household'; texts: HouseholdTexts };
  /** Wording of thoughts that the request asks for. */
  wording: Record<string, string>;
  thought: Thought;
  action: string;
  target: string | null;
};

/** The system text and the first user text of a request, and its picture as a data URL. */
export function partsOf({ messages }: ChatRequest): { system: string; text: string; picture: string | null } {
  const partsOfMessage = (index: number) => {
    const { content } = messages[index];
    return typeof content === 'string' ? [{ type: 'text' as const, text: content }] : (content ?? []);
  };
  const textOf = (index: number) =>
    partsOfMessage(index)
      .flatMap((each) => (each.type === 'text' ? each.text : []))
      .join('\n');
  const [picture = null] = partsOfMessage(1).flatMap((each) => (each.type === 'image_url' ? each.image_url.url : []));
  return { system: textOf(0), text: textOf(1), picture };
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
    const file = /^data:image\/\w+;base64,(.*)$/s.exec(picture)?.[1];
    const pixels = file === undefined ? null : await decodePicture(Buffer.from(file, 'base64')).catch(() => null);
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
  if (environment === 'alfworld') return { kind: 'household', texts: values as HouseholdTexts };
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
  // The hidden card and the deck do not show, and do not matter to whoever judges.
  return { dealer: [open, open], player, deck: { seed: 0, episode: 0 } };
}

/** The values that a template was filled with; null when the text was not made by it. */
function unfill(template: string, text: string): Record<string, string> | null {
  const names = [...template.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
  const pattern = template
    .split(/\{\w+\}/)
    .map((literal) => literal.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('([^]*?)');
  const found = new RegExp(`^${pattern}$`).exec(text);
  return found && Object.fromEntries(names.map((name, index) => [name, found[index + 1]]));
}
