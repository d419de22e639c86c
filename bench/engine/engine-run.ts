/** The engine's side of the cases of `npm run bench -- engine`. */
import { GraphBuilder } from '../../graph/builder.ts';
import { matMul } from '../../graph/ops/linear-algebra.ts';
import type { Program } from '../../graph/program.ts';
import { Session } from '../../graph/session.ts';
import { type Checkpoint, openCheckpoint } from '../../policy/checkpoint/open-checkpoint.ts';
import { graphModel, OnnxPolicyEngine } from '../../policy/onnx-policy-engine.ts';
import { trainingProgram } from '../../policy/vlm/training-graph.ts';
import type { Case, ModelName, UpdateCase } from './cases.ts';
import { Requests } from './requests.ts';

const SCOPE = { kind: 'all' } as const;
const VALUE_HEAD = [64, 32];
/** Rows sampled together: more leave the cache. */
const ROWS_PER_SAMPLE = 16;

/** A case made ready: `run` does it once. */
export type EngineRun = { run(): Promise<void>; close(): Promise<void> };

export async function prepare(asked: Case, models: Record<ModelName, string>, lanes: number): Promise<EngineRun> {
  if (asked.kind === 'product') return product(asked.size);
  const checkpoint = openCheckpoint(models[asked.model]);
  const engine = OnnxPolicyEngine.open({ checkpoint, scope: SCOPE, valueHead: VALUE_HEAD, provider: 'cpu', lanes, rowsPerShard: asked.kind === 'update' ? asked.rowsPerPass : 1, rowsPerSample: ROWS_PER_SAMPLE });
  const parameters = engine.initialParameters(1);
  await engine.setParameters(parameters);
  const close = () => engine.close();
  const requests = new Requests(checkpoint.config, asked.promptTokens);
  if (asked.kind === 'sample') {
    const request = requests.sample(asked.rows, asked.tokens, asked.rowsPerPrompt);
    return { run: async () => { for (let round = 0; round < asked.rounds; round++) await engine.sample(request); }, close };
  }
  const steps = Array.from({ length: asked.steps }, (_, seed) => requests.gradient({ ...asked, seed }));
  return {
    run: async () => {
      for (const step of steps) {
        await engine.gradients(step);
        // What an optimizer step costs the engine beside its gradient.
        await engine.setParameters(parameters);
      }
    },
    close,
  };
}

async function product(size: number): Promise<EngineRun> {
  const g = new GraphBuilder();
  const matrix = () => Float32Array.from({ length: size * size }, (_, i) => Math.sin(i));
  g.output('c', matMul(g, g.input('a', 'float32', [size, size]), g.input('b', 'float32', [size, size])));
  const session = await Session.load(g.finish());
  const feeds = { a: matrix(), b: matrix() };
  return { run: async () => void (await session.run(feeds)), close: () => session.close() };
}

/** Floating-point operations in matrix products: of one run of a case; null where a loop decides. */
export function productOperations(asked: Case, checkpoint: () => Checkpoint): number | null {
  if (asked.kind === 'product') return 2 * asked.size ** 3;
  return asked.kind === 'sample' ? null : updateOperations(asked, checkpoint());
}

function updateOperations({ ppo, sft, promptTokens, longest, rowsPerPass, steps }: UpdateCase, checkpoint: Checkpoint): number {
  const program = trainingProgram(graphModel({ checkpoint, scope: SCOPE, valueHead: VALUE_HEAD }), { rows: rowsPerPass, promptTokens, padded: false, responseTokens: longest });
  return steps * Math.ceil((ppo + sft) / rowsPerPass) * operationsOf(program);
}

function operationsOf({ nodes }: Program): number {
  const elements = (shape: readonly number[]) => shape.reduce((total, length) => total * length, 1);
  const product = ([rows, inner, columns]: number[], batch = 1) => 2 * batch * rows * inner * columns;
  return nodes.reduce((sum, { op, inputs: [a, b], outputs: [y], attributes }) => {
    if (op.name === 'Gemm' || op.name === 'MatMul') return sum + product([1, a.shape.at(attributes.transA === true ? -2 : -1)!, 1], elements(y.shape));
    // Scores, and their mixture of values.
    if (op.name === 'Attention') return sum + 2 * product([a.shape[2], a.shape[3], b.shape[2]], a.shape[0] * a.shape[1]);
    return sum;
  }, 0);
}
