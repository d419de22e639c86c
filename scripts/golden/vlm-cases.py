"""Writes reference checkpoints for `gtr conformance vlm`: small random Qwen2.5-VL, Qwen3-VL, SmolVLM and Idefics3
models that differ in the ways real checkpoints do, with the results of transformers, peft and torch.

usage: python scripts/golden/vlm-cases.py OUT_DIR CASE...
           cases of vlm_case_list.py
       python scripts/golden/vlm-cases.py --check CASE_DIR...
           reloads the cases from disk and compares with reference.safetensors
(pip install torch transformers peft safetensors pillow==11.3.0; made with 2.15.0, 5.24.0, 0.21.2)

References are computed in float32 from the checkpoint on disk: casting a live model rounds its rotary frequencies too.
"""

import sys, os, json, shutil, tempfile, warnings
import torch
from PIL import Image
from safetensors.torch import save_file, load_file
from peft import LoraConfig, PeftModel, get_peft_model
import transformers as tf
from vlm_case_list import CASES
from vlm_models import BOS, EOS, IDS, PAD, QWEN, ROW_COL, build, module_names, older_layout, picture, randomise


def load(cls, d, **kw):
    """The base model alone: from_pretrained on a folder with an adapter_config.json would silently add the adapter."""
    with tempfile.TemporaryDirectory() as t:
        for f in ("config.json", "model.safetensors", "generation_config.json"):
            shutil.copy(os.path.join(d, f), t)
        return cls.from_pretrained(t, dtype=torch.float32, **{"attn_implementation": "eager", **kw}).eval()


def image_block(c, seen, row):
    """The ids that stand for the image of a row."""
    I, v = IDS, c["vision"]
    if QWEN(c):
        n = int(seen["image_grid_thw"][row].prod()) // c.get("merge", 2) ** 2
        return [I["vision_start"]] + [I["image"]] * n + [I["vision_end"]]
    tile = [I["image"]] * ((v["image"] // v["patch"]) ** 2 // v["scale"] ** 2)
    rows, cols = seen["rows"][row][0], seen["cols"][row][0]
    out = []
    for r in range(rows):
        for k in range(cols):
            out += [I["fake_around_image"], ROW_COL(r, k)] + tile
        if r < rows - 1:
            out += [I["newline"]]
    return (
        out
        + ([I["double_newline"]] if rows else [])
        + [I["fake_around_image"], I["global_image"]]
        + tile
        + [I["fake_around_image"]]
    )


def forward_args(c, ref, ids):
    out = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "pixel_values": ref["pixel_values"]}
    if QWEN(c):
        return {**out, "image_grid_thw": ref["image_grid_thw"].long(), "mm_token_type_ids": (ids == IDS["image"]).int()}
    return {**out, "pixel_attention_mask": ref["pixel_attention_mask"].long()}


def features(model, c, a):
    """Image features as they enter the decoder, in the order of the placeholders; and intermediate results."""
    if QWEN(c):
        o = model.model.get_image_features(a["pixel_values"], a["image_grid_thw"], return_dict=True)
        out = {"image_features": torch.cat(list(o.pooler_output))}
        if c["family"] == "qwen3" and o.deepstack_features:
            out["deepstack_features"] = torch.stack([torch.cat(list(f)) for f in o.deepstack_features])
        return out
    seen = []
    hook = model.model.vision_model.embeddings.position_embedding.register_forward_hook(
        lambda m, i, o: seen.append(i[0])
    )
    o = model.model.get_image_features(a["pixel_values"], a["pixel_attention_mask"], return_dict=True)
    hook.remove()
    tokens = (c["vision"]["image"] // c["vision"]["patch"] // c["vision"]["scale"]) ** 2
    return {
        "image_features": torch.cat(list(o.pooler_output)).reshape(-1, tokens, c["hidden"]),
        "vision_position_ids": seen[0].int(),
    }


def special(c):
    return {
        k: n
        for k, n in IDS.items()
        if (k in ("image", "video", "vision_start", "vision_end")) == QWEN(c) or k == "image"
    } | (
        {}
        if QWEN(c) or not c["vision"]["split"]
        else {f"row_{r + 1}_col_{k + 1}": ROW_COL(r, k) for r in range(3) for k in range(3)}
    )


def attempt(d, c, seed):
    """One seed. Returns None where a comparison would be ambiguous (near ties), else a line for the log."""
    shutil.rmtree(d, ignore_errors=True)
    os.makedirs(d)
    torch.manual_seed(seed)
    cls, cfg, pre, processor = build(c)
    model = cls(cfg)
    randomise(model, seed)
    model.to(getattr(torch, c["dtype"])).save_pretrained(d)
    if c["hub"]:
        older_layout(d, c["family"])
    elif c["family"] == "qwen2_5":
        module_names(d)
    pre.update(c.get("pre", {}))
    json.dump(pre, open(os.path.join(d, "preprocessor_config.json"), "w"), indent=2)
    model = load(cls, d)
    images = [Image.fromarray(picture(w, h, 10 * seed + i)) for i, (w, h) in enumerate(c["images"])]
    for i, im in enumerate(images):
        im.save(os.path.join(d, f"image_{i}.png"))
    seen = processor.from_pretrained(d)(
        [[im] for im in images] if not QWEN(c) else images,
        return_tensors="pt",
        **({} if QWEN(c) else {"return_row_col_info": True}),
    )
    g = torch.Generator().manual_seed(seed + 100)
    rnd = lambda *s: torch.randint(3, 290, s, generator=g)
    B, out_len = 3, 10
    blocks = [image_block(c, seen, i) for i in range(B)]
    length = max(map(len, blocks)) + 15
    ids = torch.stack([torch.cat([rnd(5), torch.tensor(b), rnd(length - 5 - len(b))]) for b in blocks])
    if not QWEN(c):
        ids[:, 0] = BOS
    full = torch.cat([ids, rnd(B, out_len)], 1)
    prompt_len = ids.shape[1]
    ref = {k: seen[k] for k in ("pixel_values", "image_grid_thw", "pixel_attention_mask") if k in seen}
    ref = {k: t.int() if not t.is_floating_point() else t.float() for k, t in ref.items()} | {
        "prompt_ids": ids.int(),
        "full_ids": full.int(),
    }
    a = forward_args(c, ref, full)
    with torch.no_grad():
        o = model(**a, output_hidden_states=True)
        ref["base_logits"], ref["base_last_hidden"] = o.logits, o.hidden_states[-1]
        assert torch.equal(model.lm_head(o.hidden_states[-1]), o.logits)
        ref.update(features(model, c, a))
        if QWEN(c):
            pos, delta = model.model.get_rope_index(
                full, a["mm_token_type_ids"], image_grid_thw=a["image_grid_thw"], attention_mask=a["attention_mask"]
            )
            ref["position_ids"], ref["rope_delta"] = pos.int(), delta[:, 0].int()
            assert torch.equal(model(**a, position_ids=pos).logits, o.logits)
        else:
            ref["position_ids"] = torch.arange(full.shape[1]).expand(B, -1).int()
    tower = "language_model" if QWEN(c) else "text_model"
    pm = get_peft_model(
        model,
        LoraConfig(
            r=c["rank"],
            lora_alpha=2 * c["rank"],
            lora_dropout=0.0,
            bias="none",
            task_type="CAUSAL_LM",
            **c.get("lora", {}),
            target_modules=c.get("targets", rf".*{tower}.*\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)"),
        ),
    )
    with torch.no_grad():
        for n, p in pm.named_parameters():
            if "lora_B" in n:
                p.copy_(torch.randn(p.shape, generator=g) * 0.05)
    L = torch.nn.Linear
    vhead = torch.nn.Sequential(L(c["hidden"], 32), torch.nn.ReLU(), L(32, 16), torch.nn.ReLU(), L(16, 1))
    pm.save_pretrained(d)
    if os.path.exists(p := os.path.join(d, "README.md")):
        os.remove(p)
    path = os.path.join(d, "adapter_config.json")
    ac = json.load(open(path))
    ac["base_model_name_or_path"] = None
    json.dump(ac, open(path, "w"), indent=2)
    save_file({k: v.contiguous() for k, v in vhead.state_dict().items()}, os.path.join(d, "value_head.safetensors"))
    temperature, coef, split = 0.7, 0.5, 6  # response tokens before `split` are the thought
    o = pm(**a, output_hidden_states=True)
    logits = o.logits[:, prompt_len - 1 : -1]
    pick = lambda x: torch.log_softmax(x, -1).gather(-1, full[:, prompt_len:, None])[..., 0]  # [B, out_len]
    lp, raw = pick(logits / temperature), pick(logits)
    logprob = coef * lp[:, :split].sum(1) + lp[:, split:].sum(1)
    value = vhead(o.hidden_states[-1][:, prompt_len - 1])[:, 0]
    old, adv, ret, oldv = (torch.randn(B, generator=g) for _ in range(4))
    old = logprob.detach() + 0.15 * old
    oldv = value.detach() + 0.15 * oldv
    ratio = (logprob - old).exp()
    surr = -torch.min(ratio * adv, ratio.clamp(0.9, 1.1) * adv).mean()
    vclip = oldv + (value - oldv).clamp(-0.1, 0.1)
    vloss = 0.5 * torch.max((value - ret) ** 2, (vclip - ret) ** 2).mean()
    loss, sft = surr + 0.5 * vloss, -raw[:, :split].mean()
    clipped = ((ratio > 1.1) & (adv > 0)) | ((ratio < 0.9) & (adv < 0))
    stuck = ((vclip - ret) ** 2 > (value - ret) ** 2) & ((value - oldv).abs() > 0.1)
    edges = (
        torch.cat([(ratio - 0.9).abs(), (ratio - 1.1).abs(), ((value - oldv).abs() - 0.1).abs(), adv.abs()])
        .min()
        .item()
    )
    ref.update(
        lora_logits=o.logits,
        token_logprobs=lp,
        action_logprob=logprob,
        value=value,
        old_logprob=old,
        advantage=adv,
        returns=ret,
        old_value=oldv,
        ppo_action_loss=surr[None],
        ppo_value_loss=vloss[None],
        sft_loss=sft[None],
    )
    named = [
        (n.replace("base_model.model.", "").replace(".default", ""), p)
        for n, p in pm.named_parameters()
        if p.requires_grad
    ] + [("value_head." + n, p) for n, p in vhead.named_parameters()]
    for tag, l in (("ppo", loss), ("sft", sft)):
        for (n, _), x in zip(
            named, torch.autograd.grad(l, [p for _, p in named], retain_graph=True, allow_unused=True)
        ):
            if x is not None:
                ref[f"grad.{tag}.{n}"] = x
    weak = min(min(ref[k].abs().max().item() for k in ref if k.startswith(f"grad.{t}.")) for t in ("ppo", "sft"))
    with torch.no_grad():
        gen = pm.generate(
            **forward_args(c, ref, ids),
            do_sample=False,
            max_new_tokens=24,
            repetition_penalty=1.2,
            use_cache=True,
            output_scores=True,
            return_dict_in_generate=True,
        )
    greedy = gen.sequences[:, prompt_len:]
    live = torch.cat([torch.ones(B, 1, dtype=torch.bool), (greedy == EOS).cumsum(1)[:, :-1] == 0], 1)
    top = torch.stack(gen.scores, 1).topk(2, -1).values
    gap = (top[..., 0] - top[..., 1])[live].min().item()
    ref["greedy_ids"] = torch.nn.functional.pad(greedy, (0, 24 - greedy.shape[1]), value=PAD).int()
    rows = [r[l].tolist() for r, l in zip(greedy, live)]
    various = min(len(set(r)) / len(r) for r in rows)
    if (
        gap < 4e-3
        or edges < 1e-2
        or (weak < 1e-5 and "targets" not in c)
        or various < 0.4
        or any(IDS["image"] in r or PAD in r for r in rows)
        or live.sum() < 40
        or bool(live.all()) == c["eos"]
        or bool(clipped.all() or stuck.all())
    ):
        return print(
            "  skipped seed",
            seed,
            f"gap {gap:.4f} edges {edges:.3f} weakest gradient {weak:.1e} "
            f"different {various:.2f} tokens {int(live.sum())}",
        )
    save_file({k: v.detach().contiguous() for k, v in ref.items()}, os.path.join(d, "reference.safetensors"))
    json.dump(
        {
            "case": os.path.basename(d),
            "family": c["family"],
            "seed": seed,
            "prompt_len": prompt_len,
            "image_tokens": [b.count(IDS["image"]) for b in blocks],
            **(
                {}
                if QWEN(c)
                else {"tile_rows": [r[0] for r in seen["rows"]], "tile_cols": [r[0] for r in seen["cols"]]}
            ),
            "special_ids": special(c),
            "temperature": temperature,
            "thought_coefficient": coef,
            "thought_tokens": split,
            "ppo_clip": 0.1,
            "value_loss_coefficient": 0.5,
            "repetition_penalty": 1.2,
            "greedy_max_new_tokens": 24,
            "greedy_smallest_gap": round(gap, 5),
            "pad_token_id": PAD,
            "eos_token_id": EOS,
            "loss": "ppo gradients are of ppo_action_loss + 0.5 * ppo_value_loss; sft gradients are of sft_loss "
            "(mean over the thought tokens, logits NOT divided by the temperature)",
            "repetition_penalty_scope": "over the prompt ids (placeholders and special ids too) and the generated ids",
        },
        open(os.path.join(d, "reference.json"), "w"),
        indent=1,
    )
    return (
        f"{os.path.basename(d)} seed {seed} gap {gap:.4f} edges {edges:.3f} weakest gradient {weak:.1e} "
        f"T {full.shape[1]} pixels {tuple(ref['pixel_values'].shape)} loss {loss.item():.4f} {sft.item():.4f}"
    )


def make(out, name, c):
    for seed in range(c.get("seed", 100), 100000, 100):
        if line := attempt(os.path.join(out, name), c, seed):
            return print(line, flush=True)
    raise SystemExit(f"{name}: no seed without near ties")


def check(d):
    """Errors against the files on disk: base, adapter, sdpa attention, each row alone, greedy ids without a cache."""
    ref, meta = load_file(os.path.join(d, "reference.safetensors")), json.load(open(os.path.join(d, "reference.json")))
    arch = json.load(open(os.path.join(d, "config.json")))["architectures"][0]
    cls = getattr(tf, arch)
    c = {"family": meta["family"]}
    full, B = ref["full_ids"].long(), 3
    diff = lambda x, y: (x - y).abs().max().item()
    with torch.no_grad():
        model = load(cls, d)
        a = forward_args(c, ref, full)
        base = model(**a).logits
        print(
            os.path.basename(d),
            f"base {diff(base, ref['base_logits']):.1e}",
            f"sdpa {diff(load(cls, d, attn_implementation='sdpa')(**a).logits, base):.1e}",
            end=" ",
        )
        alone = []
        for i in range(B):
            r = {
                k: v[i : i + 1]
                for k, v in ref.items()
                if k in ("pixel_values", "image_grid_thw", "pixel_attention_mask")
            }
            if QWEN(c):
                n = ref["image_grid_thw"].long().prod(1)
                s = n.cumsum(0)[i] - n[i]
                r["pixel_values"] = ref["pixel_values"][s : s + n[i]]
            alone.append(diff(model(**forward_args(c, r, full[i : i + 1])).logits[0], base[i]))
        pm = PeftModel.from_pretrained(model, d).eval()
        print(f"rows alone {max(alone):.1e}", f"adapter {diff(pm(**a).logits, ref['lora_logits']):.1e}", end=" ")
        P, greedy = meta["prompt_len"], ref["greedy_ids"].long()
        seq = torch.cat([ref["prompt_ids"].long(), greedy], 1)
        wrong = 0
        logits = pm(**forward_args(c, ref, seq)).logits
        for b in range(B):
            for t in range(greedy.shape[1]):
                s = logits[b, P + t - 1].clone()
                u = seq[b, : P + t].unique()
                s[u] = torch.where(s[u] > 0, s[u] / 1.2, s[u] * 1.2)
                wrong += int(s.argmax() != greedy[b, t])
                if greedy[b, t] == EOS:
                    break
        print("greedy differences", wrong, "bytes", sum(e.stat().st_size for e in os.scandir(d)), flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    tf.utils.logging.set_verbosity_error()
    tf.utils.logging.disable_progress_bar()
    args = sys.argv[1:]
    if args[0] == "--check":
        [check(d.rstrip("/")) for d in args[1:]]
    else:
        for name in args[1:]:
            make(args[0], name, CASES[name])
