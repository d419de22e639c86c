"""Log-probs of exported policies in transformers and PEFT; bench/exports.ts sends JSON on stdin and compares."""

import json
import os
import shutil
import sys
import tempfile
import torch
import transformers
from peft import PeftModel
from safetensors.torch import load_file

transformers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()
torch.set_num_threads(1)
ADAPTER = ("adapter_config.json", "adapter_model.safetensors")


def opened(folder):
    """The model alone, in float32: from_pretrained would put an adapter of the folder on it."""
    with tempfile.TemporaryDirectory() as copy:
        for name in os.listdir(folder):
            if name not in ADAPTER:
                shutil.copy(os.path.join(folder, name), copy)
        kind = json.load(open(os.path.join(copy, "config.json")))["architectures"][0]
        model, report = getattr(transformers, kind).from_pretrained(
            copy, dtype=torch.float32, attn_implementation="eager", output_loading_info=True
        )
    assert not report["missing_keys"] and not report["unexpected_keys"] and not report["mismatched_keys"], report
    return model.eval()


def worst(model, reference, job):
    """Largest difference of a response's log-probs from the given ones."""
    ids = reference["full_ids"].long()
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "pixel_values": reference["pixel_values"]}
    for name in ("image_grid_thw", "pixel_attention_mask"):
        if name in reference:
            inputs[name] = reference[name].long()
    if "image_grid_thw" in reference:
        inputs["mm_token_type_ids"] = (ids == model.config.image_token_id).int()
    start = job["promptTokens"]
    with torch.no_grad():
        logits = model(**inputs).logits[:, start - 1 : -1]
    found = torch.log_softmax(logits, -1).gather(-1, ids[:, start:, None]).flatten()
    return (found - torch.tensor(job["logprobs"])).abs().max().item()


answers = []
for job in json.load(sys.stdin):
    reference = load_file(os.path.join(job["source"], "reference.safetensors"))
    merged = worst(opened(os.path.join(job["out"], "merged")), reference, job)
    adapted = None
    if job["adapter"]:
        adapted = worst(
            PeftModel.from_pretrained(opened(job["source"]), os.path.join(job["out"], "adapter")).eval(), reference, job
        )
    answers.append({"merged": merged, "adapter": adapted})
print(json.dumps(answers))
