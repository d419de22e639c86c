/** The engine against transformers, peft and torch: recorded checkpoints, one of them committed here. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { conformLlava, openReferenceCase, referenceFolders } from '../../core/policy/conformance-llava.ts';

const golden = path.resolve(import.meta.dirname, '../golden/llava');
const shared = path.resolve(import.meta.dirname, '../../../shared/llava-reference');
const folders = [golden, ...(existsSync(shared) ? [shared] : [])].flatMap(referenceFolders);

for (const folder of folders) {
  test(
    `${path.basename(path.dirname(folder))}/${path.basename(folder)}: features, logits, log-probs, values, ` +
      `losses, every gradient, greedy ids`,
    async (t) => {
      const lines = await conformLlava(openReferenceCase(folder));
      t.deepEqual(
        lines.filter(({ passed }) => !passed),
        [],
      );
      for (const quantity of [
        'image_features',
        'base_logits',
        'base_last_hidden',
        'lora_logits',
        'token_logprobs',
        'action_logprob',
        'value',
        'ppo_action_loss',
        'ppo_value_loss',
        'sft_loss',
        'greedy_ids',
      ]) {
        t.true(
          lines.some((line) => line.quantity === quantity),
          quantity,
        );
      }
      t.true(lines.filter(({ quantity }) => quantity.startsWith('grad.')).length >= 20);
    },
  );
}
