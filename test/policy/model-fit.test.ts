/** A run that does not fit is refused with its numbers before anything is loaded. */
import path from 'node:path';
import test from 'ava';
import { parseConfig, type RunConfig, runConfigSchema } from '../../configs/schema.ts';
import { CheckpointError } from '../../core/policy/checkpoint/errors.ts';
import { positionsOf, tooLong } from '../../core/policy/positions.ts';
import { openCheckpoint } from '../../core/policy/checkpoint/open-checkpoint.ts';
import { checkFit, gibibytes, modelFit } from '../../core/policy/model-fit.ts';

const base = path.resolve(import.meta.dirname, '../golden/llava/llama-gqa-bf16');
const checkpoint = openCheckpoint(base);
const config = (engine: object, ppo: object = {}): RunConfig =>
  parseConfig(
    runConfigSchema,
    {
      environment: { name: 'points24' },
      model: { base, prompt: 'points24-tiny', train: { kind: 'lora', rank: 4, alpha: 8 } },
      ppo,
      engine,
    },
    'test',
  );

const prompt = (tokens: number) => ({ tokens, pictureParts: 1 });

test('weights, trained parameters and limits are those of the checkpoint and the configuration', (t) => {
  const { plan, limits, rowsPerShard } = modelFit(
    checkpoint,
    config({ lanes: 1, memoryGiB: 0.5 }, { samplesPerStep: 4 }),
    prompt(31),
  );
  // bfloat16: two bytes for each of the parameters that graphs read, and the stored float32 value head is trained.
  const read = [...checkpoint.parameters]
    .filter(([name]) => !/post_layernorm|layers\.2\./.test(name))
    .reduce((sum, [, { byteLength }]) => sum + byteLength, 0);
  t.is(plan.updating.stored, read);
  // 14 adapted layers and a value head: parameters, gradient and Adam's two moments at least, four bytes each.
  const adapter = [...checkpoint.adapter!.parameters.values(), ...checkpoint.valueHead!.values()].reduce(
    (sum, { shape }) => sum + shape.reduce((product, length) => product * length, 1),
    0,
  );
  t.true(plan.optimizer >= 4 * 4 * adapter && plan.optimizer % (4 * adapter) === 0);
  t.is(rowsPerShard, 8);
  t.deepEqual(limits, { host: 0.5 * 2 ** 30, device: null, tensor: null });
});

test('a teacher merged from adapters takes its whole matrices, one set for each lane and two to read it', (t) => {
  const fit = (changes: object) => modelFit(checkpoint, { ...config({ lanes: 3 }), ...changes }, prompt(31));
  const plain = fit({});
  const merged = { algorithm: 'gtr-turbo-kl' } as const;
  const whole = fit(merged);
  // The 14 adapted matrices, and the value head.
  const adapted = [...checkpoint.adapter!.parameters.keys()]
    .filter((name) => name.endsWith('.lora_A.weight'))
    .map((name) => checkpoint.parameters.get(name.replace('lora_A.', ''))!);
  const expected = [...adapted, ...checkpoint.valueHead!.values()].reduce(
    (sum, { shape }) => sum + 4 * shape.reduce((product, length) => product * length, 1),
    0,
  );
  t.is(whole.teacher, expected);
  t.is(whole.plan.host, plain.plan.host + 5 * expected);
  const { turbo } = config({});
  t.is(fit({ ...merged, turbo: { ...turbo, merge: { ...turbo.merge, adapters: 'factors' } } }).teacher, 0);
  t.is(plain.teacher, 0);
  const small = { ...config({ memoryGiB: 0.01 }), ...merged };
  t.throws(() => checkFit(checkpoint, small, prompt(31)), {
    message: /whole matrices of a merged teacher .*, set turbo\.merge\.adapters=factors, set engine\.gradient/,
  });
});

test('fewer rows and recomputed layers take less', (t) => {
  const activations = (engine: object) => modelFit(checkpoint, config(engine), prompt(200)).plan.updating.activations;
  t.true(activations({ rowsPerShard: 4 }) < 0.3 * activations({ rowsPerShard: 16 }));
  t.true(activations({ gradientCheckpointing: true }) < activations({}));
});

test('what fits passes; what does not is one sentence with the numbers and what would help', (t) => {
  t.notThrows(() => checkFit(checkpoint, config({ memoryGiB: 4 }), prompt(31)));
  const error = t.throws(() => checkFit(checkpoint, config({ memoryGiB: 0.01 }), prompt(31)), {
    instanceOf: CheckpointError,
  });
  t.regex(
    error.message,
    /^model\.base: .*llama-gqa-bf16 does not fit: the run takes about 0\.\d GiB \(weights 0\.5 MiB, .*activations of an update of 16 rows .* but this machine has 10\.2 MiB; lower engine\.rowsPerShard, .*engine\.gradientCheckpointing/,
  );
  t.notRegex(error.message, /\n/);
  t.is(gibibytes(3 * 2 ** 29), '1.5 GiB');
});

test('what the model has no positions for is refused with the numbers, before memory is looked at', (t) => {
  const long = { ...config({ memoryGiB: 0.01 }), rollout: { ...config({}).rollout, maxNewTokens: 500 } };
  t.throws(() => checkFit(checkpoint, long, prompt(13)), {
    instanceOf: CheckpointError,
    message:
      /^maxNewTokens: a prompt of 13 tokens, image included, and an answer of 500 make 513, but the model has 512 positions/,
  });
  t.throws(() => checkFit(checkpoint, long, prompt(12)), { message: /does not fit: the run takes about/ });
  const stretched = { kind: 'linear', factor: 2 } as const;
  t.is(positionsOf({ maxPositions: 512, ropeScaling: stretched }), 1024);
  t.is(tooLong({ maxPositions: 512, ropeScaling: stretched }, 512, 512), null);
});

test('lengths whose masks no array can hold are refused by the fields that make them', (t) => {
  t.throws(() => modelFit(checkpoint, config({}), prompt(1_000_000)), {
    instanceOf: CheckpointError,
    message: /^maxNewTokens: prompts of 1000000 tokens and responses of 256, .* engine\.lengthStep$/,
  });
});

test('lanes are bounded by the schema, and by what the machine has', (t) => {
  t.throws(() => config({ lanes: 1_000_000 }), { message: /engine\.lanes/ });
  t.throws(() => checkFit(checkpoint, config({ lanes: 256, memoryGiB: 8 }), prompt(31)), {
    message: /does not fit: .* lower .*engine\.lanes/,
  });
});

test(
  'what a GPU does not hold is refused with both numbers: its memory, and ' + 'the largest tensor of its kernels',
  (t) => {
    const gpu = {
      provider: 'webgpu',
      name: 'a GPU',
      index: 0,
      memory: 2 ** 30,
      limits: { kind: 'discrete', maxTensor: 2 ** 20, float16: true },
      powerPreference: 'high-performance',
      environment: {},
    } as const;
    const rows = (rowsPerShard: number) => config({ provider: 'webgpu', lanes: 1, rowsPerShard, rowsPerSample: 1 });
    t.notThrows(() => checkFit(checkpoint, rows(1), prompt(31), gpu));
    t.throws(() => checkFit(checkpoint, rows(16), prompt(31), gpu), {
      instanceOf: CheckpointError,
      message:
        /does not fit: its largest tensor, \w+\[[\d,]+\], takes [\d.]+ MiB, but the GPU's kernels take at most 1\.0 MiB; lower engine\.rowsPerShard/,
    });
    t.throws(() => checkFit(checkpoint, rows(1), prompt(31), { ...gpu, memory: 2 ** 27 }), {
      instanceOf: CheckpointError,
      message:
        /does not fit: the run takes about 0\.\d GiB \(.*\), but the GPU has 0\.1 GiB; lower engine\.rowsPerShard/,
    });
    // A device that tells no limits, as CUDA's, bounds no tensor.
    t.notThrows(() => checkFit(checkpoint, rows(16), prompt(31), { ...gpu, limits: null }));
  },
);
