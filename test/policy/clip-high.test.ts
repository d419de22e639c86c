/** The upper clip of the ratio: rare tokens may rise further than others may fall (grpo.clipHigh). */
import test from 'ava';
import { readConfig } from '../../cli/config-file.ts';
import { modelFolder } from '../../configs/project-folder.ts';
import { runConfigSchema } from '../../configs/schema.ts';
import { clips } from '../../core/learner/update-epoch.ts';
import { Agent } from '../../core/policy/agent.ts';
import { observationIn } from '../../core/policy/observation.ts';
import { points24 } from '../../core/envs/points24.ts';

const config = readConfig(runConfigSchema, 'smoke', ['engine.lanes=1']);

test('a ratio of 1.3 is clipped at 1.1, or at 1.5 with an upper clip; below 1 nothing changes', async (t) => {
  const agent = await Agent.open(config, modelFolder);
  t.teardown(() => agent.close());
  const { engine } = agent;
  await agent.setPolicy(engine.initialParameters(1), 'start');
  const environment = points24.start({ seed: 1, episode: 0 }, points24.parseOptions({}));
  const { promptIds, picture } = agent.prompt(observationIn(environment, agent.imageSize));
  const responseIds = [5, 6, 7];
  const { logprobs, values } = await engine.score({
    rows: [{ image: 0, promptIds, responseIds }],
    pictures: [picture],
    temperature: 1,
  });
  const logprob = logprobs[0].reduce((sum, one) => sum + one, 0);
  const actionLoss = async (ratio: number, advantage: number, clipHigh?: number) => {
    const ppo = {
      tokenWeights: new Float32Array(3).fill(1),
      oldLogprob: logprob - Math.log(ratio),
      oldValue: values[0],
      advantage,
      return: values[0],
      weight: 1,
    };
    const rows = [{ image: 0, promptIds, responseIds, ppo }];
    const request = { rows, pictures: [picture], temperature: 1, clip: 0.1, clipHigh, valueCoef: 0 };
    const { gradient, rows: statistics } = await engine.gradients(request);
    return { loss: statistics[0].actionLoss, isFlat: gradient.every((one) => one === 0) };
  };
  const near = (value: number, expected: number) => t.true(Math.abs(value - expected) < 1e-3, `${value}`);
  const [low, high] = [await actionLoss(1.3, 1), await actionLoss(1.3, 1, 0.5)];
  near(low.loss, -1.1);
  near(high.loss, -1.3);
  t.deepEqual([low.isFlat, high.isFlat], [true, false]);
  near((await actionLoss(2, 1, 0.5)).loss, -1.5);
  for (const clipHigh of [undefined, 0.5]) near((await actionLoss(0.7, -1, clipHigh)).loss, 0.9);
});

test('only algorithms that compare groups have a separate upper clip', (t) => {
  const grpo = { ...config.grpo, clipHigh: 0.28 };
  t.deepEqual(clips({ ...config, algorithm: 'grpo', grpo }), { clip: 0.1, clipHigh: 0.28 });
  t.deepEqual(clips({ ...config, algorithm: 'grpo' }), { clip: 0.1, clipHigh: 0.1 });
  t.deepEqual(clips({ ...config, algorithm: 'ppo', grpo }), { clip: 0.1, clipHigh: 0.1 });
});
