/**
 * Checks and measures the engine on a GPU: the recorded checkpoints in float32, then a LLaVA of 7B shapes with random
 * weights and LoRA r 128: sampled tokens per second, updated samples per second, peak memory of the device; then the
 * same work in transformers and peft. Every part is a separate process, so that its memory is freed.
 *
 * npm run bench -- gpu-check [--provider cuda] [--shape 7b] [--python PATH] [--batches 1,8,32] [--prompt-tokens 768]
 * [--response-tokens 256] [--rows-per-shard 4] [--models DIR] [--cases DIR|none] [--limit SECONDS]
 *
 * `--limit`: time limit of a part. scripts/gpu-check.sh starts it for both providers on a machine that has nothing but
 * a bundle of scripts/gpu-bundle.ts; `--provider cpu --shape tiny --prompt-tokens 32 --response-tokens 8` tries it
 * anywhere.
 */
import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs, type ParseArgsConfig, promisify } from 'node:util';
import { deviceLabel } from '../core/graph/compute-device.ts';
import { chooseDevice } from '../core/graph/provider.ts';
import { adamStep, clipByGlobalNorm, initAdam } from '../core/learner/adam.ts';
import { CheckpointError } from '../core/policy/checkpoint/errors.ts';
import { conformVlm, openReferenceCase, referenceFolders } from '../core/policy/conformance-vlm.ts';
import { OnnxPolicyEngine } from '../core/policy/onnx-policy-engine.ts';
import { COMPARISON_ENVIRONMENT } from './engine/comparison-environment.ts';
import { GpuMemory } from './engine/gpu-memory.ts';
import { drawnGrid, openRandomLlava, SHAPES, type ShapeName } from './engine/random-llava.ts';
import { Requests } from './engine/requests.ts';

const { values: options } = readArguments({
  options: {
    provider: { type: 'string', default: 'cuda' },
    shape: { type: 'string', default: '7b' },
    python: { type: 'string' },
    batches: { type: 'string', default: '1,8,32' },
    'prompt-tokens': { type: 'string', default: '768' },
    'response-tokens': { type: 'string', default: '256' },
    'rows-per-shard': { type: 'string', default: '4' },
    models: { type: 'string', default: path.join(tmpdir(), 'gtr-bench-models') },
    cases: { type: 'string', default: path.join(import.meta.dirname, '..', 'test', 'golden', 'llava') },
    limit: { type: 'string', default: '0' },
    child: { type: 'string' },
  },
});
const provider = (['cpu', 'webgpu'] as const).find((one) => one === options.provider) ?? 'cuda';
const shape = options.shape as ShapeName;
if (!(shape in SHAPES)) refuse(`--shape ${shape}: there are ${Object.keys(SHAPES).join(', ')}.`);
const [promptTokens, responseTokens, rowsPerShard] = [
  options['prompt-tokens'],
  options['response-tokens'],
  options['rows-per-shard'],
].map(Number);
const LORA = { rank: 128, alpha: 256 };
const device = await chooseDevice({ provider }).catch((error: Error) => refuse(error.message));
/** The half width that the provider has kernels for. */
const [weights, precision] =
  provider === 'cuda'
    ? (['BF16', 'bfloat16'] as const)
    : device.limits?.float16 === true
      ? (['F16', 'float16'] as const)
      : (['F32', 'float32'] as const);

type Part = { sample: number } | { update: number } | { case: string };
type Measured = { seconds: number; firstSeconds: number };

if (options.child !== undefined) console.log(JSON.stringify(await partOf(JSON.parse(options.child) as Part)));
else
  await checkAll().catch((error: unknown) =>
    error instanceof CheckpointError ? refuse(error.message) : Promise.reject(error),
  );

function readArguments<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (error) {
    return refuse((error as Error).message);
  }
}

function refuse(sentence: string): never {
  console.error(`gpu-check: ${sentence}`);
  process.exit(2);
}

async function checkAll(): Promise<void> {
  console.log(`== ${deviceLabel(device)}`);
  if (options.cases !== 'none') await conform();
  const { folder } = await openRandomLlava(options.models, shape, weights);
  console.log(
    `${shape} ${precision}, LoRA r ${LORA.rank}, prompts of ${promptTokens}, responses of ${responseTokens} tokens`,
  );
  for (const rows of options.batches.split(',').map(Number)) {
    await besides(
      `sampling, batch ${rows}`,
      { sample: rows },
      folder,
      ({ seconds }) => `${((rows * responseTokens) / seconds).toFixed(1)} tokens/s`,
    );
  }
  const rows = 2 * rowsPerShard;
  await besides(
    `updating, ${rows} rows of ${promptTokens + responseTokens}, ${rowsPerShard} at a time`,
    { update: rows },
    folder,
    ({ seconds }) => `${(rows / seconds).toFixed(2)} samples/s`,
  );
}

/** Recorded checkpoints, a folder each: the worst quantity of each, as a multiple of the tolerance. */
async function conform(): Promise<void> {
  for (const folder of referenceFolders(options.cases)) {
    const outcome = child<{ passed: number; failed: string[] }>({ case: folder }, { NVIDIA_TF32_OVERRIDE: '0' });
    const { result } = await outcome.catch((error: unknown) => ({ result: { passed: 0, failed: [lastLine(error)] } }));
    console.log(
      `${result.failed.length === 0 ? 'ok' : 'FAILED'} ${path.basename(folder)}: ${result.passed} passed, ` +
        `${result.failed.length} failed${result.failed.length === 0 ? '' : `: ${result.failed.join('; ')}`}`,
    );
    if (result.failed.length > 0) process.exitCode = 1;
  }
}

/** One line for the engine and one for PyTorch. */
async function besides(name: string, part: Part, folder: string, speed: (measured: Measured) => string): Promise<void> {
  const show = (who: string, { result, peak }: { result: Measured; peak: number | null }) =>
    console.log(
      `${name.padEnd(44)} ${who.padEnd(20)} ${speed(result).padEnd(18)} first ` +
        `${result.firstSeconds.toFixed(1)} s, then ${result.seconds.toFixed(2)} ` +
        `s${peak === null ? '' : `, peak ${(peak / 1024).toFixed(1)} GiB`}`,
    );
  const failed = (who: string, error: unknown) => {
    console.log(`${name.padEnd(44)} ${who.padEnd(20)} failed: ${lastLine(error)}`);
    process.exitCode = 1;
  };
  await child<Measured>(part, {}).then(
    (outcome) => show('gtr', outcome),
    (error: unknown) => failed('gtr', error),
  );
  if (options.python === undefined) return;
  const request = JSON.stringify({
    ...part,
    config: path.join(folder, 'config.json'),
    device: provider === 'cpu' || device.limits?.kind === 'cpu' ? 'cpu' : 'cuda',
    promptTokens,
    responseTokens,
    rowsPerShard,
    ...LORA,
  });
  await watched<Measured>(
    options.python,
    [path.join(import.meta.dirname, 'gpu-check-pytorch.py'), request],
    COMPARISON_ENVIRONMENT,
  ).then(
    (outcome) => show('transformers + peft', outcome),
    (error: unknown) => failed('transformers + peft', error),
  );
}

function child<R>(part: Part, env: NodeJS.ProcessEnv): Promise<{ result: R; peak: number | null }> {
  return watched<R>(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      import.meta.filename,
      ...process.argv.slice(2),
      '--child',
      JSON.stringify(part),
    ],
    { ...process.env, ...env },
  );
}

/** The last JSON that a process prints, and the GPU's peak memory meanwhile, in MiB. */
async function watched<R>(
  command: string,
  args: string[],
  env: NodeJS.ProcessEnv,
): Promise<{ result: R; peak: number | null }> {
  const memory = provider === 'cpu' ? null : new GpuMemory();
  try {
    const { stdout } = await promisify(execFile)(command, args, {
      encoding: 'utf8',
      maxBuffer: 2 ** 26,
      timeout: 1000 * Number(options.limit),
      env,
    });
    return { result: JSON.parse(stdout.trim().split('\n').at(-1)!) as R, peak: memory?.peak ?? null };
  } finally {
    memory?.close();
  }
}

function lastLine(error: unknown): string {
  const { stderr, message, killed } = error as { stderr?: string; message: string; killed?: boolean };
  if (killed === true) return `not done after ${options.limit} s (--limit)`;
  const lines = (stderr ?? '')
    .trim()
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('Node.js v'));
  return lines.find((line) => /^\w*Error: /.test(line)) ?? lines.at(-1) ?? message;
}

async function partOf(part: Part): Promise<unknown> {
  if ('case' in part) {
    const lines = await conformVlm(openReferenceCase(part.case), device);
    return {
      passed: lines.filter(({ passed }) => passed).length,
      failed: lines
        .filter(({ passed }) => !passed)
        .map(({ quantity, worstError }) => `${quantity} ${worstError.toExponential(1)}`),
    };
  }
  const checkpoint = await openRandomLlava(options.models, shape, weights);
  const engine = OnnxPolicyEngine.open({
    checkpoint,
    scope: { kind: 'lora', ...LORA, dropout: 0, parts: ['language_model'] },
    valueHead: [1024, 512],
    device,
    lanes: 1,
    rowsPerShard,
    rowsPerSample: 'sample' in part ? part.sample : 1,
    sessions: 1,
    precision,
    gradientCheckpointing: true,
  });
  const parameters = engine.initialParameters(1);
  const adam = initAdam(parameters.length);
  const requests = new Requests(checkpoint.config, promptTokens, drawnGrid(checkpoint.config));
  await engine.setParameters(parameters);
  const run =
    'sample' in part
      ? () => engine.sample(requests.sample(part.sample, responseTokens))
      : () => optimizerStep(part.update);
  async function optimizerStep(rows: number): Promise<void> {
    const { gradient } = await engine.gradients(
      requests.gradient({ ppo: rows / 2, sft: rows / 2, shortest: responseTokens, longest: responseTokens }),
    );
    clipByGlobalNorm(gradient, 0.01);
    adamStep(parameters, gradient, adam, 1e-5, { beta1: 0.9, beta2: 0.999, eps: 1e-7 });
    await engine.setParameters(parameters);
  }
  const timed = async () => {
    const start = performance.now();
    await run();
    return (performance.now() - start) / 1000;
  };
  const [firstSeconds, seconds] = [await timed(), await timed()];
  await engine.close();
  return { firstSeconds, seconds };
}
