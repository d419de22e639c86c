"""Writes reference checkpoints for `gtr conformance vlm`: small random Qwen2.5-VL, Qwen3-VL, SmolVLM and Idefics3 models in what real ones and others of the kind differ in, and what
transformers, peft and torch compute of them.

usage: python scripts/golden/vlm-cases.py OUT_DIR CASE...        the cases below: the committed ones of test/golden/vlm, and one for each difference
       python scripts/golden/vlm-cases.py --check CASE_DIR...    reload from the disk, compare with reference.safetensors
(pip install torch transformers peft safetensors pillow==11.3.0; made with 2.15.0, 5.24.0, 0.21.2)
References are computed in float32 from the checkpoint as it lies on the disk: casting a live model rounds its rotary frequencies too.
"""
import sys, os, json, math, shutil, tempfile, warnings
import numpy as np, torch
from PIL import Image
from safetensors.torch import save_file, load_file
from peft import LoraConfig, PeftModel, get_peft_model
import transformers as tf
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil
from transformers.models.smolvlm.image_processing_pil_smolvlm import SmolVLMImageProcessorPil

# images: (width, height) of the three rows; hub: config (and, for qwen2_5, tensor names) of older releases; eos: greedy decoding ends early in some row;
# text, vis, rope, pre, lora: more fields of text_config, vision_config, rope_parameters, preprocessor_config.json and LoraConfig; targets: adapted modules; merge, frames: patches to a cell's side, pictures to a patch
def case(base, vision, **own): return {**base, **own, "vision": {**base["vision"], **vision}}
PART = dict(hidden=64, layers=2, heads=4, kv=2, ffn=96, tie=False, dtype="float32", hub=False, eos=False)
QWEN2_5 = dict(PART, family="qwen2_5", theta=1e6, sections=[2, 3, 3], rank=2, images=[[56, 38], [34, 58], [85, 22]], vision=dict(hidden=24, depth=2, heads=2, ffn=40, patch=6, window=24, full=[1]))
QWEN3 = dict(QWEN2_5, family="qwen3", head_dim=16, sections=[4, 2, 2], vision=dict(hidden=24, depth=3, heads=2, ffn=40, patch=6, positions=36, deepstack=[0, 2]))
SMOL = dict(PART, family="smolvlm", theta=1e5, rank=3, images=[[90, 60], [48, 48], [31, 77]], vision=dict(hidden=32, depth=2, heads=4, ffn=64, patch=6, image=48, scale=4, split=False, tiles=2))
SQUARES = dict(images=[[30, 34], [34, 30], [40, 22]])
TILES = dict(images=[[90, 40], [41, 85], [70, 60]])
CASES = {
    # committed; blocks for deepstack in another order than their features, tiles that are not a whole number of patches wide
    "qwen3-small": case(QWEN3, dict(patch=4, positions=25, deepstack=[1, 0]), hidden=48, layers=3, ffn=64, theta=5e6, tie=True, dtype="bfloat16", hub=True, seed=3732, images=[[40, 32], [48, 24], [31, 33]]),
    "smolvlm-small": case(SMOL, dict(hidden=24, heads=2, ffn=40, patch=4, image=26, scale=2, split=True), hidden=48, layers=3, ffn=64, theta=1e4, tie=True, dtype="bfloat16", hub=True, rank=2, seed=3533, images=[[50, 20], [20, 50], [40, 38]]),
    "qwen2_5-no-full": case(QWEN2_5, dict(depth=1, heads=1, full=[], window=12), kv=4, dtype="float16"),
    "qwen2_5-all-full": case(QWEN2_5, dict(full=[0, 1], window=1000)),
    "qwen2_5-patch14": case(QWEN2_5, dict(patch=14, window=112, depth=3, full=[0]), hub=True, dtype="bfloat16", images=[[200, 130], [130, 200], [160, 160]], pre={"max_pixels": 23520}),
    "qwen2_5-heads8": case(QWEN2_5, {}, heads=8, kv=1, sections=[1, 1, 2], layers=1, theta=1e4, tie=True, hub=True),
    "qwen2_5-no-time": case(QWEN2_5, {}, sections=[0, 4, 4], hub=True),
    "qwen2_5-merge3": case(QWEN2_5, {}, merge=3, images=[[56, 38], [40, 70], [85, 22]]),
    "qwen2_5-merge1": case(QWEN2_5, {}, merge=1, **SQUARES, pre={"max_pixels": 1296, "min_pixels": 36}),
    "qwen2_5-frames1": case(QWEN2_5, {}, frames=1),
    "qwen2_5-frames3-linear": case(QWEN2_5, {}, frames=3, rope={"rope_type": "linear", "factor": 2.5}),
    "qwen2_5-window-odd": case(QWEN2_5, dict(window=40, heads=3, full=[0])),
    "qwen2_5-thin": case(QWEN2_5, {}, images=[[8, 110], [110, 8], [30, 30]], pre={"min_pixels": 144}),
    "qwen2_5-all-linear": case(QWEN2_5, {}, targets="all-linear"),
    "qwen2_5-queries-values": case(QWEN2_5, {}, targets=r".*language_model.*\.(q_proj|v_proj)"),
    "qwen3-no-deepstack": case(QWEN3, dict(deepstack=[]), text={"attention_bias": True}, kv=1, head_dim=32, sections=[6, 5, 5]),
    "qwen3-unsorted": case(QWEN3, dict(deepstack=[2, 0]), tie=True),
    "qwen3-more-than-layers": case(QWEN3, dict(depth=4, deepstack=[0, 1, 2, 3])),
    "qwen3-side7": case(QWEN3, dict(positions=49), dtype="float16", head_dim=32, sections=[6, 5, 5], hub=True),
    "qwen3-short-sections": case(QWEN3, {}, head_dim=32, sections=[2, 1, 1], hub=True, dtype="bfloat16", tie=True),
    "qwen3-long-sections": case(QWEN3, {}, head_dim=32, sections=[4, 8, 4]),
    "qwen3-merge3": case(QWEN3, dict(depth=1, deepstack=[0], patch=4), merge=3),
    "qwen3-merge1": case(QWEN3, {}, merge=1, **SQUARES, pre={"size": {"longest_edge": 1296, "shortest_edge": 36}}),
    "qwen3-frames1-linear": case(QWEN3, {}, frames=1, rope={"rope_type": "linear", "factor": 3.0}),
    "qwen3-heads6": case(QWEN3, {}, heads=6, kv=3, hidden=96, head_dim=12, sections=[2, 2, 2], tie=True, hub=True),
    "qwen3-thin": case(QWEN3, {}, images=[[8, 110], [110, 8], [30, 30]], pre={"size": {"longest_edge": 65536, "shortest_edge": 144}}),
    "smolvlm-left-out": case(SMOL, dict(image=50, patch=7, scale=7)),
    "smolvlm-left-out-tiles": case(SMOL, dict(image=45, patch=7, scale=3, split=True), **TILES, hub=True, dtype="bfloat16"),
    "smolvlm-scale1": case(SMOL, dict(image=24, scale=1)),
    "smolvlm-biases": case(SMOL, dict(heads=1), kv=4, text={"attention_bias": True, "mlp_bias": True, "head_dim": 24}),
    "smolvlm-tiles3": case(SMOL, dict(image=36, scale=3, split=True, tiles=3), images=[[100, 30], [30, 100], [90, 85]], hub=True, dtype="float16"),
    "smolvlm-gelu": case(SMOL, {}, vis={"hidden_act": "gelu", "layer_norm_eps": 1e-5}),
    "smolvlm-llama3": case(SMOL, {}, rope={"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64}, tie=True),
    "smolvlm-linear": case(SMOL, dict(split=True, image=36, scale=2), rope={"rope_type": "linear", "factor": 2.0}),
    "smolvlm-side19": case(SMOL, dict(image=57, patch=3, scale=19)),
    "smolvlm-side25": case(SMOL, dict(image=75, patch=3, scale=5)),
    "idefics3-tied": case(SMOL, {}, family="idefics3", tie=True, dtype="bfloat16"),
    "idefics3-one-tile": case(SMOL, dict(split=True), family="idefics3", images=[[48, 48], [90, 60], [30, 77]], hub=True),
    "smolvlm-bicubic": case(SMOL, dict(split=True), pre={"resample": 3}),
    # towers of 256 and 400 patches a tile, which run in fused kernels
    "smolvlm-large-split": case(SMOL, dict(image=64, patch=4, scale=4, split=True), images=[[150, 60], [60, 150], [120, 110]], dtype="float16", hub=True),
    "smolvlm-large-gelu": case(SMOL, dict(image=64, patch=4, scale=2), vis={"hidden_act": "gelu"}, dtype="bfloat16"),
    "idefics3-large": case(SMOL, dict(image=80, patch=5, scale=8, hidden=48, heads=3, depth=3), family="idefics3", tie=True),
    # adapters
    "qwen3-stabilised": case(QWEN3, {}, lora=dict(use_rslora=True)),
    "qwen2_5-one-layer": case(QWEN2_5, {}, lora=dict(layers_to_transform=[1]), targets=["q_proj", "v_proj", "down_proj"], hub=True),
    "qwen2_5-tower": case(QWEN2_5, {}, targets=r".*(visual.*attn\.(qkv|proj)|visual.merger.mlp.[02]|visual.*mlp.*proj|language_model.*q_proj)"),
    "qwen3-tower": case(QWEN3, dict(heads=3), targets=r".*(visual.*attn\.(qkv|proj)|linear_fc\d|language_model.*o_proj)", hub=True, dtype="bfloat16"),
    "smolvlm-excluded": case(SMOL, {}, targets="all-linear", lora=dict(exclude_modules=r".*vision_model.*|.*connector.*|lm_head")),
    "smolvlm-tower": case(SMOL, dict(split=True), targets=r".*(vision_model.*(q_proj|out_proj|fc\d)|modality_projection.proj|text_model.*gate_proj)"),
}
VOCAB, PAD, BOS, EOS = 320, 0, 1, 2
IDS = {"image": 300, "video": 301, "vision_start": 302, "vision_end": 303, "fake_around_image": 304, "global_image": 305, "newline": 306, "double_newline": 307}
ROW_COL = lambda r, c: 308 + 3 * r + c          # 0-based tile row and column, at most 3 x 3
QWEN = lambda c: c["family"].startswith("qwen")
CLIP = dict(image_mean=[0.48145466, 0.4578275, 0.40821073], image_std=[0.26862954, 0.26130258, 0.27577711])
HALF = dict(image_mean=[0.5, 0.5, 0.5], image_std=[0.5, 0.5, 0.5])

def picture(width, height, seed):
    """Smooth colour gradients, a disc and a noisy rectangle: uint8 [height, width, 3]."""
    g = np.random.default_rng(seed); y, x = np.mgrid[0:height, 0:width] / max(width, height)
    out = np.stack([127 + 120 * np.sin(a * x * 6 + b * y * 6 + p) for a, b, p in g.uniform(-1, 1, (3, 3)) * [1, 1, 3]], -1)
    cx, cy, r = g.uniform(0, width / max(width, height)), g.uniform(0, height / max(width, height)), g.uniform(0.08, 0.25)
    out[(x - cx) ** 2 + (y - cy) ** 2 < r * r] = g.uniform(0, 255, 3)
    h, w = min(height, 48), min(width, 48); t, l = g.integers(0, height - h + 1), g.integers(0, width - w + 1)
    out[t:t + h // 2 + 1, l:l + w // 2 + 1] += g.normal(0, 60, (h // 2 + 1, w // 2 + 1, 3))
    return np.clip(out, 0, 255).round().astype(np.uint8)

def build(c):
    """(model class, config, preprocessor_config.json, processor class)"""
    v = c["vision"]
    text = dict(vocab_size=VOCAB, hidden_size=c["hidden"], num_hidden_layers=c["layers"], num_attention_heads=c["heads"], num_key_value_heads=c["kv"], intermediate_size=c["ffn"],
                rms_norm_eps=1e-6 if QWEN(c) else 1e-5, max_position_embeddings=2048, tie_word_embeddings=c["tie"], bos_token_id=BOS, eos_token_id=EOS, pad_token_id=PAD, **c.get("text", {}))
    rope = {"rope_type": "default", "rope_theta": c["theta"], **c.get("rope", {})}
    if not QWEN(c):
        name = {"smolvlm": "SmolVLM", "idefics3": "Idefics3"}[c["family"]]
        vis = dict(hidden_size=v["hidden"], intermediate_size=v["ffn"], num_hidden_layers=v["depth"], num_attention_heads=v["heads"], image_size=v["image"], patch_size=v["patch"], **c.get("vis", {}))
        cfg = getattr(tf, name + "Config")(text_config={"model_type": "llama", "rope_parameters": rope, **text}, vision_config=vis, image_token_id=IDS["image"],
                                           scale_factor=v["scale"], tie_word_embeddings=c["tie"], pad_token_id=PAD)
        pre = {"do_convert_rgb": True, "do_image_splitting": v["split"], "do_normalize": True, "do_pad": True, "do_rescale": True, "do_resize": True, **HALF,
               "image_processor_type": name + "ImageProcessor", "max_image_size": {"longest_edge": v["image"]}, "processor_class": name + "Processor", "resample": 1,
               "rescale_factor": 0.00392156862745098, "size": {"longest_edge": v["tiles"] * v["image"]}}
        return getattr(tf, name + "ForConditionalGeneration"), cfg, pre, {"SmolVLM": SmolVLMImageProcessorPil, "Idefics3": Idefics3ImageProcessorPil}[name]
    rope["mrope_section"] = c["sections"]
    ids = {k + "_token_id": IDS[k] for k in ("image", "video", "vision_start", "vision_end")}
    vis = dict(depth=v["depth"], hidden_size=v["hidden"], intermediate_size=v["ffn"], num_heads=v["heads"], patch_size=v["patch"], spatial_merge_size=c.get("merge", 2), temporal_patch_size=c.get("frames", 2),
               out_hidden_size=c["hidden"])
    pre = {"patch_size": v["patch"], "temporal_patch_size": c.get("frames", 2), "merge_size": c.get("merge", 2)}
    if c["family"] == "qwen2_5":
        vis.update(window_size=v["window"], fullatt_block_indexes=v["full"], tokens_per_second=2)
        cfg = tf.Qwen2_5_VLConfig(text_config={"rope_parameters": rope, **text}, vision_config=vis, tie_word_embeddings=c["tie"], **ids)
        pre = {"min_pixels": 1024, "max_pixels": 65536, **pre, **CLIP, "image_processor_type": "Qwen2VLImageProcessor", "processor_class": "Qwen2_5_VLProcessor"}
        return tf.Qwen2_5_VLForConditionalGeneration, cfg, pre, Qwen2VLImageProcessorPil
    vis.update(num_position_embeddings=v["positions"], deepstack_visual_indexes=v["deepstack"])
    cfg = tf.Qwen3VLConfig(text_config={"rope_parameters": {"mrope_interleaved": True, **rope}, "head_dim": c["head_dim"], **text}, vision_config=vis, tie_word_embeddings=c["tie"], **ids)
    pre = {"size": {"longest_edge": 65536, "shortest_edge": 1024}, **pre, **HALF, "processor_class": "Qwen3VLProcessor", "image_processor_type": "Qwen2VLImageProcessorFast"}
    return tf.Qwen3VLForConditionalGeneration, cfg, pre, Qwen2VLImageProcessorPil

def randomise(model, seed):
    """Weights of a size at which every part is felt in the logits."""
    g = torch.Generator().manual_seed(seed); tied = model.config.tie_word_embeddings     # tied embeddings are small, or every token calls itself again
    with torch.no_grad():
        for n, p in model.named_parameters():
            r = torch.randn(p.shape, generator=g)
            if p.dim() == 1: p.copy_(1 + 0.2 * r if n.endswith("weight") else 0.1 * r)
            elif "position_embedding" in n or "pos_embed" in n: p.copy_(0.6 * r)
            elif "embed_tokens" in n or "lm_head" in n: p.copy_((0.1 if tied else 0.25) * r)
            else: p.copy_(r / math.sqrt(p[0].numel()))

def older_layout(d, family):
    """Rewrite config.json into the form of checkpoints uploaded before transformers 4.52 / 5 (fields at their default left out, as there)."""
    path = os.path.join(d, "config.json"); cfg = json.load(open(path)); text = cfg["text_config"]; rope = text.pop("rope_parameters")
    cfg["torch_dtype"] = cfg.pop("dtype", None); text.pop("dtype", None); cfg["vision_config"].pop("dtype", None); cfg["vision_config"].pop("rope_parameters", None)
    text["rope_theta"] = rope["rope_theta"]
    if family == "qwen3":
        text["rope_scaling"] = {"mrope_interleaved": True, "mrope_section": rope["mrope_section"], "rope_type": "default"}; cfg["vision_config"]["model_type"] = "qwen3_vl"
    if family == "qwen2_5":
        text["rope_scaling"] = {"type": "mrope", "mrope_section": rope["mrope_section"]}; del cfg["text_config"]; text.pop("layer_types", None); text.pop("model_type")
        v = cfg["vision_config"]; v["in_chans"] = v.pop("in_channels"); v["spatial_patch_size"] = v["patch_size"]; v.pop("model_type", None)
        cfg = {**text, **cfg, "sliding_window": 32768, "max_window_layers": text["num_hidden_layers"], "use_sliding_window": False}
    if family in ("smolvlm", "idefics3"):
        cfg["pad_token_id"] = cfg.pop("_pad_token_id")
        for part in (text, cfg["vision_config"]):
            for k in ("hidden_act", "attention_bias", "mlp_bias", "attention_dropout", "pretraining_tp", "layer_norm_eps", "num_channels", "initializer_range"): part.pop(k, None)
    json.dump(cfg, open(path, "w"), indent=2)

def module_names(d):
    """qwen2_5 tensors named as the modules of transformers >= 4.52; save_pretrained itself writes the older names."""
    path = os.path.join(d, "model.safetensors"); w = load_file(path)
    name = lambda k: "model." + k if k.startswith("visual.") else k.replace("model.", "model.language_model.", 1) if k.startswith("model.") else k
    save_file({name(k): t for k, t in w.items()}, path, metadata={"format": "pt"})

def load(cls, d, **kw):
    """The base model alone: from_pretrained on a folder with an adapter_config.json would put the adapter on top without a word."""
    with tempfile.TemporaryDirectory() as t:
        for f in ("config.json", "model.safetensors", "generation_config.json"): shutil.copy(os.path.join(d, f), t)
        return cls.from_pretrained(t, dtype=torch.float32, **{"attn_implementation": "eager", **kw}).eval()

def image_block(c, seen, row):
    """The ids that stand for the image of a row, and how many of them are image placeholders."""
    I, v = IDS, c["vision"]
    if QWEN(c):
        n = int(seen["image_grid_thw"][row].prod()) // c.get("merge", 2) ** 2
        return [I["vision_start"]] + [I["image"]] * n + [I["vision_end"]]
    tile = [I["image"]] * ((v["image"] // v["patch"]) ** 2 // v["scale"] ** 2); rows, cols = seen["rows"][row][0], seen["cols"][row][0]; out = []
    for r in range(rows):
        for k in range(cols): out += [I["fake_around_image"], ROW_COL(r, k)] + tile
        if r < rows - 1: out += [I["newline"]]
    return out + ([I["double_newline"]] if rows else []) + [I["fake_around_image"], I["global_image"]] + tile + [I["fake_around_image"]]

def forward_args(c, ref, ids):
    out = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "pixel_values": ref["pixel_values"]}
    if QWEN(c): return {**out, "image_grid_thw": ref["image_grid_thw"].long(), "mm_token_type_ids": (ids == IDS["image"]).int()}
    return {**out, "pixel_attention_mask": ref["pixel_attention_mask"].long()}

def features(model, c, a):
    """Image features as they enter the decoder, in the order of the placeholders; and what else the family computes on the way."""
    if QWEN(c):
        o = model.model.get_image_features(a["pixel_values"], a["image_grid_thw"], return_dict=True)
        out = {"image_features": torch.cat(list(o.pooler_output))}
        if c["family"] == "qwen3" and o.deepstack_features: out["deepstack_features"] = torch.stack([torch.cat(list(f)) for f in o.deepstack_features])
        return out
    seen = []
    hook = model.model.vision_model.embeddings.position_embedding.register_forward_hook(lambda m, i, o: seen.append(i[0]))
    o = model.model.get_image_features(a["pixel_values"], a["pixel_attention_mask"], return_dict=True); hook.remove()
    tokens = (c["vision"]["image"] // c["vision"]["patch"] // c["vision"]["scale"]) ** 2
    return {"image_features": torch.cat(list(o.pooler_output)).reshape(-1, tokens, c["hidden"]), "vision_position_ids": seen[0].int()}

def special(c): return {k: n for k, n in IDS.items() if (k in ("image", "video", "vision_start", "vision_end")) == QWEN(c) or k == "image"} | (
    {} if QWEN(c) or not c["vision"]["split"] else {f"row_{r + 1}_col_{k + 1}": ROW_COL(r, k) for r in range(3) for k in range(3)})

def attempt(d, c, seed):
    """One seed. Returns None where a comparison would be ambiguous (near ties), else a line for the log."""
    shutil.rmtree(d, ignore_errors=True); os.makedirs(d); torch.manual_seed(seed)
    cls, cfg, pre, processor = build(c)
    model = cls(cfg); randomise(model, seed); model.to(getattr(torch, c["dtype"])).save_pretrained(d)
    if c["hub"]: older_layout(d, c["family"])
    elif c["family"] == "qwen2_5": module_names(d)
    pre.update(c.get("pre", {})); json.dump(pre, open(os.path.join(d, "preprocessor_config.json"), "w"), indent=2)
    model = load(cls, d)
    images = [Image.fromarray(picture(w, h, 10 * seed + i)) for i, (w, h) in enumerate(c["images"])]
    for i, im in enumerate(images): im.save(os.path.join(d, f"image_{i}.png"))
    seen = processor.from_pretrained(d)([[im] for im in images] if not QWEN(c) else images, return_tensors="pt", **({} if QWEN(c) else {"return_row_col_info": True}))
    g = torch.Generator().manual_seed(seed + 100); rnd = lambda *s: torch.randint(3, 290, s, generator=g)
    B, out_len = 3, 10
    blocks = [image_block(c, seen, i) for i in range(B)]; length = max(map(len, blocks)) + 15
    ids = torch.stack([torch.cat([rnd(5), torch.tensor(b), rnd(length - 5 - len(b))]) for b in blocks])
    if not QWEN(c): ids[:, 0] = BOS
    full = torch.cat([ids, rnd(B, out_len)], 1); prompt_len = ids.shape[1]
    ref = {k: seen[k] for k in ("pixel_values", "image_grid_thw", "pixel_attention_mask") if k in seen}
    ref = {k: t.int() if not t.is_floating_point() else t.float() for k, t in ref.items()} | {"prompt_ids": ids.int(), "full_ids": full.int()}
    a = forward_args(c, ref, full)
    with torch.no_grad():
        o = model(**a, output_hidden_states=True)
        ref["base_logits"], ref["base_last_hidden"] = o.logits, o.hidden_states[-1]
        assert torch.equal(model.lm_head(o.hidden_states[-1]), o.logits)
        ref.update(features(model, c, a))
        if QWEN(c):
            pos, delta = model.model.get_rope_index(full, a["mm_token_type_ids"], image_grid_thw=a["image_grid_thw"], attention_mask=a["attention_mask"])
            ref["position_ids"], ref["rope_delta"] = pos.int(), delta[:, 0].int()
            assert torch.equal(model(**a, position_ids=pos).logits, o.logits)
        else: ref["position_ids"] = torch.arange(full.shape[1]).expand(B, -1).int()
    tower = "language_model" if QWEN(c) else "text_model"
    pm = get_peft_model(model, LoraConfig(r=c["rank"], lora_alpha=2 * c["rank"], lora_dropout=0.0, bias="none", task_type="CAUSAL_LM", **c.get("lora", {}),
                        target_modules=c.get("targets", rf".*{tower}.*\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)")))
    with torch.no_grad():
        for n, p in pm.named_parameters():
            if "lora_B" in n: p.copy_(torch.randn(p.shape, generator=g) * 0.05)
    L = torch.nn.Linear; vhead = torch.nn.Sequential(L(c["hidden"], 32), torch.nn.ReLU(), L(32, 16), torch.nn.ReLU(), L(16, 1))
    pm.save_pretrained(d)
    if os.path.exists(p := os.path.join(d, "README.md")): os.remove(p)
    path = os.path.join(d, "adapter_config.json"); ac = json.load(open(path)); ac["base_model_name_or_path"] = None; json.dump(ac, open(path, "w"), indent=2)
    save_file({k: v.contiguous() for k, v in vhead.state_dict().items()}, os.path.join(d, "value_head.safetensors"))
    temperature, coef, split = 0.7, 0.5, 6                                                   # response tokens before `split` are the thought
    o = pm(**a, output_hidden_states=True)
    logits = o.logits[:, prompt_len - 1:-1]
    pick = lambda x: torch.log_softmax(x, -1).gather(-1, full[:, prompt_len:, None])[..., 0]  # [B, out_len]
    lp, raw = pick(logits / temperature), pick(logits)
    logprob = coef * lp[:, :split].sum(1) + lp[:, split:].sum(1)
    value = vhead(o.hidden_states[-1][:, prompt_len - 1])[:, 0]
    old, adv, ret, oldv = (torch.randn(B, generator=g) for _ in range(4))
    old = logprob.detach() + 0.15 * old; oldv = value.detach() + 0.15 * oldv
    ratio = (logprob - old).exp(); surr = -torch.min(ratio * adv, ratio.clamp(0.9, 1.1) * adv).mean()
    vclip = oldv + (value - oldv).clamp(-0.1, 0.1); vloss = 0.5 * torch.max((value - ret) ** 2, (vclip - ret) ** 2).mean()
    loss, sft = surr + 0.5 * vloss, -raw[:, :split].mean()
    clipped = ((ratio > 1.1) & (adv > 0)) | ((ratio < 0.9) & (adv < 0)); stuck = ((vclip - ret) ** 2 > (value - ret) ** 2) & ((value - oldv).abs() > 0.1)
    edges = torch.cat([(ratio - 0.9).abs(), (ratio - 1.1).abs(), ((value - oldv).abs() - 0.1).abs(), adv.abs()]).min().item()
    ref.update(lora_logits=o.logits, token_logprobs=lp, action_logprob=logprob, value=value, old_logprob=old, advantage=adv, returns=ret, old_value=oldv,
               ppo_action_loss=surr[None], ppo_value_loss=vloss[None], sft_loss=sft[None])
    named = [(n.replace("base_model.model.", "").replace(".default", ""), p) for n, p in pm.named_parameters() if p.requires_grad] + [("value_head." + n, p) for n, p in vhead.named_parameters()]
    for tag, l in (("ppo", loss), ("sft", sft)):
        for (n, _), x in zip(named, torch.autograd.grad(l, [p for _, p in named], retain_graph=True, allow_unused=True)):
            if x is not None: ref[f"grad.{tag}.{n}"] = x
    weak = min(min(ref[k].abs().max().item() for k in ref if k.startswith(f"grad.{t}.")) for t in ("ppo", "sft"))
    with torch.no_grad():
        gen = pm.generate(**forward_args(c, ref, ids), do_sample=False, max_new_tokens=24, repetition_penalty=1.2, use_cache=True, output_scores=True, return_dict_in_generate=True)
    greedy = gen.sequences[:, prompt_len:]; live = torch.cat([torch.ones(B, 1, dtype=torch.bool), (greedy == EOS).cumsum(1)[:, :-1] == 0], 1)
    top = torch.stack(gen.scores, 1).topk(2, -1).values; gap = (top[..., 0] - top[..., 1])[live].min().item()
    ref["greedy_ids"] = torch.nn.functional.pad(greedy, (0, 24 - greedy.shape[1]), value=PAD).int()
    rows = [r[l].tolist() for r, l in zip(greedy, live)]; various = min(len(set(r)) / len(r) for r in rows)
    if gap < 4e-3 or edges < 1e-2 or (weak < 1e-5 and "targets" not in c) or various < 0.4 or any(IDS["image"] in r or PAD in r for r in rows) or live.sum() < 40 or bool(live.all()) == c["eos"] or bool(clipped.all() or stuck.all()):
        return print("  skipped seed", seed, f"gap {gap:.4f} edges {edges:.3f} weakest gradient {weak:.1e} different {various:.2f} tokens {int(live.sum())}")
    save_file({k: v.detach().contiguous() for k, v in ref.items()}, os.path.join(d, "reference.safetensors"))
    json.dump({"case": os.path.basename(d), "family": c["family"], "seed": seed, "prompt_len": prompt_len, "image_tokens": [b.count(IDS["image"]) for b in blocks],
               **({} if QWEN(c) else {"tile_rows": [r[0] for r in seen["rows"]], "tile_cols": [r[0] for r in seen["cols"]]}), "special_ids": special(c),
               "temperature": temperature, "thought_coefficient": coef, "thought_tokens": split, "ppo_clip": 0.1, "value_loss_coefficient": 0.5,
               "repetition_penalty": 1.2, "greedy_max_new_tokens": 24, "greedy_smallest_gap": round(gap, 5), "pad_token_id": PAD, "eos_token_id": EOS,
               "loss": "ppo gradients are of ppo_action_loss + 0.5 * ppo_value_loss; sft gradients are of sft_loss (mean over the thought tokens, logits NOT divided by the temperature)",
               "repetition_penalty_scope": "over the prompt ids (placeholders and special ids too) and the generated ids"}, open(os.path.join(d, "reference.json"), "w"), indent=1)
    return f"{os.path.basename(d)} seed {seed} gap {gap:.4f} edges {edges:.3f} weakest gradient {weak:.1e} T {full.shape[1]} pixels {tuple(ref['pixel_values'].shape)} loss {loss.item():.4f} {sft.item():.4f}"

def make(out, name, c):
    for seed in range(c.get("seed", 100), 100000, 100):
        if line := attempt(os.path.join(out, name), c, seed): return print(line, flush=True)
    raise SystemExit(f"{name}: no seed without near ties")

def check(d):
    """Errors against what lies on the disk: base, adapter, sdpa attention, each row alone, greedy ids replayed without a cache."""
    ref, meta = load_file(os.path.join(d, "reference.safetensors")), json.load(open(os.path.join(d, "reference.json")))
    arch = json.load(open(os.path.join(d, "config.json")))["architectures"][0]; cls = getattr(tf, arch); c = {"family": meta["family"]}
    full, B = ref["full_ids"].long(), 3; diff = lambda x, y: (x - y).abs().max().item()
    with torch.no_grad():
        model = load(cls, d); a = forward_args(c, ref, full); base = model(**a).logits
        print(os.path.basename(d), f"base {diff(base, ref['base_logits']):.1e}", f"sdpa {diff(load(cls, d, attn_implementation='sdpa')(**a).logits, base):.1e}", end=" ")
        alone = []
        for i in range(B):
            r = {k: v[i:i + 1] for k, v in ref.items() if k in ("pixel_values", "image_grid_thw", "pixel_attention_mask")}
            if QWEN(c): n = ref["image_grid_thw"].long().prod(1); s = n.cumsum(0)[i] - n[i]; r["pixel_values"] = ref["pixel_values"][s:s + n[i]]
            alone.append(diff(model(**forward_args(c, r, full[i:i + 1])).logits[0], base[i]))
        pm = PeftModel.from_pretrained(model, d).eval()
        print(f"rows alone {max(alone):.1e}", f"adapter {diff(pm(**a).logits, ref['lora_logits']):.1e}", end=" ")
        P, greedy = meta["prompt_len"], ref["greedy_ids"].long(); seq = torch.cat([ref["prompt_ids"].long(), greedy], 1); wrong = 0
        logits = pm(**forward_args(c, ref, seq)).logits
        for b in range(B):
            for t in range(greedy.shape[1]):
                s = logits[b, P + t - 1].clone(); u = seq[b, :P + t].unique(); s[u] = torch.where(s[u] > 0, s[u] / 1.2, s[u] * 1.2)
                wrong += int(s.argmax() != greedy[b, t])
                if greedy[b, t] == EOS: break
        print("greedy differences", wrong, "bytes", sum(e.stat().st_size for e in os.scandir(d)), flush=True)

if __name__ == "__main__":
    torch.set_num_threads(1); warnings.simplefilter("ignore"); tf.utils.logging.set_verbosity_error(); tf.utils.logging.disable_progress_bar(); args = sys.argv[1:]
    if args[0] == "--check": [check(d.rstrip("/")) for d in args[1:]]
    else:
        for name in args[1:]: make(args[0], name, CASES[name])
