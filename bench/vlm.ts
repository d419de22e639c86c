/**
 * A SmolVLM-256M-shaped model with random weights beside transformers + peft (bench/vlm-pytorch.py) in one run: a
 * training step with LoRA and sampling, one thread each, CPU seconds, the least of the repeats, in turns.
 *
 * npm run bench -- vlm --python PATH [--repeats 2] [--rows 2] [--tokens 32] [--models DIR]
 */
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { OnnxPolicyEngine } from '../core/policy/onnx-policy-engine.ts';
import { drawnGrid, openRandomLlava } from './engine/random-llava.ts';
import { Requests } from './engine/requests.ts';

const { values: options } = parseArgs({
  options: {
    python: { type: 'string' },
    repeats: { type: 'string', default: '2' },
    rows: { type: 'string', default: '2' },
    tokens: { type: 'string', default: '32' },
    models: { type: 'string', default: path.join(tmpdir(), 'gtr-bench-models') },
  },
});
const [repeats, rows, tokens] = [options.repeats, options.rows, options.tokens].map(Number);
/** Image tokens and words. */
const PROMPT_TOKENS = 128;

const checkpoint = await openRandomLlava(options.models, 'smolvlm-256m', 'F32');
const grid = drawnGrid(checkpoint.config);
const requests = new Requests(checkpoint.config, PROMPT_TOKENS, grid);
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
const sampling = requests.sample(rows, tokens);

const ours = {
  training: await least(() => engine.gradients(training)),
  sampling: await least(() => engine.sample(sampling)),
};
await engine.close();
for (const [what, seconds] of Object.entries(ours)) console.log(`${what}: ours ${seconds.toFixed(2)} s`);
if (options.python !== undefined) {
  const script = path.join(import.meta.dirname, 'vlm-pytorch.py');
  const asked = [checkpoint.folder, options.repeats, options.rows, String(PROMPT_TOKENS), options.tokens];
  const theirs = JSON.parse(
    execFileSync(options.python, [script, ...asked], {
      encoding: 'utf8',
      env: { ...process.env, OMP_NUM_THREADS: '1', MKL_NUM_THREADS: '1' },
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
  ) as typeof ours;
  for (const what of ['training', 'sampling'] as const)
    console.log(
      `${what}: transformers + peft ${theirs[what].toFixed(2)} s, ours / theirs ` +
        `${(ours[what] / theirs[what]).toFixed(2)}`,
    );
}

/** CPU seconds of the process, the least of the repeats, after one run that makes the session. */
async function least(work: () => Promise<unknown>): Promise<number> {
  await work();
  let best = Infinity;
  for (let repeat = 0; repeat < repeats; repeat++) {
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / 1e6);
  }
  return best;
}
