/**
 * Memory of sampling and updating: the plan compared with a separate process's peak resident set, for several shapes
 * and element types, with and without gradient checkpointing; then plans for 7B models, which are not run here.
 *
 * npm run bench -- memory [--models DIR] [--only NAME]
 */
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { adamStep, clipByGlobalNorm, initAdam } from '../core/learner/adam.ts';
import { plannedCheckpoint } from '../core/policy/checkpoint/planned-checkpoint.ts';
import { memoryPlan } from '../core/policy/memory-plan.ts';
import { OnnxPolicyEngine } from '../core/policy/onnx-policy-engine.ts';
import type { Provider } from '../core/graph/program.ts';
import { trainedParameters } from '../core/policy/trained-parameters.ts';
import type { Precision, TrainScope } from '../core/policy/vlm-config.ts';
import { openRandomLlava, SHAPES, type ShapeName, type WeightType } from './engine/random-llava.ts';
import { Requests } from './engine/requests.ts';

type Case = {
  shape: ShapeName;
  weights: WeightType;
  precision: Precision;
  gradientCheckpointing: boolean;
  rows: number;
  sampled: number;
  promptTokens: number;
  responseTokens: number;
  scope: TrainScope;
};

const lora: TrainScope = { kind: 'lora', rank: 128, alpha: 256, dropout: 0, parts: ['language_model'] };
const VALUE_HEAD = [1024, 512];
const small = {
  shape: '135m',
  weights: 'F32',
  precision: 'float32',
  gradientCheckpointing: false,
  rows: 4,
  sampled: 4,
  promptTokens: 128,
  responseTokens: 64,
  scope: lora,
} as const;
const CASES: Case[] = [
  small,
  { ...small, gradientCheckpointing: true },
  { ...small, weights: 'BF16' },
  { ...small, weights: 'BF16', gradientCheckpointing: true },
  {
    ...small,
    weights: 'BF16',
    gradientCheckpointing: true,
    rows: 8,
    sampled: 16,
    promptTokens: 256,
    responseTokens: 128,
  },
  { ...small, weights: 'F16', precision: 'float16', gradientCheckpointing: true },
  { ...small, scope: { kind: 'all' }, gradientCheckpointing: true },
  { ...small, shape: '360m', weights: 'BF16', rows: 2, promptTokens: 448, responseTokens: 64 },
  {
    ...small,
    shape: '360m',
    weights: 'BF16',
    rows: 2,
    promptTokens: 448,
    responseTokens: 64,
    gradientCheckpointing: true,
  },
  {
    ...small,
    shape: '0.7b',
    weights: 'BF16',
    rows: 2,
    sampled: 2,
    promptTokens: 256,
    responseTokens: 64,
    gradientCheckpointing: true,
  },
];

const { values: options } = parseArgs({
  options: {
    models: { type: 'string', default: path.join(tmpdir(), 'gtr-bench-models') },
    only: { type: 'string' },
    child: { type: 'string' },
  },
});
const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
const name = (one: Case) =>
  `${one.shape} ${one.weights} ${one.precision}${one.gradientCheckpointing ? ' checkpointed' : ''} ` +
  `${one.scope.kind === 'all' ? 'all' : `r ${one.scope.rank}`} ${one.rows} x ` +
  `${one.promptTokens + one.responseTokens}, sampled ${one.sampled}`;

if (options.child !== undefined) await runOnce(JSON.parse(options.child) as Case);
else {
  for (const one of CASES.filter((candidate) => name(candidate).includes(options.only ?? ''))) {
    const { host } = await planOf(one, 'cpu');
    await openRandomLlava(options.models, one.shape, one.weights);
    const output = execFileSync(
      process.execPath,
      [import.meta.filename, '--models', options.models, '--child', JSON.stringify(one)],
      { encoding: 'utf8' },
    );
    const { peak, seconds } = JSON.parse(output.trim().split('\n').at(-1)!) as {
      peak: number;
      seconds: { sample: number; update: number };
    };
    console.log(
      `${name(one).padEnd(70)} planned ${mebibytes(host)}, measured ${mebibytes(peak)}, ratio ` +
        `${(host / peak).toFixed(2)}; sample ${seconds.sample.toFixed(1)} s, update ${seconds.update.toFixed(1)} s`,
    );
  }
  for (const [gradientCheckpointing, rows, sampled] of [
    [true, 1, 32],
    [true, 4, 32],
    [true, 16, 32],
    [false, 1, 32],
    [false, 4, 8],
  ] as const) {
    const one: Case = {
      shape: '7b',
      weights: 'BF16',
      precision: 'bfloat16',
      gradientCheckpointing,
      rows,
      sampled,
      promptTokens: 768,
      responseTokens: 256,
      scope: lora,
    };
    const { sampling, updating, host, device } = await planOf(one, 'cuda');
    console.log(
      `${name(one)}: device ${mebibytes(device)} = sampling ${mebibytes(sampling.stored)} + ` +
        `${mebibytes(sampling.activations)}, updating ${mebibytes(updating.stored)} + ` +
        `${mebibytes(updating.activations)}, parameters and gradients ` +
        `${mebibytes(updating.inputs + updating.outputs)}; host ${mebibytes(host)}`,
    );
  }
}

async function planOf(
  { shape, weights, precision, gradientCheckpointing, rows, sampled, promptTokens, responseTokens, scope }: Case,
  provider: Provider,
) {
  const checkpoint = plannedCheckpoint(SHAPES[shape], weights);
  const model = {
    checkpoint,
    trained: trainedParameters(checkpoint, scope, VALUE_HEAD),
    loraScale: 2,
    loraDropout: 0,
    precision,
    gradientCheckpointing,
  };
  return memoryPlan({
    model,
    provider,
    lanes: 1,
    groups: 1,
    rowsPerShard: rows,
    rowsPerSample: sampled,
    promptTokens,
    picture: { parts: 1, padded: false },
    responseTokens,
  });
}

/** One sampled group, one optimizer step. */
async function runOnce({
  shape,
  weights,
  precision,
  gradientCheckpointing,
  rows,
  sampled,
  promptTokens,
  responseTokens,
  scope,
}: Case): Promise<void> {
  const checkpoint = await openRandomLlava(options.models, shape, weights);
  const engine = OnnxPolicyEngine.open({
    checkpoint,
    scope,
    valueHead: VALUE_HEAD,
    lanes: 1,
    rowsPerShard: rows,
    rowsPerSample: sampled,
    precision,
    gradientCheckpointing,
  });
  const parameters = engine.initialParameters(1);
  const adam = initAdam(parameters.length);
  const requests = new Requests(checkpoint.config, promptTokens);
  await engine.setParameters(parameters);
  let start = performance.now();
  const elapsed = () => {
    const seconds = (performance.now() - start) / 1000;
    start = performance.now();
    return seconds;
  };
  await engine.sample(requests.sample(sampled, responseTokens));
  const sample = elapsed();
  // Two shards, so that there are a sum and a gradient at once.
  const { gradient } = await engine.gradients(
    requests.gradient({ ppo: rows, sft: rows, shortest: responseTokens, longest: responseTokens }),
  );
  clipByGlobalNorm(gradient, 0.01);
  adamStep(parameters, gradient, adam, 1e-5, { beta1: 0.9, beta2: 0.999, eps: 1e-7 });
  await engine.setParameters(parameters);
  const update = elapsed();
  await engine.close();
  console.log(JSON.stringify({ peak: process.resourceUsage().maxRSS * 1024, seconds: { sample, update } }));
}
