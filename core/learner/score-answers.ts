/** Log-probs of given answers under the agent's current policy. */
import type { Game, JsonState } from '../envs/env.ts';
import type { Agent } from '../policy/agent.ts';
import type { Picture } from '../policy/families/model-family.ts';
import { observationIn } from '../policy/observation.ts';
import type { RgbImage } from '../pictures/rgb-image.ts';

/** An answer in a state of the game; `instead`: a picture to show instead of the state's own. */
export type GivenAnswer = { state: JsonState; responseIds: readonly number[]; instead?: RgbImage };

/** Answers scored at once, few enough that their pictures take little memory. Part of the arithmetic. */
const AT_ONCE = 64;

/** log_softmax(logits / temperature) at each id of each answer. `onScored` is called in between. */
export async function scoreAnswers<O>(
  agent: Agent,
  game: Game<O>,
  options: O,
  answers: readonly GivenAnswer[],
  temperature: number,
  onScored: () => void = () => {},
): Promise<Float32Array[]> {
  const logprobs: Float32Array[] = [];
  for (let from = 0; from < answers.length; from += AT_ONCE) {
    const pictures: Picture[] = [];
    const rows = answers.slice(from, from + AT_ONCE).map(({ state, responseIds, instead }, image) => {
      const seen = observationIn(game.fromState(state, options), agent.imageSize);
      const { promptIds, picture } = agent.prompt({ ...seen, image: instead ?? seen.image });
      pictures.push(picture);
      return { image, promptIds, responseIds };
    });
    logprobs.push(...(await agent.engine.score({ rows, pictures, temperature })).logprobs);
    onScored();
  }
  return logprobs;
}
