/**
 * A lane that fails is a rejected promise with a sentence, never a hanging one; and the main thread stays free
 * meanwhile.
 */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { CPU } from '../../../core/graph/compute-device.ts';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { openCheckpoint } from '../../../core/policy/checkpoint/open-checkpoint.ts';
import { LaneError, LanePool } from '../../../core/policy/lanes/lane-pool.ts';
import { OnnxPolicyEngine } from '../../../core/policy/onnx-policy-engine.ts';
import { familyOf } from '../../../core/policy/families/registry.ts';

const golden = path.resolve(import.meta.dirname, '../../golden/llava/llama-gqa-bf16');

test(
  'weights that vanish after opening are a LaneError that names the ' + 'file, and the engine still closes',
  async (t) => {
    const folder = path.join(mkdtempSync(path.join(tmpdir(), 'gtr-lane-')), 'model');
    cpSync(golden, folder, { recursive: true });
    const checkpoint = openCheckpoint(folder);
    const { config } = checkpoint;
    const engine = OnnxPolicyEngine.open({
      checkpoint,
      scope: { kind: 'lora', rank: 4, alpha: 8, dropout: 0, parts: ['language_model'] },
      valueHead: [8],
      lanes: 2,
      rowsPerShard: 2,
      rowsPerSample: 2,
    });
    await engine.setParameters(engine.initialParameters(1));
    rmSync(path.join(folder, 'model.safetensors'));
    const promptIds = [
      1,
      ...new Array<number>(familyOf(config).imageTokens(config, [1, 1])).fill(config.imageTokenId),
      5,
    ];
    const pictures = [
      { pixels: new Float32Array(familyOf(config).pictureValues(config, [1, 1])), grid: [1, 1] as const },
    ];
    const error = await t.throwsAsync(
      engine.score({ rows: [{ image: 0, promptIds, responseIds: [7] }], pictures, temperature: 1 }),
      { instanceOf: LaneError },
    );
    t.regex(error!.message, /model\.safetensors/);
    await engine.close();
  },
);

test('a lane whose thread dies rejects what waits for it and what comes later', async (t) => {
  // A setup without a model: the thread dies before its first job.
  const pool = new LanePool({ device: CPU } as never, 1);
  const job = { kind: 'score', shape: {}, feeds: {} } as never;
  await t.throwsAsync(pool.run(job), { instanceOf: LaneError, message: /^a lane failed: / });
  await t.throwsAsync(pool.run(job), { instanceOf: LaneError, message: /^a lane failed: / });
  await pool.close();
});
