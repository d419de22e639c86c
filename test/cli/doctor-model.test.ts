/** What the doctor says of checkpoints: one that fits, one that does not, one that cannot be used. */
import path from 'node:path';
import test from 'ava';
import { examineModel } from '../../cli/doctor-model.ts';

const project = path.resolve(import.meta.dirname, '../..');
const found = async (...input: Parameters<typeof examineModel>) =>
  new Map((await examineModel(...input)).map(({ name, ok, found }) => [name, { ok, found }]));

test('the built-in model with the quickstart', async (t) => {
  const findings = await found(path.join(project, 'models/points24-tiny'), 'quickstart', []);
  t.deepEqual(
    [...findings.keys()],
    ['Model', 'Parameters', 'Tokenizer', 'Images', 'Sampling', 'Updating', 'Memory', 'Disk'],
  );
  t.true([...findings.values()].every(({ ok }) => ok));
  t.regex(
    findings.get('Model')!.found,
    /^LLaVA; Llama decoder: 3 layers of 96, 4 heads \(4 of keys and values\), vocabulary 148, tied; CLIP tower: 1 layers of 64, 64 px in patches of 16, .* with a value head/,
  );
  t.regex(
    findings.get('Parameters')!.found,
    /^462,624 in all \(1\.8 MiB of F32, left in their files\); 470,945 trained \(everything and the value head\)$/,
  );
  // 1 + 16 image tokens + 12 slots; responses of 72 tokens.
  t.regex(findings.get('Updating')!.found, /^16 rows of 29 \+ 72 tokens: .* activations; .* for gradients and Adam$/);
});

test('a stated limit that the run exceeds', async (t) => {
  const { ok, found: reason } = (
    await found(path.join(project, 'models/points24-tiny'), 'quickstart', ['engine.memoryGiB=0.05'])
  ).get('Memory')!;
  t.false(ok);
  t.regex(reason, /the run takes about 0\.\d GiB \(.*\), but this machine has 51\.2 MiB; lower /);
});

test('responses that are longer than the model has positions', async (t) => {
  const { ok, found: reason } = (
    await found(path.join(project, 'models/points24-tiny'), 'quickstart', ['rollout.maxNewTokens=2000'])
  ).get('Positions')!;
  t.false(ok);
  t.is(
    reason,
    'a prompt of 29 tokens, image included, and an answer of 2000 make 2029, but the model has 256 positions ' +
      '(max_position_embeddings)',
  );
});

test("without a configuration: LoRA, of the adapter's rank where there is one; what is missing is named", async (t) => {
  const findings = await found(path.join(project, 'test/golden/llava/mistral-window'), undefined, []);
  t.regex(
    findings.get('Model')!.found,
    /Mistral decoder: .*sliding window 9; .* with an adapter of rank 2 and a value head/,
  );
  t.regex(findings.get('Parameters')!.found, /LoRA r 2 and the value head/);
  t.false(findings.get('Tokenizer')!.ok);
  t.regex(findings.get('Tokenizer')!.found, /a checkpoint needs its tokenizer\.json/);
  t.true(findings.get('Memory')!.ok);
});

test('a folder that is not a checkpoint', async (t) => {
  const findings = await found(path.join(project, 'models'), undefined, []);
  t.deepEqual([...findings.keys()], ['Model']);
  t.false(findings.get('Model')!.ok);
});
