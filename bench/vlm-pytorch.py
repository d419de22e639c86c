"""A training step with LoRA and sampling of an Idefics3 or SmolVLM checkpoint (bench/vlm.ts): each line on stdin names
what to do once; the answer is its CPU seconds.

usage: python vlm-pytorch.py FOLDER ROWS PROMPT_TOKENS NEW_TOKENS   (pip install torch transformers peft)
"""

import json, resource, sys, warnings
import peft, torch, transformers
from peft import LoraConfig, get_peft_model

warnings.simplefilter("ignore")
transformers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()
torch.set_num_threads(1)
folder, rows, prompt, tokens = sys.argv[1], *map(int, sys.argv[2:])
model = transformers.AutoModelForImageTextToText.from_pretrained(
    folder, dtype=torch.float32, attn_implementation="sdpa"
)
config = model.config
vision = config.vision_config
image = (vision.image_size // vision.patch_size // config.scale_factor) ** 2
model = get_peft_model(
    model,
    LoraConfig(
        r=16,
        lora_alpha=32,
        bias="none",
        task_type="CAUSAL_LM",
        target_modules=r".*text_model.*\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)",
    ),
)
g = torch.Generator().manual_seed(1)
words = lambda n: torch.randint(8, 400, (rows, n), generator=g)
ids = torch.cat([words(1), torch.full((rows, image), config.image_token_id), words(prompt - image - 1)], 1)
pixels = torch.rand(rows, 1, 3, vision.image_size, vision.image_size, generator=g) * 2 - 1
mask = torch.ones(rows, 1, vision.image_size, vision.image_size, dtype=torch.long)


def train():
    full = torch.cat([ids, words(tokens)], 1)
    logits = model(
        input_ids=full,
        attention_mask=torch.ones_like(full),
        pixel_values=pixels,
        pixel_attention_mask=mask,
        logits_to_keep=tokens + 1,
    ).logits[:, :-1]
    loss = torch.nn.functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), full[:, prompt:].reshape(-1))
    loss.backward()
    model.zero_grad()


def sample(count):
    with torch.no_grad():
        model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            pixel_values=pixels,
            pixel_attention_mask=mask,
            do_sample=True,
            temperature=1.0,
            repetition_penalty=1.2,
            min_new_tokens=count,
            max_new_tokens=count,
        )


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


WORK = {"training": train, "sampling": lambda: sample(tokens), "first token": lambda: sample(1)}
print(
    json.dumps(f"torch {torch.__version__}, transformers {transformers.__version__}, peft {peft.__version__}"),
    flush=True,
)
for line in sys.stdin:
    before = cpu()
    WORK[line.strip()]()
    print(json.dumps({"cpu": cpu() - before}), flush=True)
