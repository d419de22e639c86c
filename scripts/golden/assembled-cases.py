"""Writes test/golden/assemble: tiny language and vision models, and what transformers computes with the checkpoints
that `gtr assemble` makes of them.

usage: python scripts/golden/assembled-cases.py [CASE...]
(pip install torch transformers safetensors pillow; made with torch 2.15.0, transformers 5.24.0; node on PATH)
"""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import torch
from PIL import Image
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoModelForCausalLM,
    AutoProcessor,
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPVisionConfig,
    CLIPVisionModel,
    LlamaConfig,
    LlamaForCausalLM,
    LlavaForConditionalGeneration,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    SiglipConfig,
    SiglipImageProcessor,
    SiglipModel,
)

PROJECT = pathlib.Path(__file__).parents[2]
OUT = PROJECT / "test" / "golden" / "assemble"
TEXTS = ["You are playing a game. Two cards make 12.", '{"cards": ["4", "8"], "action": "+"}'] * 4
TEMPLATE = (
    "{% for message in messages %}{{ '<|start|>' + message['role'] + '\\n' + message['content'] + '<|end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start|>assistant\\n' }}{% endif %}"
)
PROMPT = ("Look: ", " what do the cards make?")
RESPONSE = '{"cards": ["4", "8"]}'
TEXT = dict(
    hidden_size=32,
    intermediate_size=48,
    num_hidden_layers=2,
    num_attention_heads=4,
    max_position_embeddings=128,
    bos_token_id=None,
    eos_token_id=1,
    pad_token_id=1,
)
VISION = dict(
    hidden_size=16, intermediate_size=24, num_hidden_layers=3, num_attention_heads=2, image_size=28, patch_size=7
)


def tokenizer(image_token):
    content = Tokenizer(models.BPE())
    content.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    content.decoder = decoders.ByteLevel()
    special = [
        AddedToken(text, special=True, normalized=False)
        for text in ["<|start|>", "<|end|>"] + (["<image>"] if image_token else [])
    ]
    content.train_from_iterator(
        TEXTS,
        trainers.BpeTrainer(
            vocab_size=300, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
        ),
    )
    fast = PreTrainedTokenizerFast(tokenizer_object=content, eos_token="<|end|>", pad_token="<|end|>")
    fast.chat_template = TEMPLATE
    return fast


def randomised(model, dtype):
    for parameter in model.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.3)
        else:
            torch.nn.init.normal_(parameter, mean=0.0 if parameter.abs().sum() == 0 else 1.0, std=0.2)
    return model.to(dtype)


def language(kind, vocab_size):
    if kind == "llama":
        return LlamaForCausalLM(
            LlamaConfig(
                **TEXT, num_key_value_heads=2, vocab_size=vocab_size, tie_word_embeddings=True, attention_bias=True
            )
        )
    if kind == "mistral":
        return MistralForCausalLM(MistralConfig(**TEXT, num_key_value_heads=1, vocab_size=vocab_size, sliding_window=8))
    return Qwen2ForCausalLM(Qwen2Config(**TEXT, num_key_value_heads=2, vocab_size=vocab_size, tie_word_embeddings=True))


def vision(kind):
    square = dict(height=28, width=28)
    if kind == "clip":
        text = dict(hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, vocab_size=8)
        return CLIPModel(CLIPConfig(text_config=text, vision_config=VISION)), CLIPImageProcessor(
            size=dict(shortest_edge=28), crop_size=square
        )
    if kind == "clip-vision":
        return CLIPVisionModel(CLIPVisionConfig(**VISION)), CLIPImageProcessor(
            size=dict(shortest_edge=28), crop_size=square
        )
    text = dict(hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, vocab_size=8)
    return SiglipModel(SiglipConfig(text_config=text, vision_config=VISION)), SiglipImageProcessor(size=square)


# Language model, vision model (llava: the vision tower of a built-in model), type, whether the tokenizer has an image
# token, and whether the vocabulary has room for one.
CASES = {
    "llama-clip": ("llama", "clip", torch.bfloat16, False, 0),
    "mistral-clip-vision": ("mistral", "clip-vision", torch.float32, True, 0),
    "mistral-llava": ("mistral", "llava", torch.float32, False, 3),
    "qwen2-siglip": ("qwen2", "siglip", torch.float32, False, 20),
}


def make(name, folder):
    torch.manual_seed(sum(map(ord, name)))
    text_kind, vision_kind, dtype, image_token, room = CASES[name]
    fast = tokenizer(image_token)
    text = randomised(language(text_kind, len(fast) + room), dtype)
    text.save_pretrained(folder / "language")
    fast.save_pretrained(folder / "language")
    eyes = folder / "vision"
    if vision_kind == "llava":
        eyes = PROJECT / "models" / "points24-tiny"
    else:
        model, processor = vision(vision_kind)
        randomised(model, dtype).save_pretrained(eyes)
        processor.save_pretrained(eyes)
    with tempfile.TemporaryDirectory() as temporary:
        out = pathlib.Path(temporary) / "assembled"
        subprocess.run(
            [
                "sh",
                "scripts/node.sh",
                "cli/main.ts",
                "assemble",
                "--language",
                folder / "language",
                "--vision",
                eyes,
                "--out",
                out,
                "--seed",
                "7",
            ],
            cwd=PROJECT,
            check=True,
        )
        record(name, folder, out)


def record(name, folder, out):
    text = AutoModelForCausalLM.from_pretrained(folder / "language", dtype=torch.float32)
    model, report = LlavaForConditionalGeneration.from_pretrained(out, dtype=torch.float32, output_loading_info=True)
    assert not any(report.values()), report
    processor = AutoProcessor.from_pretrained(out, backend="pil")
    picture = Image.effect_mandelbrot((40, 36), (-2, -1.4, 0.6, 1.2), 60).convert("RGB")
    content = [
        {"type": "text", "text": PROMPT[0]},
        {"type": "image", "image": picture},
        {"type": "text", "text": PROMPT[1]},
    ]
    prompt = processor.apply_chat_template(
        [{"role": "user", "content": content}],
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
    )
    prompt_ids = prompt["input_ids"][0].tolist()
    response_ids = processor.tokenizer(RESPONSE, add_special_tokens=False)["input_ids"]
    with torch.no_grad():
        logits = model(
            input_ids=torch.tensor([prompt_ids + response_ids]), pixel_values=prompt["pixel_values"].float()
        ).logits[0]
        # Text without a picture: the language model alone.
        same = (
            text(input_ids=torch.tensor([response_ids])).logits
            - model(input_ids=torch.tensor([response_ids])).logits[..., : text.config.vocab_size]
        )
    assert same.abs().max() < 1e-4, same.abs().max()
    logprobs = logits.log_softmax(-1)[len(prompt_ids) - 1 : -1].gather(1, torch.tensor(response_ids)[:, None])[:, 0]
    save_file(
        {"logprobs": logprobs.contiguous(), "pixels": prompt["pixel_values"][0].float().contiguous()},
        folder / "golden.safetensors",
    )
    picture.save(folder / "picture.png")
    facts = dict(
        prompt="<image>".join(PROMPT),
        prompt_ids=prompt_ids,
        response=RESPONSE,
        response_ids=response_ids,
        vocab_size=model.config.text_config.vocab_size,
    )
    (folder / "golden.json").write_text(json.dumps(facts) + "\n")
    print(
        name,
        "ids",
        len(prompt_ids),
        "+",
        len(response_ids),
        "vocabulary",
        facts["vocab_size"],
        "words alone",
        float(same.abs().max()),
    )


for name in sys.argv[1:] or CASES:
    folder = OUT / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    make(name, folder)
