/** A lane as a process, which is what one on a GPU is, computes what one as a thread does; here both on the CPU. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { CPU } from '../../../core/graph/compute-device.ts';
import { openCheckpoint } from '../../../core/policy/checkpoint/open-checkpoint.ts';
import { familyOf } from '../../../core/policy/families/registry.ts';
import type { LaneJob } from '../../../core/policy/lanes/lane.ts';
import { type LaneChannel, LaneError, LaneProcess, LaneThread } from '../../../core/policy/lanes/lane-channel.ts';
import { graphModel } from '../../../core/policy/onnx-policy-engine.ts';
import { startParameters } from '../../../core/policy/trained-parameters.ts';
import { trainingFeeds } from '../../../core/policy/vlm/feeds.ts';

const checkpoint = openCheckpoint(path.resolve(import.meta.dirname, '../../golden/llava/llama-gqa-bf16'));
const { config } = checkpoint;
const family = familyOf(config);
const model = graphModel({
  checkpoint,
  scope: { kind: 'lora', rank: 4, alpha: 8, dropout: 0.1, parts: ['language_model'] },
  valueHead: [8],
});
const setup = { model, device: CPU, sessions: 2, threads: 1 };

/** A job's feeds move to the lane: each lane has its own. */
function job(): LaneJob {
  const promptIds = [1, ...new Array<number>(family.imageTokens(config, [1, 1])).fill(config.imageTokenId), 5];
  const row = {
    image: 0,
    promptIds,
    responseIds: [7, 9, 11],
    dropoutSeed: 12_345_678_901n,
    sftWeights: new Float32Array(3).fill(0.5),
  };
  const pixels = new Float32Array(family.pictureValues(config, [1, 1])).fill(0.3);
  const shape = {
    rows: 1,
    promptTokens: promptIds.length,
    responseTokens: 3,
    padded: false,
    picture: { parts: family.pictureParts(config, [1, 1]), padded: false },
  };
  const request = { pictures: [{ pixels, grid: [1, 1] as const }], temperature: 1, clip: 0.1, valueCoef: 0.5 };
  return { kind: 'train', shape, feeds: trainingFeeds(config, shape, [row], request) };
}

async function gradients(lane: LaneChannel): Promise<Float32Array[]> {
  const results: Float32Array[] = [];
  for (const seed of [1, 2]) {
    const start = startParameters(checkpoint, model.trained, seed);
    const shared = new Float32Array(new SharedArrayBuffer(start.byteLength));
    shared.set(start.map((x) => x + seed / 100));
    await lane.setParameters(shared);
    results.push((await lane.run(job(), undefined)).gradient!);
  }
  return results;
}

test('gradients of a process are those of a thread, byte for byte, also with other parameters', async (t) => {
  const [thread, child] = [new LaneThread(setup), new LaneProcess(setup)];
  const [expected, found] = [await gradients(thread), await gradients(child)];
  t.deepEqual(found, expected);
  t.notDeepEqual(found[1], found[0]);
  await Promise.all([thread.end(), child.end()]);
});

test('gradients of shards are summed in the process; a sum with a shard that fails begins anew', async (t) => {
  const lane = new LaneProcess(setup);
  const start = startParameters(checkpoint, model.trained, 1);
  await lane.setParameters(start);
  const gradientOf = async (changes: object) => (await lane.run({ ...job(), ...changes } as LaneJob)).gradient;
  const one = (await gradientOf({}))!;
  const sumOfThree = async (id: number) => {
    t.is(await gradientOf({ sum: { id, last: false } }), null);
    t.is(await gradientOf({ sum: { id, last: false } }), null);
    return gradientOf({ sum: { id, last: true } });
  };
  const three = one.map((x) => Math.fround(x + x) + x);
  t.deepEqual(await sumOfThree(1), three);
  await gradientOf({ sum: { id: 2, last: false } });
  await t.throwsAsync(gradientOf({ sum: { id: 2, last: false }, feeds: { pixels: new Float32Array(1) } }), {
    instanceOf: LaneError,
  });
  t.deepEqual(await sumOfThree(2), three);
  await lane.end();
});

const children = () => readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8').trim().split(' ');

(process.platform === 'linux' ? test.serial : test.skip)(
  'a process that is killed rejects what waits for it and what comes later',
  async (t) => {
    const before = new Set(children());
    const lane: LaneChannel = new LaneProcess(setup);
    const [pid] = children().filter((child) => !before.has(child));
    const waiting = lane.run(job(), undefined);
    process.kill(Number(pid), 'SIGKILL');
    const failure = { instanceOf: LaneError, message: 'a lane ended with SIGKILL' };
    await t.throwsAsync(waiting, failure);
    t.true(lane.failed);
    await t.throwsAsync(lane.run(job(), undefined), failure);
    await lane.end();
  },
);
