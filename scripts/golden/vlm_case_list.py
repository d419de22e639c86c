"""The cases of vlm-cases.py: the committed ones, and one for each way in which checkpoints differ.

images: (width, height) of the three rows
hub: config (and, for qwen2_5, tensor names) as older releases wrote them
eos: greedy decoding ends early in some row
text, vis, rope, pre, lora: additional fields of text_config, vision_config, rope_parameters, preprocessor_config.json
and LoraConfig; targets: adapted modules
merge: patches to the side of a cell; frames: pictures in a patch
"""


def case(base, vision, **own):
    return {**base, **own, "vision": {**base["vision"], **vision}}


PART = dict(hidden=64, layers=2, heads=4, kv=2, ffn=96, tie=False, dtype="float32", hub=False, eos=False)
QWEN2_5 = dict(
    PART,
    family="qwen2_5",
    theta=1e6,
    sections=[2, 3, 3],
    rank=2,
    images=[[56, 38], [34, 58], [85, 22]],
    vision=dict(hidden=24, depth=2, heads=2, ffn=40, patch=6, window=24, full=[1]),
)
QWEN3 = dict(
    QWEN2_5,
    family="qwen3",
    head_dim=16,
    sections=[4, 2, 2],
    vision=dict(hidden=24, depth=3, heads=2, ffn=40, patch=6, positions=36, deepstack=[0, 2]),
)
SMOL = dict(
    PART,
    family="smolvlm",
    theta=1e5,
    rank=3,
    images=[[90, 60], [48, 48], [31, 77]],
    vision=dict(hidden=32, depth=2, heads=4, ffn=64, patch=6, image=48, scale=4, split=False, tiles=2),
)
SQUARES = dict(images=[[30, 34], [34, 30], [40, 22]])
TILES = dict(images=[[90, 40], [41, 85], [70, 60]])
CASES = {
    # Committed. Deepstack blocks in another order than their features; tiles whose width is not a whole number of
    # patches.
    "qwen3-small": case(
        QWEN3,
        dict(patch=4, positions=25, deepstack=[1, 0]),
        hidden=48,
        layers=3,
        ffn=64,
        theta=5e6,
        tie=True,
        dtype="bfloat16",
        hub=True,
        seed=3732,
        images=[[40, 32], [48, 24], [31, 33]],
    ),
    "smolvlm-small": case(
        SMOL,
        dict(hidden=24, heads=2, ffn=40, patch=4, image=26, scale=2, split=True),
        hidden=48,
        layers=3,
        ffn=64,
        theta=1e4,
        tie=True,
        dtype="bfloat16",
        hub=True,
        rank=2,
        seed=3533,
        images=[[50, 20], [20, 50], [40, 38]],
    ),
    "qwen2_5-no-full": case(QWEN2_5, dict(depth=1, heads=1, full=[], window=12), kv=4, dtype="float16"),
    "qwen2_5-all-full": case(QWEN2_5, dict(full=[0, 1], window=1000)),
    "qwen2_5-patch14": case(
        QWEN2_5,
        dict(patch=14, window=112, depth=3, full=[0]),
        hub=True,
        dtype="bfloat16",
        images=[[200, 130], [130, 200], [160, 160]],
        pre={"max_pixels": 23520},
    ),
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
    "qwen3-no-deepstack": case(
        QWEN3, dict(deepstack=[]), text={"attention_bias": True}, kv=1, head_dim=32, sections=[6, 5, 5]
    ),
    "qwen3-unsorted": case(QWEN3, dict(deepstack=[2, 0]), tie=True),
    "qwen3-more-than-layers": case(QWEN3, dict(depth=4, deepstack=[0, 1, 2, 3])),
    "qwen3-side7": case(QWEN3, dict(positions=49), dtype="float16", head_dim=32, sections=[6, 5, 5], hub=True),
    "qwen3-short-sections": case(QWEN3, {}, head_dim=32, sections=[2, 1, 1], hub=True, dtype="bfloat16", tie=True),
    "qwen3-long-sections": case(QWEN3, {}, head_dim=32, sections=[4, 8, 4]),
    "qwen3-merge3": case(QWEN3, dict(depth=1, deepstack=[0], patch=4), merge=3),
    "qwen3-merge1": case(QWEN3, {}, merge=1, **SQUARES, pre={"size": {"longest_edge": 1296, "shortest_edge": 36}}),
    "qwen3-frames1-linear": case(QWEN3, {}, frames=1, rope={"rope_type": "linear", "factor": 3.0}),
    "qwen3-heads6": case(QWEN3, {}, heads=6, kv=3, hidden=96, head_dim=12, sections=[2, 2, 2], tie=True, hub=True),
    "qwen3-thin": case(
        QWEN3, {}, images=[[8, 110], [110, 8], [30, 30]], pre={"size": {"longest_edge": 65536, "shortest_edge": 144}}
    ),
    "smolvlm-left-out": case(SMOL, dict(image=50, patch=7, scale=7)),
    "smolvlm-left-out-tiles": case(
        SMOL, dict(image=45, patch=7, scale=3, split=True), **TILES, hub=True, dtype="bfloat16"
    ),
    "smolvlm-scale1": case(SMOL, dict(image=24, scale=1)),
    "smolvlm-biases": case(SMOL, dict(heads=1), kv=4, text={"attention_bias": True, "mlp_bias": True, "head_dim": 24}),
    "smolvlm-tiles3": case(
        SMOL,
        dict(image=36, scale=3, split=True, tiles=3),
        images=[[100, 30], [30, 100], [90, 85]],
        hub=True,
        dtype="float16",
    ),
    "smolvlm-gelu": case(SMOL, {}, vis={"hidden_act": "gelu", "layer_norm_eps": 1e-5}),
    "smolvlm-llama3": case(
        SMOL,
        {},
        rope={
            "rope_type": "llama3",
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 64,
        },
        tie=True,
    ),
    "smolvlm-linear": case(SMOL, dict(split=True, image=36, scale=2), rope={"rope_type": "linear", "factor": 2.0}),
    "smolvlm-side19": case(SMOL, dict(image=57, patch=3, scale=19)),
    "smolvlm-side25": case(SMOL, dict(image=75, patch=3, scale=5)),
    "idefics3-tied": case(SMOL, {}, family="idefics3", tie=True, dtype="bfloat16"),
    "idefics3-one-tile": case(
        SMOL, dict(split=True), family="idefics3", images=[[48, 48], [90, 60], [30, 77]], hub=True
    ),
    "smolvlm-bicubic": case(SMOL, dict(split=True), pre={"resample": 3}),
    # towers of 256 and 400 patches a tile, which run in fused kernels
    "smolvlm-large-split": case(
        SMOL,
        dict(image=64, patch=4, scale=4, split=True),
        images=[[150, 60], [60, 150], [120, 110]],
        dtype="float16",
        hub=True,
    ),
    "smolvlm-large-gelu": case(SMOL, dict(image=64, patch=4, scale=2), vis={"hidden_act": "gelu"}, dtype="bfloat16"),
    "idefics3-large": case(
        SMOL, dict(image=80, patch=5, scale=8, hidden=48, heads=3, depth=3), family="idefics3", tie=True
    ),
    # adapters
    "qwen3-stabilised": case(QWEN3, {}, lora=dict(use_rslora=True)),
    "qwen2_5-one-layer": case(
        QWEN2_5, {}, lora=dict(layers_to_transform=[1]), targets=["q_proj", "v_proj", "down_proj"], hub=True
    ),
    "qwen2_5-tower": case(
        QWEN2_5,
        {},
        targets=r".*(visual.*attn\.(qkv|proj)|visual.merger.mlp.[02]|visual.*mlp.*proj|language_model.*q_proj)",
    ),
    "qwen3-tower": case(
        QWEN3,
        dict(heads=3),
        targets=r".*(visual.*attn\.(qkv|proj)|linear_fc\d|language_model.*o_proj)",
        hub=True,
        dtype="bfloat16",
    ),
    "smolvlm-excluded": case(
        SMOL, {}, targets="all-linear", lora=dict(exclude_modules=r".*vision_model.*|.*connector.*|lm_head")
    ),
    "smolvlm-tower": case(
        SMOL,
        dict(split=True),
        targets=r".*(vision_model.*(q_proj|out_proj|fc\d)|modality_projection.proj|text_model.*gate_proj)",
    ),
}
