"""Writes test/golden/vlm-configs.json: configurations as found on the hub, with the values that transformers
reads from them.

usage: python scripts/golden/vlm-configs.py      (pip install transformers; made with 5.24.0)
"""

import json
from transformers import Idefics3Config, LlavaConfig, LlavaNextConfig, Qwen2_5_VLConfig, Qwen3VLConfig, SmolVLMConfig

# One case a line, however long.
# fmt: off
VIT = {"hidden_size": 1024, "image_size": 336, "intermediate_size": 4096, "model_type": "clip_vision_model", "num_attention_heads": 16, "num_hidden_layers": 24, "patch_size": 14, "projection_dim": 768, "vocab_size": 32000}
SMALL = {"hidden_size": 64, "intermediate_size": 96, "num_attention_heads": 4, "num_hidden_layers": 2, "vocab_size": 400}


def rope(**text):
    return {"model_type": "llava", "image_token_index": 9, "text_config": {**SMALL, **text}}


QWEN_IDS = {"image_token_id": 151655, "video_token_id": 151656, "vision_start_token_id": 151652, "vision_end_token_id": 151653}
QWEN2_5_EYES = {"depth": 32, "hidden_act": "silu", "hidden_size": 1280, "intermediate_size": 3420, "num_heads": 16, "in_chans": 3, "out_hidden_size": 2048, "patch_size": 14, "spatial_merge_size": 2, "spatial_patch_size": 14, "window_size": 112, "fullatt_block_indexes": [7, 15, 23, 31], "tokens_per_second": 2, "temporal_patch_size": 2}
QWEN2_5_TEXT = {"attention_dropout": 0.0, "bos_token_id": 151643, "eos_token_id": 151645, "hidden_act": "silu", "hidden_size": 2048, "initializer_range": 0.02, "intermediate_size": 11008, "max_position_embeddings": 128000, "max_window_layers": 70, "num_attention_heads": 16, "num_hidden_layers": 36, "num_key_value_heads": 2, "rms_norm_eps": 1e-06, "rope_theta": 1000000.0, "sliding_window": 32768, "tie_word_embeddings": True, "torch_dtype": "bfloat16", "use_cache": True, "use_sliding_window": False, "rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]}, "vocab_size": 151936}
QWEN3_EYES = {"deepstack_visual_indexes": [5, 11, 17], "depth": 24, "hidden_act": "gelu_pytorch_tanh", "hidden_size": 1024, "in_channels": 3, "initializer_range": 0.02, "intermediate_size": 4096, "model_type": "qwen3_vl", "num_heads": 16, "num_position_embeddings": 2304, "out_hidden_size": 2048, "patch_size": 16, "spatial_merge_size": 2, "temporal_patch_size": 2}
QWEN3_TEXT = {"attention_bias": False, "attention_dropout": 0.0, "bos_token_id": 151643, "dtype": "bfloat16", "eos_token_id": 151645, "head_dim": 128, "hidden_act": "silu", "hidden_size": 2048, "initializer_range": 0.02, "intermediate_size": 6144, "max_position_embeddings": 262144, "model_type": "qwen3_vl_text", "num_attention_heads": 16, "num_hidden_layers": 28, "num_key_value_heads": 8, "rms_norm_eps": 1e-06, "rope_scaling": {"mrope_interleaved": True, "mrope_section": [24, 20, 20], "rope_type": "default"}, "rope_theta": 5000000, "tie_word_embeddings": True, "use_cache": True, "vocab_size": 151936}
SMOL_TEXT = {"_flash_attn_2_enabled": True, "architectures": ["VLlama3ForCausalLM"], "head_dim": 64, "hidden_size": 576, "intermediate_size": 1536, "is_llama_config": True, "max_position_embeddings": 8192, "model_type": "llama", "neftune_noise_alpha": 0.0, "num_attention_heads": 9, "num_hidden_layers": 30, "num_key_value_heads": 3, "pad_token_id": 2, "pixel_shuffle_factor": 4, "qk_layer_norms": False, "rms_norm_eps": 1e-05, "rope_interleaved": False, "rope_theta": 100000, "torch_dtype": "bfloat16", "use_resampler": False, "vocab_size": 49280, "perceiver_config": {"hidden_act": "silu", "resampler_n_latents": 64}, "transformers.js_config": {"kv_cache_dtype": {"q4f16": "float16"}}}
SMOL_EYES = {"hidden_size": 768, "image_size": 512, "max_image_size": {"longest_edge": 512}, "model_type": "idefics3", "num_attention_heads": 12, "patch_size": 16, "size": {"longest_edge": 2048}, "tie_word_embeddings": False, "torch_dtype": "bfloat16", "use_base_siglip": True}


def without(of, *names):
    return {name: value for name, value in of.items() if name not in names}


# As the hub and releases since have them; the flat one, both together, and in parts.
def qwen2_5(**fields):
    return {"architectures": ["Qwen2_5_VLForConditionalGeneration"], "model_type": "qwen2_5_vl", **QWEN_IDS, "vision_config": QWEN2_5_EYES, **fields}


def qwen3(text={}, eyes={}, **fields):
    return {"architectures": ["Qwen3VLForConditionalGeneration"], "model_type": "qwen3_vl", **QWEN_IDS, "text_config": {**QWEN3_TEXT, **text}, "tie_word_embeddings": True, "vision_config": {**QWEN3_EYES, **eyes}, **fields}


def smolvlm(kind="idefics3", text={}, eyes={}, **fields):
    return {"architectures": [{"idefics3": "Idefics3", "smolvlm": "SmolVLM"}[kind] + "ForConditionalGeneration"], "image_token_id": 49190, "model_type": kind, "scale_factor": 4, "text_config": {**SMOL_TEXT, **text}, "tie_word_embeddings": False, "torch_dtype": "bfloat16", "use_cache": True, "use_reentrant_checkpointing": False, "vision_config": {**SMOL_EYES, **eyes}, "vocab_size": 49280, **fields}


QWEN2_5_PART = {**without(QWEN2_5_TEXT, "rope_scaling", "tie_word_embeddings"), "model_type": "qwen2_5_vl_text", "layer_types": ["full_attention"] * 36, "rope_scaling": {"mrope_section": [16, 24, 24], "rope_type": "default", "type": "default"}}
FAMILIES = {
    "Qwen2.5-VL, flat": qwen2_5(**QWEN2_5_TEXT, vision_token_id=151654),
    "Qwen2.5-VL, flat and untied": qwen2_5(**without(QWEN2_5_TEXT, "tie_word_embeddings"), tie_word_embeddings=False),
    "Qwen2.5-VL, flat fields and parts (4.52 to 4.57)": qwen2_5(**QWEN2_5_TEXT, text_config={**QWEN2_5_PART, "tie_word_embeddings": True, "vision_token_id": 151654}),
    "Qwen2.5-VL, parts, tied inside only": qwen2_5(text_config={**QWEN2_5_PART, "tie_word_embeddings": True}, tie_word_embeddings=False),
    "Qwen2.5-VL, parts, rope_parameters": qwen2_5(text_config={**without(QWEN2_5_PART, "rope_scaling", "rope_theta"), "rope_parameters": {"mrope_section": [16, 24, 24], "rope_theta": 1000000.0, "rope_type": "default", "type": "default"}}, tie_word_embeddings=True, dtype="bfloat16"),
    "Qwen2.5-VL, parts, its kind of positions in rope_parameters": qwen2_5(text_config={**without(QWEN2_5_PART, "rope_scaling", "rope_theta"), "rope_parameters": {"mrope_section": [16, 24, 24], "rope_theta": 1000000.0, "rope_type": "mrope"}}),
    "Qwen2.5-VL, its theta inside of rope_scaling": qwen2_5(**{**without(QWEN2_5_TEXT, "rope_theta"), "rope_scaling": {"rope_type": "default", "mrope_section": [16, 24, 24], "rope_theta": 5e5}}),
    "Qwen2.5-VL, no theta": qwen2_5(**without(QWEN2_5_TEXT, "rope_theta")),
    "Qwen2.5-VL, linearly scaled": qwen2_5(**{**QWEN2_5_TEXT, "rope_scaling": {"rope_type": "linear", "factor": 2.0, "mrope_section": [16, 24, 24]}}),
    "Qwen2.5-VL, heads all alike": qwen2_5(**{**QWEN2_5_TEXT, "num_key_value_heads": None}),
    "Qwen2.5-VL, several ends at the top": qwen2_5(**QWEN2_5_TEXT, text_config={**QWEN2_5_PART, "eos_token_id": 151643}) | {"eos_token_id": [151645, 151643]},
    "Qwen2.5-VL, the tower's defaults": qwen2_5(**{**QWEN2_5_TEXT, "hidden_size": 3584, "num_attention_heads": 28, "num_key_value_heads": 4}) | {"vision_config": {"model_type": "qwen2_5_vl"}},
    "Qwen3-VL, 4.57": qwen3(),
    "Qwen3-VL-8B, untied": qwen3({"tie_word_embeddings": False, "hidden_size": 4096, "num_attention_heads": 32, "num_hidden_layers": 36, "intermediate_size": 12288}, {"deepstack_visual_indexes": [8, 16, 24], "depth": 27, "hidden_size": 1152, "intermediate_size": 4304, "out_hidden_size": 4096}, tie_word_embeddings=False),
    "Qwen3-VL, rope_parameters": {**qwen3(), "text_config": {**without(QWEN3_TEXT, "rope_scaling", "rope_theta"), "rope_parameters": {"mrope_interleaved": True, "mrope_section": [24, 20, 20], "rope_theta": 5000000, "rope_type": "default"}}},
    "Qwen3-VL, theta inside of rope_scaling": {**qwen3(), "text_config": {**without(QWEN3_TEXT, "rope_theta"), "rope_scaling": {"mrope_section": [24, 20, 20], "rope_type": "default", "rope_theta": 1e6}}},
    "Qwen3-VL, the text's defaults": {**qwen3(eyes={"out_hidden_size": 4096}), "text_config": {"model_type": "qwen3_vl_text", "eos_token_id": 7, "rope_scaling": {"mrope_section": [24, 20, 20]}}},
    "Qwen3-VL, ends at the top": {**qwen3(), "text_config": without(QWEN3_TEXT, "eos_token_id", "bos_token_id"), "eos_token_id": [151645, 151643], "bos_token_id": 151643},
    "Qwen3-VL, biases": qwen3({"attention_bias": True, "num_key_value_heads": None}),
    "Qwen3-VL, the tower's angles": qwen3(eyes={"rope_parameters": {"rope_theta": 2000.0, "rope_type": "axial"}}),
    "Qwen3-VL, the tower's angles, older": qwen3(eyes={"rope_theta": 3000.0}),
    "SmolVLM-256M": smolvlm(),
    "SmolVLM2-500M": smolvlm("smolvlm", {"hidden_size": 960, "intermediate_size": 2560, "num_attention_heads": 15, "num_key_value_heads": 5, "num_hidden_layers": 32, "model_type": "llama"}, {"model_type": "smolvlm_vision"}),
    "SmolVLM-2.2B": smolvlm("idefics3", {"hidden_size": 2048, "intermediate_size": 8192, "num_attention_heads": 32, "num_key_value_heads": 32, "num_hidden_layers": 24, "rope_theta": 273768.0, "max_position_embeddings": 16384, "vocab_size": 49155}, {"hidden_size": 1152, "image_size": 384, "intermediate_size": 4304, "num_attention_heads": 16, "num_hidden_layers": 27, "patch_size": 14, "max_image_size": {"longest_edge": 384}}, scale_factor=3, image_token_id=49153),
    "Idefics3-8B": {**smolvlm(), "image_token_id": 128257, "scale_factor": 2, "text_config": {"bos_token_id": 128000, "eos_token_id": [128001, 128008, 128009], "hidden_size": 4096, "intermediate_size": 14336, "max_position_embeddings": 131072, "model_type": "llama", "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 8, "pad_token_id": 128002, "rms_norm_eps": 1e-05, "rope_scaling": {"factor": 8.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0, "original_max_position_embeddings": 8192, "rope_type": "llama3"}, "rope_theta": 500000.0, "vocab_size": 128259}, "vision_config": {"hidden_size": 1152, "image_size": 364, "intermediate_size": 4304, "model_type": "idefics3", "num_attention_heads": 16, "num_hidden_layers": 27, "patch_size": 14}},
    "SmolVLM, the text without its epsilon": smolvlm("smolvlm") | {"text_config": without(SMOL_TEXT, "rms_norm_eps")},
    "SmolVLM, the text without a kind": smolvlm("smolvlm") | {"text_config": without(SMOL_TEXT, "model_type")},
    "Idefics3, tied, parts' defaults": {**smolvlm(tie_word_embeddings=True, scale_factor=7), "vision_config": {}, "text_config": {"vocab_size": 49280, "model_type": "llama"}},
    "SmolVLM, tied inside only": smolvlm("smolvlm", {"tie_word_embeddings": True}),
    "SmolVLM, an end at the top": smolvlm("smolvlm", eos_token_id=49279, bos_token_id=1, pad_token_id=2),
}
CASES = {
    "llava-hf/llava-1.5-7b-hf": {"architectures": ["LlavaForConditionalGeneration"], "ignore_index": -100, "image_token_index": 32000, "model_type": "llava", "pad_token_id": 32001, "projector_hidden_act": "gelu", "text_config": {"_name_or_path": "lmsys/vicuna-7b-v1.5", "architectures": ["LlamaForCausalLM"], "max_position_embeddings": 4096, "model_type": "llama", "rms_norm_eps": 1e-05, "torch_dtype": "float16", "vocab_size": 32064}, "tie_word_embeddings": False, "torch_dtype": "float16", "vision_config": VIT, "vision_feature_layer": -2, "vision_feature_select_strategy": "default", "vocab_size": 32064},
    "llava-hf/llava-v1.6-mistral-7b-hf": {"architectures": ["LlavaNextForConditionalGeneration"], "ignore_index": -100, "image_grid_pinpoints": [[336, 672], [672, 336]], "image_token_index": 32000, "model_type": "llava_next", "projector_hidden_act": "gelu", "text_config": {"_name_or_path": "mistralai/Mistral-7B-Instruct-v0.2", "architectures": ["MistralForCausalLM"], "intermediate_size": 14336, "max_position_embeddings": 32768, "model_type": "mistral", "num_key_value_heads": 8, "rms_norm_eps": 1e-05, "rope_theta": 1000000.0, "sliding_window": None, "torch_dtype": "bfloat16", "vocab_size": 32064}, "torch_dtype": "float16", "use_image_newline_parameter": True, "vision_config": VIT, "vision_feature_layer": -2, "vision_feature_select_strategy": "default", "vocab_size": 32064},
    "nothing but the kind": {"model_type": "llava", "text_config": {"vocab_size": 32064}},
    "mistral's defaults": {"model_type": "llava_next", "text_config": {"model_type": "mistral", "vocab_size": 32064}},
    "a vision tower with the class's defaults": {"model_type": "llava", "image_token_index": 7, "text_config": SMALL, "vision_config": {"num_hidden_layers": 3}},
    "several feature layers, class token kept": {"model_type": "llava", "image_token_index": 7, "text_config": SMALL, "vision_config": VIT, "vision_feature_layer": [-2, 5, -1], "vision_feature_select_strategy": "full", "multimodal_projector_bias": False, "projector_hidden_act": "quick_gelu"},
    "rope_theta outside": {"model_type": "llava", "image_token_id": 9, "text_config": {**SMALL, "rope_theta": 5e5, "head_dim": 24, "num_key_value_heads": 2}},
    "rope_theta inside": {"model_type": "llava", "image_token_index": 9, "text_config": {**SMALL, "rope_parameters": {"rope_type": "default", "rope_theta": 2e4}, "attention_bias": True, "mlp_bias": True}},
    "linearly scaled positions, older spelling": {"model_type": "llava", "image_token_index": 9, "text_config": {**SMALL, "rope_theta": 3e4, "rope_scaling": {"type": "linear", "factor": 2.0}}},
    "Llama 3's positions": {"model_type": "llava", "image_token_index": 9, "text_config": {**SMALL, "rope_theta": 5e5, "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}}},
    "a sliding window": {"model_type": "llava", "image_token_index": 9, "text_config": {**SMALL, "model_type": "mistral", "sliding_window": 1024, "num_key_value_heads": 2, "max_position_embeddings": 32768}},
    "embeddings tied inside": {"model_type": "llava", "image_token_index": 9, "text_config": {**SMALL, "tie_word_embeddings": True}},
    "embeddings tied outside": {"model_type": "llava", "image_token_index": 9, "tie_word_embeddings": True, "text_config": SMALL},
    "embeddings tied inside, next": {"model_type": "llava_next", "image_token_index": 9, "text_config": {**SMALL, "tie_word_embeddings": True}},
    "scaling beside parameters": rope(rope_parameters={"rope_type": "default", "rope_theta": 5e5}, rope_scaling={"type": "linear", "factor": 2.0}, rope_theta=3e5),
    "scaling beside parameters, the one theta with them": rope(rope_parameters={"rope_type": "default", "rope_theta": 5e5}, rope_scaling={"type": "linear", "factor": 2.0}),
    "scaling that is empty": rope(rope_parameters={"rope_type": "linear", "rope_theta": 5e5, "factor": 4.0}, rope_scaling={}, rope_theta=3e5),
    "scaling that is null": rope(rope_parameters={"rope_type": "linear", "rope_theta": 5e5, "factor": 4.0}, rope_scaling=None),
    "scaling with its own theta": rope(rope_scaling={"rope_type": "linear", "factor": 2.0, "rope_theta": 7e4}, rope_theta=3e5),
    "two names of the kind": rope(rope_scaling={"rope_type": "default", "type": "linear", "rope_theta": 7e4}),
    "parameters without a theta": rope(rope_parameters={"rope_type": "linear", "factor": 2.0}, rope_theta=3e5),
    "parameters that are empty": rope(rope_parameters={}, rope_theta=3e5),
    "Llama 3's positions without their length": rope(max_position_embeddings=1024, rope_parameters={"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "rope_theta": 5e5}),
    "Llama 3's positions, their length outside": rope(max_position_embeddings=1024, original_max_position_embeddings=512, rope_scaling={"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 256}),
    "the image's token by both names": {"model_type": "llava", "image_token_index": 9, "image_token_id": 11, "text_config": SMALL},
    "the image's token by both names, next": {"model_type": "llava_next", "image_token_id": 11, "image_token_index": 9, "text_config": SMALL},
    "mistral's scaling beside parameters": rope(model_type="mistral", num_key_value_heads=2, rope_parameters={"rope_type": "default", "rope_theta": 5e5}, rope_scaling={"type": "linear", "factor": 2.0}),
    "a Qwen2 decoder": {"model_type": "llava", "image_token_index": 9, "text_config": {"model_type": "qwen2", "hidden_size": 64, "num_attention_heads": 4, "num_key_value_heads": 2, "eos_token_id": [2, 5], "sliding_window": 512, "attention_bias": False}},
    "a SigLIP tower": {"model_type": "llava", "image_token_index": 9, "text_config": SMALL, "vision_config": {"model_type": "siglip_vision_model", "num_hidden_layers": 3}, "vision_feature_layer": -1, "vision_feature_select_strategy": "full"},
    "ids": {"model_type": "llava", "image_token_index": 9, "text_config": {**SMALL, "bos_token_id": None, "eos_token_id": [2, 5], "pad_token_id": 3}},
}
# fmt: on


def scaling(rope):
    if rope["rope_type"] == "default":
        return None
    names = {
        "factor": "factor",
        "low_freq_factor": "lowFrequencyFactor",
        "high_freq_factor": "highFrequencyFactor",
        "original_max_position_embeddings": "originalPositions",
    }
    return {"kind": rope["rope_type"]} | {ours: rope[theirs] for theirs, ours in names.items() if theirs in rope}


def ends_of(config, t):
    """Where generate() stops without a generation_config.json."""
    ends = config.get("eos_token_id")
    ends = getattr(t, "eos_token_id", None) if ends is None else ends
    return ends if isinstance(ends, list) else [ends]


def text_of(c, config, **own):
    t = c.text_config
    t.standardize_rope_params()  # as the rotary embedding does before it reads them
    return {
        "modelType": t.model_type,
        "vocabSize": t.vocab_size,
        "hiddenSize": t.hidden_size,
        "intermediateSize": t.intermediate_size,
        "layers": t.num_hidden_layers,
        "heads": t.num_attention_heads,
        "keyValueHeads": t.num_key_value_heads,
        "headDim": getattr(t, "head_dim", None) or t.hidden_size // t.num_attention_heads,
        "ropeTheta": t.rope_parameters["rope_theta"],
        "rmsNormEps": t.rms_norm_eps,
        "tiedEmbeddings": c.tie_word_embeddings,
        "attentionBias": "all" if getattr(t, "attention_bias", False) else "none",
        "headNorm": False,
        "ropeSections": None,
        "mlpBias": getattr(t, "mlp_bias", False),
        "ropeScaling": scaling(t.rope_parameters),
        "maxPositions": t.max_position_embeddings,
        "slidingWindow": getattr(t, "sliding_window", None),
        "bosTokenId": getattr(t, "bos_token_id", None),
        "eosTokenIds": ends_of(config, t),
        **own,
    }


def qwen_expected(config):
    newer = config["model_type"] == "qwen3_vl"
    c = (Qwen3VLConfig if newer else Qwen2_5_VLConfig).from_dict(config)
    v = c.vision_config
    eyes = {
        "hiddenSize": v.hidden_size,
        "intermediateSize": v.intermediate_size,
        "layers": v.depth,
        "heads": v.num_heads,
        "patchSize": v.patch_size,
        "merge": v.spatial_merge_size,
        "temporalPatchSize": v.temporal_patch_size,
        "ropeTheta": v.rope_parameters["rope_theta"],
    }
    eyes |= (
        {"tableSide": int(v.num_position_embeddings**0.5), "deepstackBlocks": list(v.deepstack_visual_indexes)}
        if newer
        else {"windowSize": v.window_size, "fullBlocks": list(v.fullatt_block_indexes)}
    )
    own = {
        "headNorm": newer,
        "ropeSections": {"lengths": c.text_config.rope_parameters["mrope_section"], "interleaved": newer},
        "bosTokenId": None,
    }
    if not newer:
        own["attentionBias"] = "queries, keys and values"
    return {
        "family": config["model_type"],
        "text": text_of(c, config, **own),
        "vision": eyes,
        "imageTokenId": c.image_token_id,
        "special": {
            "videoTokenId": c.video_token_id,
            "visionStartTokenId": c.vision_start_token_id,
            "visionEndTokenId": c.vision_end_token_id,
        },
    }


def smolvlm_expected(config):
    c = {"idefics3": Idefics3Config, "smolvlm": SmolVLMConfig}[config["model_type"]].from_dict(config)
    v = c.vision_config
    return {
        "family": "smolvlm",
        "modelType": config["model_type"],
        "text": text_of(c, config),
        "vision": {
            "hiddenSize": v.hidden_size,
            "intermediateSize": v.intermediate_size,
            "layers": v.num_hidden_layers,
            "heads": v.num_attention_heads,
            "imageSize": v.image_size,
            "patchSize": v.patch_size,
            "layerNormEps": v.layer_norm_eps,
            "activation": v.hidden_act,
        },
        "shuffle": c.scale_factor,
        "imageTokenId": c.image_token_id,
    }


def llava_expected(config):
    c = {"llava": LlavaConfig, "llava_next": LlavaNextConfig}[config["model_type"]].from_dict(config)
    v = c.vision_config
    layers = c.vision_feature_layer if isinstance(c.vision_feature_layer, list) else [c.vision_feature_layer]
    own = {"attentionBias": "queries, keys and values"} if c.text_config.model_type == "qwen2" else {}
    return {
        "family": "llava",
        "vision": {
            "modelType": v.model_type.removesuffix("_vision_model"),
            "hiddenSize": v.hidden_size,
            "intermediateSize": v.intermediate_size,
            "layers": v.num_hidden_layers,
            "heads": v.num_attention_heads,
            "imageSize": v.image_size,
            "patchSize": v.patch_size,
            "layerNormEps": v.layer_norm_eps,
            "activation": v.hidden_act,
        },
        "text": text_of(c, config, **own),
        "featureLayers": layers,
        "featureSelect": c.vision_feature_select_strategy,
        "projectorActivation": c.projector_hidden_act,
        "projectorBias": c.multimodal_projector_bias,
        "imageTokenId": c.image_token_index,
    }


def expected(config):
    kind = config["model_type"]
    return (
        llava_expected if kind.startswith("llava") else qwen_expected if kind.startswith("qwen") else smolvlm_expected
    )(config)


cases = [
    {"name": name, "config": config, "expected": expected(json.loads(json.dumps(config)))}
    for name, config in (CASES | FAMILIES).items()
]
with open("test/golden/vlm-configs.json", "w") as file:
    file.write("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")
