/**
 * Compares exports with transformers and PEFT: for each recorded checkpoint, policies with all parameters trained, with
 * LoRA on the decoder, and with LoRA on all parts are exported; the engine's log-probs are compared with those of
 * `merged/` in transformers, and of the source with `adapter/` in PEFT (bench/exports.py).
 *
 * npm run bench -- exports --python PATH [--cases DIR,DIR]
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { decodeSafetensors } from '../core/graph/safetensors.ts';
import { readFileSync } from 'node:fs';
import { exportPolicy } from '../core/policy/checkpoint/export-policy.ts';
import { openCheckpoint } from '../core/policy/checkpoint/open-checkpoint.ts';
import { openReferenceCase, referenceFolders } from '../core/policy/conformance-vlm.ts';
import { familyOf } from '../core/policy/families/registry.ts';
import { OnnxPolicyEngine } from '../core/policy/onnx-policy-engine.ts';
import { asParameters } from '../core/policy/trained-parameters.ts';
import type { TrainScope } from '../core/policy/vlm-config.ts';
import { RandomStream } from '../core/random/counter.ts';

const golden = path.join(import.meta.dirname, '..', 'test', 'golden');
const { values: options } = parseArgs({
  options: {
    python: { type: 'string' },
    cases: { type: 'string', default: path.join(golden, 'vlm') },
  },
});
if (options.python === undefined) {
  process.stderr.write('--python PATH: name a Python that has torch, transformers and peft.\n');
  process.exit(2);
}

const lora = { kind: 'lora', rank: 2, alpha: 4, dropout: 0 } as const;
const SCOPES: Record<string, TrainScope> = {
  everything: { kind: 'all' },
  'LoRA on the decoder': { ...lora, parts: ['language_model'] },
  'LoRA on all parts': { ...lora, parts: ['language_model', 'vision_tower', 'multi_modal_projector'] },
};
/** How far parameters are moved from their start. */
const MOVED = 0.02;
/** Allowed differences of log-probs: for float32, and for weights that were rounded to half a width once more. */
const [EXACT, ROUNDED] = [1e-4, 0.1];

type Job = {
  source: string;
  out: string;
  adapter: boolean;
  promptTokens: number;
  /** [rows * responseTokens] */
  logprobs: number[];
};

const out = mkdtempSync(path.join(tmpdir(), 'gtr-exports-'));
const jobs: (Job & { name: string; scope: string; half: boolean })[] = [];
for (const source of options.cases.split(',').flatMap(referenceFolders))
  for (const [scope, trainScope] of Object.entries(SCOPES)) jobs.push(await exported(source, scope, trainScope));
const answer = execFileSync(options.python, [path.join(import.meta.dirname, 'exports.py')], {
  input: JSON.stringify(jobs),
  encoding: 'utf8',
  stdio: ['pipe', 'pipe', 'inherit'],
});
let failed = 0;
for (const [index, { merged, adapter }] of (
  JSON.parse(answer) as { merged: number; adapter: number | null }[]
).entries()) {
  const { name, scope, half } = jobs[index];
  const tolerance = half ? ROUNDED : EXACT;
  const passed = merged <= tolerance && (adapter ?? 0) <= EXACT;
  if (!passed) failed++;
  console.log(
    `${passed ? 'ok' : 'FAILED'} ${name}, ${scope}: merged/ in transformers ${merged.toExponential(1)} (allowed ` +
      `${tolerance})${adapter === null ? '' : `, adapter/ in PEFT ${adapter.toExponential(1)} (allowed ${EXACT})`}`,
  );
}
rmSync(out, { recursive: true });
console.log(`${jobs.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

/** Exports a policy near the checkpoint, and what the engine computes with it on the recorded rows. */
async function exported(source: string, scope: string, trainScope: TrainScope): Promise<(typeof jobs)[number]> {
  const { facts } = openReferenceCase(source);
  const checkpoint = { ...openCheckpoint(source), adapter: null, valueHead: null };
  const tensors = decodeSafetensors(readFileSync(path.join(source, 'reference.safetensors')), source);
  const pictures = familyOf(checkpoint.config).recordedPictures(checkpoint.config, (name) => tensors.get(name)!);
  const { shape, data } = tensors.get('full_ids')!;
  const rows = Array.from({ length: shape[0] }, (_, image) => {
    const ids = [...data.subarray(image * shape[1], (image + 1) * shape[1])];
    return { image, promptIds: ids.slice(0, facts.prompt_len), responseIds: ids.slice(facts.prompt_len) };
  });
  const engine = OnnxPolicyEngine.open({
    checkpoint,
    scope: trainScope,
    valueHead: [4],
    lanes: 1,
    rowsPerShard: rows.length,
    rowsPerSample: rows.length,
  });
  const random = new RandomStream({ seed: 1, purpose: 'exports' });
  const policy = engine.initialParameters(1).map((value) => value + MOVED * random.normal());
  const trained = asParameters(engine.trained, policy);
  // Compares with the weights as written, in half a width.
  await engine.setParameters(policy);
  const { logprobs } = await engine.score({ rows, pictures, temperature: 1 });
  await engine.close();
  const folder = path.join(out, String(jobs.length));
  await exportPolicy(folder, checkpoint, trained, trainScope);
  return {
    name: path.basename(source),
    scope,
    half: [...checkpoint.parameters.values()].some(({ dtype }) => dtype !== 'F32'),
    source,
    out: folder,
    adapter: trainScope.kind === 'lora',
    promptTokens: facts.prompt_len,
    logprobs: logprobs.flatMap((row) => [...row]),
  };
}
