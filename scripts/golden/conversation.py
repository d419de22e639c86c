"""Writes test/golden/conversation.json: log-probs that transformers gives to an answer in a prompt of several pictures.

pip install torch==2.15.0 transformers==5.24.0
sh scripts/node.sh scripts/golden/conversation.ts rows.json && python scripts/golden/conversation.py rows.json
"""

import json
import sys
from pathlib import Path

import torch
from transformers import LlavaForConditionalGeneration

PROJECT = Path(__file__).parents[2]

model = LlavaForConditionalGeneration.from_pretrained(PROJECT / "models/frozenlake-tiny", dtype=torch.float32).eval()
golden = []
for row in json.loads(Path(sys.argv[1]).read_text()):
    pixels = torch.tensor(row["pixels"]).reshape(row["pictures"], 3, 64, 64)
    ids = torch.tensor([row["promptIds"] + row["responseIds"]])
    with torch.no_grad():
        logits = model(input_ids=ids, pixel_values=pixels, attention_mask=torch.ones_like(ids)).logits[0]
    logprobs = torch.log_softmax(logits.float(), -1)
    start = len(row["promptIds"]) - 1
    golden.append(
        {
            "promptIds": row["promptIds"],
            "pictures": row["pictures"],
            "logprobs": [round(logprobs[start + i, id].item(), 6) for i, id in enumerate(row["responseIds"])],
        }
    )
(PROJECT / "test/golden/conversation.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
