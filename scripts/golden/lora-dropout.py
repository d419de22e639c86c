"""Writes test/golden/lora-dropout.safetensors: log-probs, values and gradients of torch, transformers and peft with
LoRA dropout and fixed masks.

usage: python scripts/golden/lora-dropout.py
(pip install torch transformers peft safetensors numpy; made with 2.11.0, 5.23.0, 0.21.2)
Model, rows and losses are those of test/golden/llava/llama-gqa-bf16; peft's dropout modules are replaced by ones that
apply the masks of core/policy/vlm/lora-dropout.ts, which this script also computes.
"""

import json
import numpy as np
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import LlavaForConditionalGeneration

CASE, RATE, SEEDS = "test/golden/llava/llama-gqa-bf16", 0.3, [7, -9223372036854775807, 81985529216486895]
RESPONSE_BUCKET = 12  # 10 response tokens are padded to 12


def philox(counter, key):
    c, k = list(counter), list(key)
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ k[0], b & 0xFFFFFFFF, (a >> 32) ^ c[3] ^ k[1], a & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


def factors(purpose, count):
    key = 0x811C9DC5
    for character in purpose:
        key = (key ^ ord(character)) * 0x01000193 & 0xFFFFFFFF
    words = [word for block in range((count + 1) // 2) for word in philox([block, 0, 0, 0], [0, key])]
    return np.array([words[2 * i] << 32 | words[2 * i + 1] | 1 for i in range(count)], dtype=np.uint64)


class Fixed(torch.nn.Module):
    def __init__(self, linear, tokens):
        super().__init__()
        self.linear, self.tokens = linear, tokens

    def forward(self, x):
        rows, tokens, inputs = x.shape
        of_rows = np.array(SEEDS, dtype=np.int64).astype(np.uint64)[:, None, None]
        draws = (
            of_rows
            * factors("dropout tokens", self.tokens)[::-1][None, :tokens, None]
            * factors("dropout columns of " + self.linear, inputs)[None, None]
        )
        kept = draws.astype(np.int64) >= np.int64(round(RATE * 2**53) * 2**11 - 2**63)
        return x * torch.from_numpy(kept) / (1 - RATE)


facts, ref = json.load(open(f"{CASE}/reference.json")), load_file(f"{CASE}/reference.safetensors")
model = PeftModel.from_pretrained(
    LlavaForConditionalGeneration.from_pretrained(CASE, dtype=torch.bfloat16).float(), CASE, is_trainable=True
)
prompt, full = facts["prompt_len"], ref["full_ids"].long()
replaced = 0
for name, module in model.named_modules():
    if hasattr(module, "lora_dropout"):
        linear = name.removeprefix("base_model.model.model.")
        module.lora_dropout["default"] = Fixed(linear, prompt + RESPONSE_BUCKET - 1)
        replaced += 1
assert replaced == 14
head = torch.nn.Sequential(
    torch.nn.Linear(80, 32), torch.nn.ReLU(), torch.nn.Linear(32, 16), torch.nn.ReLU(), torch.nn.Linear(16, 1)
)
head.load_state_dict(load_file(f"{CASE}/value_head.safetensors"))
# The reference's own model rounds rotary frequencies to bfloat16; ours are exact, so no conversion may touch them here.
rotary = model.base_model.model.model.language_model.rotary_emb
theta = model.config.text_config.rope_parameters["rope_theta"]
rotary.inv_freq = 1.0 / theta ** (
    torch.arange(0, rotary.inv_freq.numel() * 2, 2).float() / (rotary.inv_freq.numel() * 2)
)

out = model(
    input_ids=full, pixel_values=ref["pixel_values"], attention_mask=torch.ones_like(full), output_hidden_states=True
)
temperature, split = facts["temperature"], facts["thought_tokens"]
picked = lambda logits: torch.log_softmax(logits, -1).gather(-1, full[:, prompt:, None])[..., 0]
tokens = picked(out.logits[:, prompt - 1 : -1] / temperature)
logprob = facts["thought_coefficient"] * tokens[:, :split].sum(1) + tokens[:, split:].sum(1)
value = head(out.hidden_states[-1][:, prompt - 1])[:, 0]
old_logprob = logprob.detach() + torch.tensor([0.05, -0.08, 0.02])
ratio, clip = (logprob - old_logprob).exp(), facts["ppo_clip"]
action = -torch.min(ratio * ref["advantage"], ratio.clamp(1 - clip, 1 + clip) * ref["advantage"]).mean()
clipped = ref["old_value"] + (value - ref["old_value"]).clamp(-clip, clip)
value_loss = 0.5 * torch.max((value - ref["returns"]) ** 2, (clipped - ref["returns"]) ** 2).mean()
sft = -picked(out.logits[:, prompt - 1 : -1])[:, :split].mean()
(action + facts["value_loss_coefficient"] * value_loss + sft).backward()
tensors = {f"grad.{name}": parameter.grad for name, parameter in model.named_parameters() if parameter.requires_grad}
tensors |= {f"grad.value_head.{name}": parameter.grad for name, parameter in head.named_parameters()}
tensors |= {
    "logprob": logprob.detach(),
    "value": value.detach(),
    "old_logprob": old_logprob,
    "dropout_seeds": torch.tensor(SEEDS),
}
save_file(
    {name: tensor.contiguous() for name, tensor in tensors.items()},
    "test/golden/lora-dropout.safetensors",
    metadata={"rate": str(RATE)},
)
print(len(tensors), logprob, value)
