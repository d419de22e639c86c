/** The engine against transformers, peft and torch: recorded checkpoints, one of each family committed here. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { conformVlm, openReferenceCase, referenceFolders } from '../../core/policy/conformance-vlm.ts';

const golden = ['llava', 'vlm'].map((name) => path.resolve(import.meta.dirname, '../golden', name));
const shared = ['llava-reference', 'vlm-reference'].map((name) =>
  path.resolve(import.meta.dirname, '../../../shared', name),
);
const folders = [...golden, ...shared.filter((folder) => existsSync(folder))].flatMap(referenceFolders);

for (const folder of folders) {
  test(
    `${path.basename(path.dirname(folder))}/${path.basename(folder)}: features, logits, log-probs, values, ` +
      `losses, every gradient, greedy ids`,
    async (t) => {
      const lines = await conformVlm(openReferenceCase(folder));
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
