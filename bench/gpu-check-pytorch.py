"""The work of one part of bench/gpu-check.ts in transformers and peft: prints {"firstSeconds", "seconds"}.

pip install torch==2.11.0 transformers==5.23.0 peft==0.21.2 accelerate
python bench/gpu-check-pytorch.py '{"sample": 8, "config": "config.json", "device": "cuda", "promptTokens": 768,
    "responseTokens": 256, "rowsPerShard": 4, "rank": 128, "alpha": 256}'
"""

import json, random, sys, time
import torch
from peft import LoraConfig, get_peft_model
from transformers import LlavaConfig, LlavaForConditionalGeneration

part = json.loads(sys.argv[1])
device = part["device"]
if device == "cpu":
    torch.set_num_threads(1)
torch.manual_seed(1)
random.seed(1)
torch.set_default_dtype(torch.bfloat16 if device == "cuda" else torch.float32)
with torch.device(device):
    config = LlavaConfig(**json.load(open(part["config"])))
    model = LlavaForConditionalGeneration(config)
torch.set_default_dtype(torch.float32)
model = get_peft_model(
    model,
    LoraConfig(
        r=part["rank"],
        lora_alpha=part["alpha"],
        target_modules=r".*language_model.*\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)",
        task_type="CAUSAL_LM",
    ),
)
size = config.text_config.hidden_size
head = torch.nn.Sequential(
    torch.nn.Linear(size, 1024), torch.nn.ReLU(), torch.nn.Linear(1024, 512), torch.nn.ReLU(), torch.nn.Linear(512, 1)
).to(device)
image = (config.vision_config.image_size // config.vision_config.patch_size) ** 2
words = lambda count: [random.randrange(4, config.text_config.vocab_size) for _ in range(count)]
prompts = lambda rows: [
    [1] + [config.image_token_id] * image + words(part["promptTokens"] - image - 1) for _ in range(rows)
]
pixels = lambda rows: (
    torch.rand(rows, 3, config.vision_config.image_size, config.vision_config.image_size) * 2 - 1
).to(device, model.dtype)


def sample():
    rows, tokens = part["sample"], part["responseTokens"]
    ids, images = torch.tensor(prompts(rows), device=device), pixels(rows)
    model.eval()
    with torch.no_grad():
        model.generate(
            input_ids=ids,
            pixel_values=images,
            attention_mask=torch.ones_like(ids),
            do_sample=True,
            temperature=1.0,
            repetition_penalty=1.2,
            max_new_tokens=tokens,
            min_new_tokens=tokens,
        )


parameters = [p for p in [*model.parameters(), *head.parameters()] if p.requires_grad]
optimizer = torch.optim.Adam(parameters, lr=1e-5, eps=1e-7)


def update():
    """Half of the rows with a PPO loss, half supervised, layers recomputed in the backward pass."""
    rows, kept = part["update"], part["responseTokens"]
    model.train()
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    for start in range(0, rows, part["rowsPerShard"]):
        count = min(part["rowsPerShard"], rows - start)
        ids = torch.tensor([p + words(kept) for p in prompts(count)], device=device)
        inner = model.base_model.model
        hidden = inner.model(input_ids=ids[:, :-1], pixel_values=pixels(count), use_cache=False).last_hidden_state[
            :, -kept:
        ]
        logprobs = torch.log_softmax(inner.lm_head(hidden).float(), -1).gather(-1, ids[:, -kept:, None])[..., 0].sum(1)
        value = head(hidden[:, 0].float())[:, 0]
        ratio = (logprobs - logprobs.detach()).exp()
        is_ppo = torch.arange(start, start + count, device=device) < rows // 2
        loss = (
            torch.where(
                is_ppo, -torch.min(ratio, ratio.clamp(0.9, 1.1)) + 0.25 * (value - 1) ** 2, -logprobs / kept
            ).sum()
            / rows
        )
        loss.backward()
    torch.nn.utils.clip_grad_norm_(parameters, 0.01)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def timed(run):
    start = time.perf_counter()
    run()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


run = sample if "sample" in part else update
first = timed(run)
print(json.dumps({"firstSeconds": first, "seconds": timed(run)}))
