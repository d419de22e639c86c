/** The engine's side of the cases of `npm run bench -- engine`. */
import { GraphBuilder } from '../../core/graph/builder.ts';
import { type Product, matMul } from '../../core/graph/ops/linear-algebra.ts';
import { slice } from '../../core/graph/ops/movement.ts';
import type { Value } from '../../core/graph/program.ts';
import { Session } from '../../core/graph/session.ts';
import { elements } from '../../core/graph/tensor.ts';
import { type Checkpoint, openCheckpoint } from '../../core/policy/checkpoint/open-checkpoint.ts';
import { graphModel, OnnxPolicyEngine } from '../../core/policy/onnx-policy-engine.ts';
import { trainingProgram } from '../../core/policy/vlm/training-graph.ts';
import type { TrainScope } from '../../core/policy/vlm-config.ts';
import type { Case, ModelName, PassProductsCase, UpdateCase } from './cases.ts';
import { Requests } from './requests.ts';

const ALL = { kind: 'all' } as const;
const VALUE_HEAD = [64, 32];
const AS_THEY_ARE: Product = { transA: false, transB: false, alpha: 1 };
/** Rows sampled together: more leave the cache. */
const ROWS_PER_SAMPLE = 16;

function scopeOf({ lora }: { lora?: number }): TrainScope {
  return lora === undefined
    ? ALL
    : { kind: 'lora', rank: lora, alpha: 2 * lora, dropout: 0, parts: ['language_model'] };
}

/** A prepared case: `run` does it once. */
export type EngineRun = { run(): Promise<void>; close(): Promise<void> };

export async function prepare(asked: Case, models: Record<ModelName, string>, lanes: number): Promise<EngineRun> {
  if (asked.kind === 'product')
    return products([
      {
        ...AS_THEY_ARE,
        shapes: [
          [asked.size, asked.size],
          [asked.size, asked.size],
        ],
      },
    ]);
  const checkpoint = openCheckpoint(models[asked.model]);
  if (asked.kind === 'pass products') return products(passProducts(asked, checkpoint));
  const engine = OnnxPolicyEngine.open({
    checkpoint,
    scope: scopeOf(asked),
    valueHead: VALUE_HEAD,
    lanes,
    rowsPerShard: asked.kind === 'update' ? asked.rowsPerPass : 1,
    rowsPerSample: ROWS_PER_SAMPLE,
  });
  const parameters = engine.initialParameters(1);
  await engine.setParameters(parameters);
  const close = () => engine.close();
  const requests = new Requests(checkpoint.config, asked.promptTokens);
  if (asked.kind === 'sample') {
    const request = requests.sample(asked.rows, asked.tokens, asked.rowsPerPrompt);
    return {
      run: async () => {
        for (let round = 0; round < asked.rounds; round++) await engine.sample(request);
      },
      close,
    };
  }
  const steps = Array.from({ length: asked.steps }, (_, seed) => requests.gradient({ ...asked, seed }));
  return {
    run: async () => {
      for (const [index, step] of steps.entries()) {
        const computing = engine.gradients(step);
        // As in a learner: prepares the next step's rows while lanes compute, and does the engine's part of an
        // optimizer step besides its gradient.
        if (index + 1 < steps.length) engine.layOut(steps[index + 1]);
        const { gradient } = await computing;
        engine.recycle(gradient);
        await engine.setParameters(parameters);
      }
    },
    close,
  };
}

/** A product of two tensors of these shapes; leading axes are equal. */
export type SizedProduct = Product & { shapes: readonly [a: readonly number[], b: readonly number[]] };

/**
 * One graph of products. Left operands of the same shape are shared, because recent results are in the cache; right
 * operands are not.
 */
async function products(list: readonly SizedProduct[]): Promise<EngineRun> {
  const g = new GraphBuilder();
  const feeds: Record<string, Float32Array> = {};
  const lefts: Record<string, Value> = {};
  for (const [index, { shapes, ...options }] of list.entries()) {
    const operand = (name: string, shape: readonly number[]) => {
      feeds[name] = Float32Array.from({ length: elements(shape) }, (_, i) => Math.sin(i));
      return g.input(name, 'float32', shape);
    };
    const left = `left ${shapes[0]}`;
    lefts[left] ??= operand(left, shapes[0]);
    // Only a row is kept, so that the next product reuses the memory.
    g.output(
      `product ${index}`,
      slice(g, matMul(g, lefts[left], operand(`right ${index}`, shapes[1]), options), -2, 0, 1),
    );
  }
  const session = await Session.load(g.finish(), { arena: true });
  return { run: async () => void (await session.run(feeds)), close: () => session.close() };
}

/** The products of the graph of one pass. */
export function passProducts(asked: UpdateCase | PassProductsCase, checkpoint: Checkpoint): SizedProduct[] {
  const { rowsPerPass, promptTokens, longest } = asked;
  const program = trainingProgram(graphModel({ checkpoint, scope: scopeOf(asked), valueHead: VALUE_HEAD }), {
    rows: rowsPerPass,
    promptTokens,
    padded: false,
    picture: { parts: 1, padded: false },
    responseTokens: longest,
  });
  return program.nodes.flatMap(({ op, inputs: [a, b], outputs: [, shares], attributes }): SizedProduct[] => {
    if (op.name === 'Gemm' || op.name === 'MatMul') return [{ ...(attributes as Product), shapes: [a.shape, b.shape] }];
    // Scores, and the mixing of values.
    return op.name === 'Attention'
      ? [
          { ...AS_THEY_ARE, transB: true, shapes: [a.shape, b.shape] },
          { ...AS_THEY_ARE, shapes: [shares.shape, b.shape] },
        ]
      : [];
  });
}

/** Floating-point operations in matrix products: of one run of a case; null where a loop decides. */
export function productOperations(asked: Case, checkpoint: () => Checkpoint): number | null {
  if (asked.kind === 'product') return 2 * asked.size ** 3;
  if (asked.kind === 'sample') return null;
  const ofPass = passProducts(asked, checkpoint()).reduce(
    (sum, { shapes: [a, b], transB }) => sum + 2 * elements(a) * b.at(transB ? -2 : -1)!,
    0,
  );
  return asked.kind === 'pass products'
    ? ofPass
    : asked.steps * Math.ceil((asked.ppo + asked.sft) / asked.rowsPerPass) * ofPass;
}
