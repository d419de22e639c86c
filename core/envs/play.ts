/** Playing an environment in the terminal: prompt values and actions as text, the picture as a PNG. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline/promises';
import { encodePng } from '../pictures/png.ts';
import { startEpisode } from './env.ts';
import { gameByName } from './registry.ts';

/** Pixels of the written picture. */
const PICTURE_SIZE = 300;

/** Plays one episode with actions read line by line from `input`; an unknown action is asked again. */
export async function play(
  name: string,
  {
    seed,
    options,
    folder,
    input = process.stdin,
    output = process.stdout,
  }: { seed: number; options: unknown; folder: string; input?: NodeJS.ReadableStream; output?: NodeJS.WritableStream },
): Promise<void> {
  const game = gameByName(name);
  const parsed = game.parseOptions(options);
  const environment = await startEpisode(game, { seed, episode: 0 }, parsed);
  const picture = path.join(folder, `${path.parse(name).name}.png`);
  mkdirSync(folder, { recursive: true });
  const show = () => {
    writeFileSync(picture, encodePng(environment.observe(PICTURE_SIZE)));
    const actions = environment.legalActions();
    // they are listed below
    const values = Object.entries(environment.promptValues()).filter(([, value]) => value !== actions.join('\n'));
    const lines = values.map(([key, value]) => `${key}: ${value.replaceAll('\n', '\n  ') || '(empty)'}`);
    output.write(
      `${lines.join(values.some(([, value]) => value.includes('\n')) ? '\n' : ', ')}\nPicture: ${picture}\nActions: ` +
        `${actions.join(actions.some((action) => action.includes(' ')) ? '\n  ' : '  ')}\n> `,
    );
  };
  const lines = createInterface({ input });
  let total = 0;
  show();
  for await (const line of lines) {
    const action = game.readAction(line.trim().toLowerCase(), environment.legalActions(), parsed);
    if (action === null) {
      output.write(`"${line.trim()}" names no single action; choose one of the list.\n> `);
      continue;
    }
    const { reward, stop } = await environment.step(action);
    total += reward;
    output.write(`reward ${reward}\n`);
    if (stop !== null) {
      output.write(`The episode is ${stop}; total reward ${total}.\n`);
      break;
    }
    show();
  }
  lines.close();
  environment.close?.();
}
