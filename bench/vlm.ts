/**
 * A SmolVLM-256M-shaped model with random weights beside transformers + peft (bench/vlm-pytorch.py): a training step
 * with LoRA, sampling, and of sampling the first token alone, which is nearly all the prompts' pass. One thread each,
 * CPU seconds, the least of the repeats, in turns.
 *
 * npm run bench -- vlm [--python PATH] [--repeats 2] [--rows 8] [--tokens 64] [--only sampling] [--models DIR]
 */
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { OnnxPolicyEngine } from '../core/policy/onnx-policy-engine.ts';
import { AnsweringProcess } from './engine/answering-process.ts';
import { COMPARISON_ENVIRONMENT } from './engine/comparison-environment.ts';
import { drawnGrid, openRandomLlava } from './engine/random-llava.ts';
import { Requests } from './engine/requests.ts';
import { seconds } from './engine/stopwatch.ts';

const { values: options } = parseArgs({
  options: {
    python: { type: 'string' },
    repeats: { type: 'string', default: '2' },
    rows: { type: 'string', default: '8' },
    tokens: { type: 'string', default: '64' },
    only: { type: 'string', default: '' },
    models: { type: 'string', default: path.join(tmpdir(), 'gtr-bench-models') },
  },
});
const [repeats, rows, tokens] = [options.repeats, options.rows, options.tokens].map(Number);
/** Image tokens and words. */
const PROMPT_TOKENS = 128;

const checkpoint = await openRandomLlava(options.models, 'smolvlm-256m', 'F32');
const requests = new Requests(checkpoint.config, PROMPT_TOKENS, drawnGrid(checkpoint.config));
const engine = OnnxPolicyEngine.open({
  checkpoint,
  scope: { kind: 'lora', rank: 16, alpha: 32, dropout: 0, parts: ['language_model'] },
  valueHead: [32],
  lanes: 1,
  rowsPerShard: rows,
  rowsPerSample: rows,
});
await engine.setParameters(engine.initialParameters(1));
const training = requests.gradient({ ppo: 0, sft: rows, shortest: tokens, longest: tokens });
const [sampling, first] = [requests.sample(rows, tokens), requests.sample(rows, 1)];
const CASES = {
  training: () => engine.gradients(training),
  sampling: () => engine.sample(sampling),
  'first token': () => engine.sample(first),
};
const pytorch =
  options.python === undefined
    ? null
    : new AnsweringProcess(
        options.python,
        path.join(import.meta.dirname, 'vlm-pytorch.py'),
        [checkpoint.folder, String(rows), String(PROMPT_TOKENS), String(tokens)],
        { ...COMPARISON_ENVIRONMENT, OMP_NUM_THREADS: '1', MKL_NUM_THREADS: '1' },
      );
const theirVersions = pytorch === null ? '' : `, ${String(await pytorch.answer())}`;
console.log(`${rows} rows, ${PROMPT_TOKENS} + ${tokens} tokens, one thread${theirVersions}`);
for (const [name, work] of Object.entries(CASES)) {
  if (!name.includes(options.only)) continue;
  const [ours, theirs] = [[Infinity], [Infinity]];
  // The first run makes the session.
  for (let repeat = 0; repeat <= repeats; repeat++) {
    const own = await seconds(async () => void (await work()));
    const other = pytorch === null ? NaN : ((await pytorch.ask(name)) as { cpu: number }).cpu;
    if (repeat === 0) continue;
    ours.push(own.cpu);
    theirs.push(other);
  }
  const [own, other] = [Math.min(...ours), Math.min(...theirs)];
  const beside =
    pytorch === null ? '' : `, transformers ${other.toFixed(2)}, ours / theirs ${(own / other).toFixed(2)}`;
  console.log(`${name}: ours ${own.toFixed(2)} s${beside}`);
}
await pytorch?.close();
await engine.close();
