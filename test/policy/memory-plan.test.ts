/** Plans for a 7B model, whose weights nothing here opens. */
import test from 'ava';
import { SHAPES } from '../../bench/engine/random-llava.ts';
import { plannedCheckpoint } from '../../core/policy/checkpoint/planned-checkpoint.ts';
import { memoryPlan, type PlannedWork } from '../../core/policy/memory-plan.ts';
import { elements } from '../../core/graph/tensor.ts';
import { trainedParameters } from '../../core/policy/trained-parameters.ts';

const checkpoint = plannedCheckpoint(SHAPES['7b'], 'BF16');
const trained = trainedParameters(
  checkpoint,
  { kind: 'lora', rank: 128, alpha: 256, dropout: 0, parts: ['language_model'] },
  [1024, 512],
);
const work = (gradientCheckpointing: boolean): PlannedWork => ({
  model: { checkpoint, trained, loraScale: 2, loraDropout: 0, precision: 'bfloat16', gradientCheckpointing },
  provider: 'cuda',
  lanes: 1,
  groups: 1,
  rowsPerShard: 4,
  rowsPerSample: 32,
  promptTokens: 768,
  picture: { parts: 1, padded: false },
  responseTokens: 256,
});
const GB = 1e9;

test(
  'Qwen2.5-VL-7B with LoRA r 128 and pictures of 300 px samples 32 rows and ' + 'updates 4 x 1,024 tokens in 80 GB',
  (t) => {
    const qwen = plannedCheckpoint(SHAPES['qwen2.5-vl-7b'], 'BF16');
    const [scope, head] = [
      { kind: 'lora', rank: 128, alpha: 256, dropout: 0, parts: ['language_model'] },
      [1024, 512],
    ] as const;
    const plan = memoryPlan({
      ...work(true),
      model: { ...work(true).model, checkpoint: qwen, trained: trainedParameters(qwen, scope, head) },
      picture: { parts: 22 * 22, padded: false },
    });
    // 8.29e9 parameters, 2 bytes each.
    t.true(Math.abs(plan.updating.stored - 16.6 * GB) < 0.1 * GB, `${plan.updating.stored}`);
    t.true(plan.device < 80 * GB, `${plan.device}`);
  },
);

test('7B with LoRA r 128 samples 32 rows and updates 4 x 1,024 tokens in 80 GB, with recomputed layers only', (t) => {
  const plan = memoryPlan(work(true));
  // 7.06e9 parameters less the vision layer that is never read, 2 bytes each.
  t.true(Math.abs(plan.updating.stored - 14.1 * GB) < 0.1 * GB);
  // 32 layers x (4 x 2 x 4096 + 3 x (4096 + 11008)) x 128 = 320e6 adapter elements and the value head's 4.7e6, each
  // with a gradient, 4 bytes.
  t.true(Math.abs(plan.updating.outputs - 4 * 324.6e6) < 1e6);
  // 32 layers keep [4096, 4096] in 2 bytes: 1.1 GB of the activations.
  t.true(plan.updating.activations > 1.1 * GB && plan.updating.activations < 4 * GB);
  // Keys and values: 2 x 32 layers x 32 rows x 4,096 x 2 bytes = 16.8 MB a token; 768 of the prompt, and 256 twice, of
  // a turn and of the next one: 21.5 GB.
  t.true(plan.sampling.activations > 21.4 * GB && plan.sampling.activations < 23 * GB);
  t.true(plan.device < 80 * GB);
  const plain = memoryPlan(work(false));
  t.true(plain.updating.activations > 8 * plan.updating.activations);
  t.true(plain.device > 80 * GB);
});

test('on a CPU weights are counted once, prepacked copies of float32 ones for each lane', (t) => {
  const small = plannedCheckpoint(SHAPES['135m'], 'F32');
  const all = trainedParameters(small, { kind: 'all' }, [8]);
  const plan = (lanes: number, groups = 1) =>
    memoryPlan({
      ...work(true),
      model: { ...work(true).model, checkpoint: small, trained: all, precision: 'float32' },
      provider: 'cpu',
      lanes,
      groups,
    });
  const [one, two] = [plan(1), plan(2)];
  t.is(one.device, 0);
  t.true(two.host - one.host >= one.updating.activations);
  t.true(two.host < 2 * one.host);
  // A distributed step: besides its sum two gradients of other workers, or those of all groups that one worker
  // computes.
  const bytes = 4 * all.reduce((sum, { shape }) => sum + elements(shape), 0);
  t.deepEqual(
    [2, 8].map((groups) => plan(1, groups).optimizer - one.optimizer),
    [2 * bytes, 7 * bytes],
  );
});
