/**
 * A conversation of four pictures with the built-in FrozenLake model, beside a prompt with one. As a program it writes
 * what `conversation.py` reads: sh scripts/node.sh scripts/golden/conversation.ts FILE
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { modelFolder, PROJECT } from '../../configs/project-folder.ts';
import { parseConfig, runConfigSchema } from '../../configs/schema.ts';
import { gameOf } from '../../core/envs/with-history.ts';
import { Agent } from '../../core/policy/agent.ts';
import { observationIn } from '../../core/policy/observation.ts';

const ANSWER = '{"player":"10","holes":"down","thoughts":"go right","action":"right"}';

/** Prompt, pictures, answer and log-probs of each row; both in one request, the second with fewer pictures. */
export async function conversationRows() {
  const preset = JSON.parse(readFileSync(path.join(PROJECT, 'configs/frozenlake-tiny.json'), 'utf8')) as object;
  const config = parseConfig(
    runConfigSchema,
    { ...preset, prompt: { history: 'concat', steps: 3 } },
    'frozenlake-tiny',
  );
  const agent = await Agent.open(config, modelFolder);
  try {
    await agent.setPolicy(agent.engine.initialParameters(1), 'the starting policy');
    const game = gameOf(config);
    const options = game.parseOptions({ map: ['SFFF', 'FFFF', 'FFHF', 'FFFG'] });
    const environment = game.start({ seed: 1, episode: 0 }, options);
    const first = agent.prompt(observationIn(environment, agent.imageSize));
    for (const action of ['right', 'down', 'up'])
      environment.step(action, false, `{"player":"00","holes":"none","thoughts":"go ${action}","action":"${action}"}`);
    const prompts = [agent.prompt(observationIn(environment, agent.imageSize)), first];
    const responseIds = [...agent.tokenizer.encode(ANSWER), agent.tokenizer.endId];
    const { logprobs } = await agent.engine.score({
      rows: prompts.map(({ promptIds }, image) => ({ image, promptIds, responseIds })),
      pictures: prompts.map(({ picture }) => picture),
      temperature: 1,
    });
    return prompts.map(({ promptIds, picture }, row) => ({ promptIds, picture, responseIds, logprobs: logprobs[row] }));
  } finally {
    await agent.close();
  }
}

if (process.argv[1] === import.meta.filename) {
  const rows = await conversationRows();
  const read = rows.map(({ promptIds, responseIds, picture }) => ({
    promptIds,
    responseIds,
    pictures: picture.grid[0],
    pixels: [...picture.pixels],
  }));
  writeFileSync(process.argv[2], JSON.stringify(read));
}
