"""The same work as bench/engine.ts in PyTorch and transformers, on one thread.

pip install torch==2.11.0 transformers==5.23.0
python bench/engine-pytorch.py [--repeats 3]
"""
import argparse, json, pathlib, random, time
import torch
from transformers import LlavaConfig, LlavaForConditionalGeneration

STEPS, EPOCHS, SAMPLES_PER_STEP, ENVIRONMENTS = 512, 2, 32, 32
SHORTEST, LONGEST, SPECIAL, IMAGE_TOKEN = 39, 44, 4, 3

arguments = argparse.ArgumentParser()
arguments.add_argument("--repeats", type=int, default=3)
arguments.add_argument("--rows-per-pass", type=int, default=16)
options = arguments.parse_args()
torch.set_num_threads(1)
torch.manual_seed(1)
random.seed(1)

model_config = json.loads((pathlib.Path(__file__).parent.parent / "configs/sft-points24-tiny.json").read_text())["model"]
vocabulary = SPECIAL + len(model_config["pieces"])
architecture = model_config["architecture"]
architecture["image_token_index"] = architecture["image_token_id"] = IMAGE_TOKEN
architecture["text_config"] |= {"vocab_size": vocabulary, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
model = LlavaForConditionalGeneration(LlavaConfig(**architecture)).train()
value_head = torch.nn.Sequential(torch.nn.Linear(96, 64), torch.nn.ReLU(), torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 1))
parameters = [*model.parameters(), *value_head.parameters()]

words = lambda count: [random.randrange(SPECIAL, vocabulary) for _ in range(count)]
prompt = lambda: [1] + [IMAGE_TOKEN] * 16 + words(13)
PROMPT = 30


def batch(ppo_rows, sft_rows):
    """Rows sorted by length and cut into passes, as the engine does."""
    rows = [(prompt(), words(random.randint(SHORTEST, LONGEST)), index < ppo_rows, index) for index in range(ppo_rows + sft_rows)]
    rows.sort(key=lambda row: -len(row[1]))
    pixels = torch.rand(len(rows), 3, 64, 64) * 2 - 1
    passes = []
    for start in range(0, len(rows), options.rows_per_pass):
        part = rows[start : start + options.rows_per_pass]
        longest = max(len(response) for _, response, _, _ in part)
        ids = torch.tensor([p + r + [0] * (longest - len(r)) for p, r, _, _ in part])
        mask = torch.tensor([[1.0] * len(r) + [0.0] * (longest - len(r)) for _, r, _, _ in part])
        passes.append((ids, mask, torch.tensor([is_ppo for _, _, is_ppo, _ in part]), pixels[[index for _, _, _, index in part]]))
    return passes


def step(passes, ppo_rows, sft_rows):
    """PPO and SFT losses of one optimizer step, gradients accumulated. Rows are padded on the right, which a causal decoder needs no mask for."""
    for ids, mask, is_ppo, pixels in passes:
        kept = mask.shape[1]
        hidden = model.model(input_ids=ids[:, :-1], pixel_values=pixels, use_cache=False).last_hidden_state[:, -kept:]
        logits = model.lm_head(hidden)
        targets = ids[:, PROMPT:, None]
        loss = 0.0
        if is_ppo.any():
            logprob = (torch.log_softmax(logits[is_ppo] / 0.2, -1).gather(-1, targets[is_ppo])[..., 0] * mask[is_ppo] * 0.5).sum(1)
            value = value_head(hidden[is_ppo, 0])[:, 0]
            ratio = (logprob - logprob.detach() - 0.01).exp()
            surrogate = torch.min(ratio, ratio.clamp(0.9, 1.1))
            loss = loss + (-surrogate + 0.25 * (value - 1) ** 2).sum() / ppo_rows
        if not is_ppo.all():
            chosen = mask[~is_ppo]
            picked = torch.log_softmax(logits[~is_ppo], -1).gather(-1, targets[~is_ppo])[..., 0]
            loss = loss - (picked * chosen / chosen.sum(1, keepdim=True)).sum() / sft_rows
        loss.backward()
    for parameter in parameters:
        parameter.grad = None


def update(batches, ppo_rows, sft_rows):
    for _ in range(EPOCHS):
        for passes in batches:
            step(passes, ppo_rows, sft_rows)


def rollout(ids, pixels):
    with torch.no_grad():
        for _ in range(STEPS // ENVIRONMENTS):
            model.generate(input_ids=ids, pixel_values=pixels, attention_mask=torch.ones_like(ids), do_sample=True, temperature=1.0, repetition_penalty=1.2, max_new_tokens=LONGEST, min_new_tokens=LONGEST)


def measure(name, run):
    wall = cpu = float("inf")
    for repeat in range(options.repeats + 1):
        start, used = time.perf_counter(), time.process_time()
        run()
        if repeat > 0:
            wall, cpu = min(wall, time.perf_counter() - start), min(cpu, time.process_time() - used)
    print(f"{name:46}  {wall:.2f} s wall, {cpu:.2f} s CPU", flush=True)


print(f"torch {torch.__version__}, {sum(p.numel() for p in parameters)} parameters")
prompts = torch.tensor([prompt() for _ in range(ENVIRONMENTS)])
measure(f"rollout, {STEPS} steps of {LONGEST} tokens", lambda: rollout(prompts, torch.rand(ENVIRONMENTS, 3, 64, 64)))
steps = STEPS // SAMPLES_PER_STEP
ppo = [batch(SAMPLES_PER_STEP, 0) for _ in range(steps)]
measure(f"update, {STEPS} steps x {EPOCHS} epochs, PPO", lambda: update(ppo, SAMPLES_PER_STEP, 0))
both = [batch(SAMPLES_PER_STEP, SAMPLES_PER_STEP) for _ in range(steps)]
measure(f"update, {STEPS} steps x {EPOCHS} epochs, PPO + SFT", lambda: update(both, SAMPLES_PER_STEP, SAMPLES_PER_STEP))

# The decoder of 1.1 M parameters: the vision tower runs once per row here too.
architecture["text_config"] |= {"hidden_size": 128, "intermediate_size": 344, "num_hidden_layers": 4, "head_dim": 32}
large = LlavaForConditionalGeneration(LlavaConfig(**architecture)).train()
large_prompt = lambda text: [1] + [IMAGE_TOKEN] * 16 + words(text - 1)
ids = torch.tensor([large_prompt(148) + words(60) for _ in range(16)])
pixels = torch.rand(16, 3, 64, 64) * 2 - 1


def train_step():
    for start in range(0, 16, 4):
        part = ids[start : start + 4]
        hidden = large.model(input_ids=part[:, :-1], pixel_values=pixels[start : start + 4], use_cache=False).last_hidden_state[:, -60:]
        logits = large.lm_head(hidden)
        (torch.nn.functional.cross_entropy(logits.flatten(0, 1), part[:, -60:].flatten()) / 4).backward()
    for parameter in large.parameters():
        parameter.grad = None


def large_sampling():
    prompts = ids[:, :124]
    with torch.no_grad():
        large.generate(input_ids=prompts, pixel_values=pixels, attention_mask=torch.ones_like(prompts), do_sample=True, temperature=1.0, repetition_penalty=1.2, max_new_tokens=100, min_new_tokens=100)


measure("1 M decoder, train step 16 x 224, loss on 60", train_step)
measure("1 M decoder, 16 prompts of 124, 100 tokens", large_sampling)
