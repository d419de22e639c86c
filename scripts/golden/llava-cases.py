"""Writes reference checkpoints for `gtr conformance llava`: small random LLaVA models that differ in the ways users'
checkpoints do, and what transformers, peft and torch compute from them.

usage: python scripts/golden/llava-cases.py [OUT_DIR [CASE...]]
       python scripts/golden/llava-cases.py OUT_DIR --exported NAME MODEL_DIR [ADAPTER_DIR]
(pip install torch transformers peft safetensors; made with 2.11.0, 5.23.0, 0.21.2; default test/golden/llava, all)
"""

import json
import os
import shutil
import sys
from contextlib import nullcontext
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration, MistralConfig

SEVEN = r".*language_model.*\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)"
OLD_NAMES = lambda name: name.replace("vision_tower.", "vision_tower.vision_model.")
MODULES = lambda name: (
    ("model." + name)
    .replace("model.language_model.lm_head", "lm_head")
    .replace("language_model.model.", "language_model.")
)
CASES = {
    # heads whose size does not divide the hidden size, a window shorter than prompt and response, half precision,
    # shards with the names of transformers 4 and its place of rope_theta, a padded vocabulary
    "mistral-window": dict(
        kind="mistral",
        dtype="float16",
        names=OLD_NAMES,
        shards=True,
        text=dict(head_dim=10, num_key_value_heads=2, sliding_window=9, vocab_size=72),
        theta=50000.0,
        old_theta=True,
        targets=r".*language_model.*\.(q_proj|v_proj)",
    ),
    # biases, tied embeddings of which the file contains only the head, several feature layers, the class token, other
    # activations, no bias in the projector, Llama 3's positions, two end-of-sequence tokens
    "llama-scaled": dict(
        kind="llama",
        dtype="bfloat16",
        text=dict(
            attention_bias=True,
            mlp_bias=True,
            num_key_value_heads=1,
            eos_token_id=[2, 5],
            rope_parameters={
                "rope_type": "llama3",
                "rope_theta": 10000.0,
                "factor": 4.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
                "original_max_position_embeddings": 24,
            },
        ),
        llava=dict(
            tie_word_embeddings=True,
            vision_feature_layer=[-3, -1],
            vision_feature_select_strategy="full",
            projector_hidden_act="quick_gelu",
            multimodal_projector_bias=False,
        ),
        vision=dict(hidden_act="gelu"),
        only_head=True,
    ),
    # LLaVA 1.6 with module names, linearly scaled positions, a rank-stabilised adapter also on the vision tower, the
    # projector and the head
    "next-linear": dict(
        kind="llama",
        dtype="float32",
        names=MODULES,
        text=dict(rope_parameters={"rope_type": "linear", "rope_theta": 10000.0, "factor": 4.0}),
        next=True,
        targets=r".*(q_proj|v_proj|fc1|linear_2|gate_proj|lm_head)",
        rslora=True,
    ),
}
ROWS, BEFORE, AFTER, RESPONSE, GREEDY, SPLIT, RANK = 3, 3, 5, 8, 16, 5, 2


def make(
    out,
    name,
    kind,
    dtype,
    names=lambda name: name,
    shards=False,
    text={},
    llava={},
    vision={},
    theta=10000.0,
    old_theta=False,
    only_head=False,
    next=False,
    targets=SEVEN,
    rslora=False,
):
    torch.manual_seed(sum(map(ord, name)))
    torch.set_num_threads(1)
    tied = llava.get("tie_word_embeddings", False)
    text = (
        dict(
            vocab_size=64,
            hidden_size=24,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=40,
            rms_norm_eps=1e-5,
            max_position_embeddings=256,
            pad_token_id=0,
            bos_token_id=1,
            eos_token_id=2,
            initializer_range=0.2,
            rope_parameters={"rope_type": "default", "rope_theta": theta},
            tie_word_embeddings=tied,
        )
        | text
    )
    vision = CLIPVisionConfig(
        **dict(
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=3,
            num_attention_heads=2,
            image_size=24,
            patch_size=8,
            projection_dim=16,
        )
        | vision
    )
    config = LlavaConfig(
        vision_config=vision,
        text_config=(LlamaConfig if kind == "llama" else MistralConfig)(**text),
        image_token_index=60,
        **llava,
    )
    config._attn_implementation = "eager"
    model = LlavaForConditionalGeneration(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    folder = os.path.join(out, name)
    os.makedirs(folder, exist_ok=True)
    model = model.to(getattr(torch, dtype))
    model.save_pretrained(folder)
    # Read back: a live model that is cast to half a width rounds its rotary frequencies too, a loaded one does not.
    model = LlavaForConditionalGeneration.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    relayout(folder, names, shards, only_head, next, config.text_config.hidden_size, old_theta)
    json.dump(
        {
            "image_processor_type": "CLIPImageProcessor",
            "size": {"shortest_edge": 24},
            "crop_size": {"height": 24, "width": 24},
        },
        open(f"{folder}/preprocessor_config.json", "w"),
        indent=1,
    )

    adapted = get_peft_model(
        model,
        LoraConfig(
            r=RANK,
            lora_alpha=2 * RANK,
            lora_dropout=0.0,
            target_modules=targets,
            use_rslora=rslora,
            task_type="CAUSAL_LM",
        ),
    ).eval()
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter_name, parameter in adapted.named_parameters():
            if "lora_B" in parameter_name:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.1)
    adapted.save_pretrained(folder)
    head = torch.nn.Sequential(torch.nn.Linear(24, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1))
    save_file(dict(head.state_dict()), f"{folder}/value_head.safetensors")
    os.remove(f"{folder}/README.md")
    record(folder, name, adapted, head)


def exported(out, name, base, adapter=None):
    """A case from the output of `gtr export`: a merged folder, or a base and a trained adapter, opened by transformers
    and peft."""
    folder = os.path.join(out, name)
    shutil.copytree(base, folder)
    if adapter:
        shutil.copytree(adapter, folder, dirs_exist_ok=True)
    stored = LlavaForConditionalGeneration.from_pretrained(base, attn_implementation="eager")
    model = stored.float().eval()
    if adapter:
        model = PeftModel.from_pretrained(model, adapter, is_trainable=True).eval()
    weights = load_file(f"{folder}/value_head.safetensors")
    layers = [torch.nn.Linear(*reversed(tensor.shape)) for key, tensor in weights.items() if key.endswith("weight")]
    head = torch.nn.Sequential(*[module for layer in layers for module in (layer, torch.nn.ReLU())][:-1])
    head.load_state_dict(weights)
    record(folder, name, model, head)


def record(folder, name, adapted, head):
    """Writes reference.safetensors and reference.json. `adapted` may be a model without an adapter, trained in full."""
    generator = torch.Generator().manual_seed(8)
    config = adapted.config
    size, image_token = config.vision_config.image_size, config.image_token_index
    words = lambda count: torch.randint(6, 59, (ROWS, count), generator=generator)
    patches = (size // config.vision_config.patch_size) ** 2 + (config.vision_feature_select_strategy == "full")
    pixels = torch.randn(ROWS, 3, size, size, generator=generator)
    ids = torch.cat(
        [torch.ones(ROWS, 1, dtype=torch.long), words(BEFORE), torch.full((ROWS, patches), image_token), words(AFTER)],
        1,
    )
    full, prompt = torch.cat([ids, words(RESPONSE)], 1), ids.shape[1]
    run = lambda model: model(
        input_ids=full, pixel_values=pixels, attention_mask=torch.ones_like(full), output_hidden_states=True
    )
    ref = {"pixel_values": pixels, "prompt_ids": ids.int(), "full_ids": full.int()}
    peft = isinstance(adapted, PeftModel)
    with torch.no_grad(), adapted.disable_adapter() if peft else nullcontext():
        base = run(adapted)
        features = (adapted.base_model.model if peft else adapted).model.get_image_features(pixel_values=pixels)
        ref |= {
            "base_logits": base.logits,
            "base_last_hidden": base.hidden_states[-1],
            "image_features": torch.stack(list(getattr(features, "pooler_output", features))),
        }

    temperature, coefficient = 0.7, 0.5
    after = run(adapted)
    picked = lambda logits: torch.log_softmax(logits, -1).gather(-1, full[:, prompt:, None])[..., 0]
    tokens = picked(after.logits[:, prompt - 1 : -1] / temperature)
    logprob = coefficient * tokens[:, :SPLIT].sum(1) + tokens[:, SPLIT:].sum(1)
    value = head(after.hidden_states[-1][:, prompt - 1])[:, 0]
    noise, advantage, returns, old_value = (torch.randn(ROWS, generator=generator) for _ in range(4))
    old = logprob.detach() + 0.15 * noise
    ratio = (logprob - old).exp()
    action = -torch.min(ratio * advantage, ratio.clamp(0.9, 1.1) * advantage).mean()
    clipped = old_value + (value - old_value).clamp(-0.1, 0.1)
    value_loss = 0.5 * torch.max((value - returns) ** 2, (clipped - returns) ** 2).mean()
    sft = -picked(after.logits[:, prompt - 1 : -1])[:, :SPLIT].mean()
    ref |= {
        "lora_logits": after.logits,
        "token_logprobs": tokens,
        "action_logprob": logprob,
        "value": value,
        "old_logprob": old,
        "advantage": advantage,
        "returns": returns,
        "old_value": old_value,
        "ppo_action_loss": action[None],
        "ppo_value_loss": value_loss[None],
        "sft_loss": sft[None],
    }
    trained = [
        (n.replace("base_model.model.", "").replace(".default", ""), p)
        for n, p in adapted.named_parameters()
        if p.requires_grad
    ] + [("value_head." + n, p) for n, p in head.named_parameters()]
    for tag, loss in (("ppo", action + 0.5 * value_loss), ("sft", sft)):
        for (parameter_name, _), gradient in zip(
            trained, torch.autograd.grad(loss, [p for _, p in trained], retain_graph=True, allow_unused=True)
        ):
            if gradient is not None:
                ref[f"grad.{tag}.{parameter_name}"] = gradient
    with torch.no_grad():
        ref["greedy_ids"] = adapted.generate(
            input_ids=ids,
            pixel_values=pixels,
            attention_mask=torch.ones_like(ids),
            do_sample=False,
            max_new_tokens=GREEDY,
            repetition_penalty=1.2,
        )[:, prompt:].int()
    save_file({key: tensor.detach().contiguous() for key, tensor in ref.items()}, f"{folder}/reference.safetensors")
    json.dump(
        {
            "case": name,
            "prompt_len": prompt,
            "image_tokens": patches,
            "temperature": temperature,
            "thought_coefficient": coefficient,
            "thought_tokens": SPLIT,
            "ppo_clip": 0.1,
            "value_loss_coefficient": 0.5,
            "repetition_penalty": 1.2,
            "greedy_max_new_tokens": GREEDY,
        },
        open(f"{folder}/reference.json", "w"),
        indent=1,
    )
    print(
        name,
        "sequence",
        full.shape[1],
        "gradients",
        sum(key.startswith("grad.") for key in ref),
        "greedy",
        ref["greedy_ids"].tolist(),
    )


def relayout(folder, names, shards, only_head, next, hidden, old_theta):
    """The files as another release or tool would have written them."""
    weights = {names(name): tensor for name, tensor in load_file(f"{folder}/model.safetensors").items()}
    config = json.load(open(f"{folder}/config.json"))
    if only_head:
        weights["language_model.lm_head.weight"] = weights.pop("language_model.model.embed_tokens.weight")
    if next:
        weights["model.image_newline"] = torch.randn(hidden)
        config |= {
            "model_type": "llava_next",
            "architectures": ["LlavaNextForConditionalGeneration"],
            "image_grid_pinpoints": [[24, 48]],
        }
    if old_theta:
        config["text_config"]["rope_theta"] = config["text_config"].pop("rope_parameters")["rope_theta"]
    json.dump(config, open(f"{folder}/config.json", "w"), indent=1)
    if not shards:
        return save_file(weights, f"{folder}/model.safetensors", metadata={"format": "pt"})
    os.remove(f"{folder}/model.safetensors")
    halves = [sorted(weights)[0::2], sorted(weights)[1::2]]
    files = [f"model-0000{n}-of-00002.safetensors" for n in (1, 2)]
    for file, keys in zip(files, halves):
        save_file({key: weights[key] for key in keys}, f"{folder}/{file}", metadata={"format": "pt"})
    json.dump(
        {"metadata": {}, "weight_map": {key: file for file, keys in zip(files, halves) for key in keys}},
        open(f"{folder}/model.safetensors.index.json", "w"),
    )


out, *rest = sys.argv[1:] or ["test/golden/llava"]
if rest[:1] == ["--exported"]:
    exported(out, *rest[1:])
else:
    for case in rest or CASES:
        make(out, case, **CASES[case])
