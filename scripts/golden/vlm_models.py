"""Configurations, weights, pictures and older layouts of the small random models of vlm-cases.py."""

import os, json, math
import numpy as np, torch
from safetensors.torch import save_file, load_file
import transformers as tf
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil
from transformers.models.smolvlm.image_processing_pil_smolvlm import SmolVLMImageProcessorPil

VOCAB, PAD, BOS, EOS = 320, 0, 1, 2
IDS = {
    "image": 300,
    "video": 301,
    "vision_start": 302,
    "vision_end": 303,
    "fake_around_image": 304,
    "global_image": 305,
    "newline": 306,
    "double_newline": 307,
}
ROW_COL = lambda r, c: 308 + 3 * r + c  # 0-based tile row and column, at most 3 x 3
QWEN = lambda c: c["family"].startswith("qwen")
CLIP = dict(image_mean=[0.48145466, 0.4578275, 0.40821073], image_std=[0.26862954, 0.26130258, 0.27577711])
HALF = dict(image_mean=[0.5, 0.5, 0.5], image_std=[0.5, 0.5, 0.5])


def picture(width, height, seed):
    """Smooth colour gradients, a disc and a noisy rectangle: uint8 [height, width, 3]."""
    g = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width] / max(width, height)
    out = np.stack(
        [127 + 120 * np.sin(a * x * 6 + b * y * 6 + p) for a, b, p in g.uniform(-1, 1, (3, 3)) * [1, 1, 3]], -1
    )
    cx, cy, r = (
        g.uniform(0, width / max(width, height)),
        g.uniform(0, height / max(width, height)),
        g.uniform(0.08, 0.25),
    )
    out[(x - cx) ** 2 + (y - cy) ** 2 < r * r] = g.uniform(0, 255, 3)
    h, w = min(height, 48), min(width, 48)
    t, l = g.integers(0, height - h + 1), g.integers(0, width - w + 1)
    out[t : t + h // 2 + 1, l : l + w // 2 + 1] += g.normal(0, 60, (h // 2 + 1, w // 2 + 1, 3))
    return np.clip(out, 0, 255).round().astype(np.uint8)


def build(c):
    """(model class, config, preprocessor_config.json, processor class)"""
    v = c["vision"]
    text = dict(
        vocab_size=VOCAB,
        hidden_size=c["hidden"],
        num_hidden_layers=c["layers"],
        num_attention_heads=c["heads"],
        num_key_value_heads=c["kv"],
        intermediate_size=c["ffn"],
        rms_norm_eps=1e-6 if QWEN(c) else 1e-5,
        max_position_embeddings=2048,
        tie_word_embeddings=c["tie"],
        bos_token_id=BOS,
        eos_token_id=EOS,
        pad_token_id=PAD,
        **c.get("text", {}),
    )
    rope = {"rope_type": "default", "rope_theta": c["theta"], **c.get("rope", {})}
    if not QWEN(c):
        name = {"smolvlm": "SmolVLM", "idefics3": "Idefics3"}[c["family"]]
        vis = dict(
            hidden_size=v["hidden"],
            intermediate_size=v["ffn"],
            num_hidden_layers=v["depth"],
            num_attention_heads=v["heads"],
            image_size=v["image"],
            patch_size=v["patch"],
            **c.get("vis", {}),
        )
        cfg = getattr(tf, name + "Config")(
            text_config={"model_type": "llama", "rope_parameters": rope, **text},
            vision_config=vis,
            image_token_id=IDS["image"],
            scale_factor=v["scale"],
            tie_word_embeddings=c["tie"],
            pad_token_id=PAD,
        )
        pre = {
            "do_convert_rgb": True,
            "do_image_splitting": v["split"],
            "do_normalize": True,
            "do_pad": True,
            "do_rescale": True,
            "do_resize": True,
            **HALF,
            "image_processor_type": name + "ImageProcessor",
            "max_image_size": {"longest_edge": v["image"]},
            "processor_class": name + "Processor",
            "resample": 1,
            "rescale_factor": 0.00392156862745098,
            "size": {"longest_edge": v["tiles"] * v["image"]},
        }
        return (
            getattr(tf, name + "ForConditionalGeneration"),
            cfg,
            pre,
            {"SmolVLM": SmolVLMImageProcessorPil, "Idefics3": Idefics3ImageProcessorPil}[name],
        )
    rope["mrope_section"] = c["sections"]
    ids = {k + "_token_id": IDS[k] for k in ("image", "video", "vision_start", "vision_end")}
    vis = dict(
        depth=v["depth"],
        hidden_size=v["hidden"],
        intermediate_size=v["ffn"],
        num_heads=v["heads"],
        patch_size=v["patch"],
        spatial_merge_size=c.get("merge", 2),
        temporal_patch_size=c.get("frames", 2),
        out_hidden_size=c["hidden"],
    )
    pre = {"patch_size": v["patch"], "temporal_patch_size": c.get("frames", 2), "merge_size": c.get("merge", 2)}
    if c["family"] == "qwen2_5":
        vis.update(window_size=v["window"], fullatt_block_indexes=v["full"], tokens_per_second=2)
        cfg = tf.Qwen2_5_VLConfig(
            text_config={"rope_parameters": rope, **text}, vision_config=vis, tie_word_embeddings=c["tie"], **ids
        )
        pre = {
            "min_pixels": 1024,
            "max_pixels": 65536,
            **pre,
            **CLIP,
            "image_processor_type": "Qwen2VLImageProcessor",
            "processor_class": "Qwen2_5_VLProcessor",
        }
        return tf.Qwen2_5_VLForConditionalGeneration, cfg, pre, Qwen2VLImageProcessorPil
    vis.update(num_position_embeddings=v["positions"], deepstack_visual_indexes=v["deepstack"])
    cfg = tf.Qwen3VLConfig(
        text_config={"rope_parameters": {"mrope_interleaved": True, **rope}, "head_dim": c["head_dim"], **text},
        vision_config=vis,
        tie_word_embeddings=c["tie"],
        **ids,
    )
    pre = {
        "size": {"longest_edge": 65536, "shortest_edge": 1024},
        **pre,
        **HALF,
        "processor_class": "Qwen3VLProcessor",
        "image_processor_type": "Qwen2VLImageProcessorFast",
    }
    return tf.Qwen3VLForConditionalGeneration, cfg, pre, Qwen2VLImageProcessorPil


def randomise(model, seed):
    """Weights large enough that every part affects the logits."""
    g = torch.Generator().manual_seed(seed)
    tied = model.config.tie_word_embeddings  # tied embeddings are small, otherwise every token predicts itself
    with torch.no_grad():
        for n, p in model.named_parameters():
            r = torch.randn(p.shape, generator=g)
            if p.dim() == 1:
                p.copy_(1 + 0.2 * r if n.endswith("weight") else 0.1 * r)
            elif "position_embedding" in n or "pos_embed" in n:
                p.copy_(0.6 * r)
            elif "embed_tokens" in n or "lm_head" in n:
                p.copy_((0.1 if tied else 0.25) * r)
            else:
                p.copy_(r / math.sqrt(p[0].numel()))


def older_layout(d, family):
    """Rewrites config.json as checkpoints uploaded before transformers 4.52 / 5 have it, without fields at defaults."""
    path = os.path.join(d, "config.json")
    cfg = json.load(open(path))
    text = cfg["text_config"]
    rope = text.pop("rope_parameters")
    cfg["torch_dtype"] = cfg.pop("dtype", None)
    text.pop("dtype", None)
    cfg["vision_config"].pop("dtype", None)
    cfg["vision_config"].pop("rope_parameters", None)
    text["rope_theta"] = rope["rope_theta"]
    if family == "qwen3":
        text["rope_scaling"] = {
            "mrope_interleaved": True,
            "mrope_section": rope["mrope_section"],
            "rope_type": "default",
        }
        cfg["vision_config"]["model_type"] = "qwen3_vl"
    if family == "qwen2_5":
        text["rope_scaling"] = {"type": "mrope", "mrope_section": rope["mrope_section"]}
        del cfg["text_config"]
        text.pop("layer_types", None)
        text.pop("model_type")
        v = cfg["vision_config"]
        v["in_chans"] = v.pop("in_channels")
        v["spatial_patch_size"] = v["patch_size"]
        v.pop("model_type", None)
        cfg = {
            **text,
            **cfg,
            "sliding_window": 32768,
            "max_window_layers": text["num_hidden_layers"],
            "use_sliding_window": False,
        }
    if family in ("smolvlm", "idefics3"):
        cfg["pad_token_id"] = cfg.pop("_pad_token_id")
        for part in (text, cfg["vision_config"]):
            for k in (
                "hidden_act",
                "attention_bias",
                "mlp_bias",
                "attention_dropout",
                "pretraining_tp",
                "layer_norm_eps",
                "num_channels",
                "initializer_range",
            ):
                part.pop(k, None)
    json.dump(cfg, open(path, "w"), indent=2)


def module_names(d):
    """qwen2_5 tensors named as the modules of transformers >= 4.52; save_pretrained itself writes the older names."""
    path = os.path.join(d, "model.safetensors")
    w = load_file(path)
    name = lambda k: (
        "model." + k
        if k.startswith("visual.")
        else k.replace("model.", "model.language_model.", 1)
        if k.startswith("model.")
        else k
    )
    save_file({name(k): t for k, t in w.items()}, path, metadata={"format": "pt"})
