"""Writes test/golden/vlm-configs.json: configurations as the hub has them, with what transformers reads out of them.

usage: python scripts/golden/vlm-configs.py      (pip install transformers; made with 5.24.0)
"""
import json
from transformers import LlavaConfig, LlavaNextConfig

VIT = {"hidden_size": 1024, "image_size": 336, "intermediate_size": 4096, "model_type": "clip_vision_model", "num_attention_heads": 16, "num_hidden_layers": 24, "patch_size": 14, "projection_dim": 768, "vocab_size": 32000}
SMALL = {"hidden_size": 64, "intermediate_size": 96, "num_attention_heads": 4, "num_hidden_layers": 2, "vocab_size": 400}


def rope(**text):
    return {"model_type": "llava", "image_token_index": 9, "text_config": {**SMALL, **text}}


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


def scaling(rope):
    if rope["rope_type"] == "default":
        return None
    names = {"factor": "factor", "low_freq_factor": "lowFrequencyFactor", "high_freq_factor": "highFrequencyFactor", "original_max_position_embeddings": "originalPositions"}
    return {"kind": rope["rope_type"]} | {ours: rope[theirs] for theirs, ours in names.items() if theirs in rope}


def expected(config):
    c = {"llava": LlavaConfig, "llava_next": LlavaNextConfig}[config["model_type"]].from_dict(config)
    t, v = c.text_config, c.vision_config
    t.standardize_rope_params()  # as the rotary embedding does before it reads them
    ends = t.eos_token_id if isinstance(t.eos_token_id, list) else [t.eos_token_id]
    layers = c.vision_feature_layer if isinstance(c.vision_feature_layer, list) else [c.vision_feature_layer]
    return {
        "family": "llava",
        "vision": {"modelType": v.model_type.removesuffix("_vision_model"), "hiddenSize": v.hidden_size, "intermediateSize": v.intermediate_size, "layers": v.num_hidden_layers, "heads": v.num_attention_heads, "imageSize": v.image_size, "patchSize": v.patch_size, "layerNormEps": v.layer_norm_eps, "activation": v.hidden_act},
        "text": {"modelType": t.model_type, "vocabSize": t.vocab_size, "hiddenSize": t.hidden_size, "intermediateSize": t.intermediate_size, "layers": t.num_hidden_layers, "heads": t.num_attention_heads, "keyValueHeads": t.num_key_value_heads, "headDim": getattr(t, "head_dim", None) or t.hidden_size // t.num_attention_heads, "ropeTheta": t.rope_parameters["rope_theta"], "rmsNormEps": t.rms_norm_eps, "tiedEmbeddings": c.tie_word_embeddings, "attentionBias": "queries, keys and values" if t.model_type == "qwen2" else "all" if getattr(t, "attention_bias", False) else "none", "headNorm": False, "ropeSections": None, "mlpBias": getattr(t, "mlp_bias", False), "ropeScaling": scaling(t.rope_parameters), "maxPositions": t.max_position_embeddings, "slidingWindow": getattr(t, "sliding_window", None), "bosTokenId": t.bos_token_id, "eosTokenIds": ends},
        "featureLayers": layers, "featureSelect": c.vision_feature_select_strategy, "projectorActivation": c.projector_hidden_act, "projectorBias": c.multimodal_projector_bias, "imageTokenId": c.image_token_index,
    }


cases = [{"name": name, "config": config, "expected": expected(config)} for name, config in CASES.items()]
with open("test/golden/vlm-configs.json", "w") as file:
    file.write("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")
