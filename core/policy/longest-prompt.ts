/** Measures prompt lengths and the cost of pictures by playing. */
import { ownConfigs } from '../../configs/mixture.ts';
import type { RunConfig } from '../../configs/schema.ts';
import { startEpisode } from '../envs/env.ts';
import { trainingGame } from '../envs/with-history.ts';
import { RandomStream } from '../random/counter.ts';
import type { Wording } from './agent-parts.ts';
import type { Grid } from './families/model-family.ts';
import { familyOf } from './families/registry.ts';
import { observationIn } from './observation.ts';
import { pictureShape } from './picture-shape.ts';
import { positionsOf } from './positions.ts';
import type { VlmConfig } from './vlm-config.ts';

/** Episodes played; prompts differ little between episodes, but may grow within one. */
const EPISODES = 2;

/** Tokens of the longest prompt, image included, and parts of the largest picture. */
export type LongestPrompt = { tokens: number; pictureParts: number };

/** A picture of a game: its size in pixels, and how a model cuts it. */
export type SeenPicture = { width: number; height: number; grid: Grid };

type Played = Pick<RunConfig, 'environment' | 'environments' | 'seed'> & {
  prompt?: RunConfig['prompt'];
  model: Pick<RunConfig['model'], 'imageSize'>;
};

/** From episodes of random legal actions; `pictures`: the first one of each size. */
export async function longestPrompt(
  wordings: readonly Wording[],
  played: Played,
): Promise<LongestPrompt & { pictures: SeenPicture[] }> {
  const longest = { tokens: 0, pictureParts: 0 };
  const pictures = new Map<string, SeenPicture>();
  for (const [index, own] of ownConfigs(played).entries()) await lengthen(longest, pictures, wordings[index], own);
  return { ...longest, pictures: [...pictures.values()] };
}

/** The same with the prompts of one environment. */
async function lengthen(
  longest: LongestPrompt,
  pictures: Map<string, SeenPicture>,
  { config, prompts, preprocess }: Wording,
  played: Played,
): Promise<void> {
  const { game, options } = trainingGame(played);
  const {
    seed,
    model: { imageSize },
    environment: { maxEpisodeSteps },
  } = played;
  for (let episode = 0; episode < EPISODES; episode++) {
    const random = new RandomStream({ seed, purpose: 'longest prompt', episode });
    const environment = await startEpisode(game, { seed, episode }, options);
    try {
      for (let step = 0; step < maxEpisodeSteps; step++) {
        const { image, promptValues, past = [] } = observationIn(environment, imageSize);
        const current = preprocess(image);
        const { width, height } = image;
        pictures.set(`${width} ${height}`, { width, height, grid: current.grid });
        const seen = prompts.showsPast ? past.map(({ observe }) => preprocess(observe(imageSize))) : [];
        const { promptIds, picture } = prompts.compose({ promptValues, past }, [...seen, current]);
        // There are no answers yet, so each past answer counts at its maximum length, within the positions.
        const withAnswers = Math.min(
          promptIds.length + past.length * prompts.newTokens,
          positionsOf(config.text) - prompts.newTokens,
        );
        longest.tokens = Math.max(longest.tokens, promptIds.length, past.length === 0 ? 0 : withAnswers);
        longest.pictureParts = Math.max(longest.pictureParts, familyOf(config).pictureParts(config, picture.grid));
        const { stop } = await environment.step(random.pick(environment.legalActions()));
        if (stop !== null) break;
      }
    } finally {
      environment.close?.();
    }
  }
}

/** How pictures of these sizes are cut and what they cost, as a sentence without its full stop. */
export function describePictures(config: VlmConfig, pictures: readonly SeenPicture[]): string {
  const family = familyOf(config);
  const tokens = ({ grid }: SeenPicture) => family.imageTokens(config, grid);
  const ordered = [...pictures].sort((a, b) => tokens(a) - tokens(b));
  const [least, most] = [ordered[0], ordered.at(-1)!];
  const becomes = (picture: SeenPicture) =>
    `${picture.width} x ${picture.height} pixels becomes ${family.describePicture(config, picture.grid)}, ` +
    `${tokens(picture)} tokens`;
  if (pictures.length === 1) return `a picture of ${becomes(most)}`;
  const shapes = new Set(pictures.map(({ grid }) => pictureShape(config, [grid], true).parts));
  return (
    `pictures of ${pictures.length} sizes: one of ${becomes(least)}, one of ${becomes(most)}; ` +
    `${shapes.size === 1 ? 'one size' : `${shapes.size} sizes`} of graphs`
  );
}
