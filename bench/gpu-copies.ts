/**
 * What is copied between a GPU and the CPU, and what the CPU computes instead of the GPU, in a training shard and in a
 * decoding step of sampling. From onnxruntime's own profile.
 *
 * npm run bench -- gpu-copies [--provider webgpu] [--shape tiny] [--train lora|all] [--models DIR]
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { ComputeDevice } from '../core/graph/compute-device.ts';
import type { Program } from '../core/graph/program.ts';
import { chooseDevice } from '../core/graph/provider.ts';
import { type ArrayData, Session } from '../core/graph/session.ts';
import { elementBytes, elements } from '../core/graph/tensor.ts';
import { graphModel } from '../core/policy/onnx-policy-engine.ts';
import { pictureShape } from '../core/policy/picture-shape.ts';
import { startParameters } from '../core/policy/trained-parameters.ts';
import { samplingFeeds, trainingFeeds } from '../core/policy/vlm/feeds.ts';
import { samplingProgram } from '../core/policy/vlm/sampling-graph.ts';
import { trainingProgram } from '../core/policy/vlm/training-graph.ts';
import { drawnGrid, openRandomLlava, type ShapeName } from './engine/random-llava.ts';
import { Requests } from './engine/requests.ts';

const { values: options } = parseArgs({
  options: {
    provider: { type: 'string', default: 'webgpu' },
    shape: { type: 'string', default: 'tiny' },
    train: { type: 'string', default: 'lora' },
    models: { type: 'string', default: path.join(tmpdir(), 'gtr-bench-models') },
  },
});
const [ROWS, PROMPT, RESPONSE] = [4, 40, 12];

const device = await chooseDevice({ provider: options.provider as 'webgpu' | 'cuda' });
const checkpoint = await openRandomLlava(options.models, options.shape as ShapeName, 'F32');
const { config } = checkpoint;
const model = graphModel({
  checkpoint,
  scope:
    options.train === 'all'
      ? { kind: 'all' }
      : { kind: 'lora', rank: 8, alpha: 16, dropout: 0.05, parts: ['language_model'] },
  valueHead: [64],
  device,
});
const picture = pictureShape(config, [drawnGrid(config)], false);
const requests = new Requests(config, PROMPT, drawnGrid(config));
const parameters: Record<string, ArrayData> = {};
let offset = 0;
const start = startParameters(checkpoint, model.trained, 1);
for (const { name, shape } of model.trained) parameters[name] = start.subarray(offset, (offset += elements(shape)));
const trainedBytes = start.byteLength;
console.log(
  `${device.name ?? device.provider}: ${options.shape}, ${options.train}, ${ROWS} rows of ${PROMPT} + ` +
    `${RESPONSE} tokens`,
);

const shard = { rows: ROWS, promptTokens: PROMPT, responseTokens: RESPONSE, padded: true, picture };
const rows = requests.gradient({ ppo: ROWS / 2, sft: ROWS / 2, shortest: RESPONSE, longest: RESPONSE });
for (const row of rows.rows) row.dropoutSeed = 12_345_678_901n;
const training = trainingProgram(model, shard);
const trainingInputs = trainingFeeds(config, shard, rows.rows, rows);
show('training shard', await crossings(training, trainingInputs, device), bytesOf(training.inputs) - trainedBytes);
console.log(
  `  parameters up and gradients down, ${kib(trainedBytes)} each: ` +
    `${device.provider === 'webgpu' ? 'once an optimizer step' : 'with every shard'}`,
);
for (const penalized of [false, true]) {
  const shape = {
    rows: ROWS,
    rowsPerPrompt: 1,
    promptTokens: PROMPT,
    padded: true,
    picture,
    maxNewTokens: RESPONSE,
    greedy: false,
    penalized,
  };
  const request = requests.sample(ROWS, RESPONSE);
  const sampling = samplingProgram(model, shape);
  show(
    `sampling ${RESPONSE} tokens${penalized ? ' with a repetition penalty' : ''}`,
    await crossings(sampling, samplingFeeds(config, shape, request.rows, request), device),
    bytesOf(sampling.inputs) - trainedBytes,
  );
}

type Count = { nodes: number; bytes: number };
type Crossings = { nodes: number; up: Count; down: Count; onCpu: Map<string, Count> };

/** Runs a program once and reads its profile. */
async function crossings(program: Program, feeds: Record<string, ArrayData>, on: ComputeDevice): Promise<Crossings> {
  const folder = mkdtempSync(path.join(tmpdir(), 'gtr-profile-'));
  try {
    const session = await Session.load(program, { device: on, profile: path.join(folder, 'run') });
    await session.run({ ...parameters, ...feeds });
    await session.close();
    const [file] = readdirSync(folder);
    const events = JSON.parse(readFileSync(path.join(folder, file), 'utf8')) as {
      cat: string;
      name: string;
      args?: { op_name?: string; provider?: string; output_size?: string };
    }[];
    const found: Crossings = { nodes: 0, up: none(), down: none(), onCpu: new Map() };
    for (const { cat, name, args } of events) {
      if (cat !== 'Node' || args?.op_name === undefined || !name.endsWith('_kernel_time')) continue;
      const { op_name: type, provider } = args;
      const bytes = Number(args.output_size ?? 0);
      if (type === 'MemcpyFromHost') count(found.up, bytes);
      else if (type === 'MemcpyToHost') count(found.down, bytes);
      else {
        found.nodes++;
        if (provider !== 'CPUExecutionProvider' || type === 'Loop') continue;
        const of = found.onCpu.get(type) ?? none();
        found.onCpu.set(type, of);
        count(of, bytes);
      }
    }
    return found;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function none(): Count {
  return { nodes: 0, bytes: 0 };
}

function count(of: Count, bytes: number): void {
  of.nodes++;
  of.bytes += bytes;
}

function show(name: string, { nodes, up, down, onCpu }: Crossings, fed: number): void {
  const onCpuNodes = [...onCpu.values()].reduce((sum, of) => sum + of.nodes, 0);
  console.log(`${name}: fed ${kib(fed)}; ${nodes} nodes run, ${onCpuNodes} of them on the CPU`);
  console.log(
    `  copied inside a run: ${up.nodes} times up, ${up.bytes} bytes; ${down.nodes} times down, ${down.bytes} bytes`,
  );
  const listed = [...onCpu].sort(([, a], [, b]) => b.bytes - a.bytes);
  console.log(`  on the CPU: ${listed.map(([type, of]) => `${of.nodes} ${type} (${of.bytes} bytes)`).join(', ')}`);
}

function bytesOf(inputs: Program['inputs']): number {
  return inputs.reduce((sum, { dtype, shape }) => sum + elementBytes[dtype] * elements(shape), 0);
}

function kib(bytes: number): string {
  return `${(bytes / 1024).toFixed(1)} KiB`;
}
