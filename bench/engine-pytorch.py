"""The work of bench/engine.ts in PyTorch and transformers on one thread: reads lines `CASE VARIANT` and answers each
with the CPU seconds of one run.

pip install torch==2.15.0 transformers==5.24.0 peft==0.21.2
python bench/engine-pytorch.py SPEC.json        (bench/engine.ts writes SPEC.json and sends the lines)

Variants of updates: `eager` and `sdpa` are transformers' own attention, with logits of the response only;
`sdpa-trimmed` also computes the last layer's queries, output projection and MLP for the needed positions only, as the
engine does.
"""

import json, pathlib, random, resource, sys, time
import torch
from transformers import LlavaConfig, LlavaForConditionalGeneration
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

SPECIAL = 4
spec = json.loads(pathlib.Path(sys.argv[1]).read_text())
torch.set_num_threads(spec["threads"])
torch.manual_seed(1)
random.seed(1)
models = {}


def model_of(name, attention, lora=None):
    """Random weights in the shapes of a checkpoint folder; one model serves all variants."""
    if (name, lora) not in models:
        config = LlavaConfig(**json.loads((pathlib.Path(spec["models"][name]) / "config.json").read_text()))
        models.clear()
        model = LlavaForConditionalGeneration(config).train()
        hidden = config.text_config.hidden_size
        head = torch.nn.Sequential(
            torch.nn.Linear(hidden, 64),
            torch.nn.ReLU(),
            torch.nn.Linear(64, 32),
            torch.nn.ReLU(),
            torch.nn.Linear(32, 1),
        )
        if lora is not None:
            from peft import LoraConfig, get_peft_model

            linear = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
            # The wrapped model itself has its layers replaced.
            get_peft_model(
                model,
                LoraConfig(
                    r=lora,
                    lora_alpha=2 * lora,
                    lora_dropout=0.0,
                    target_modules=rf"model\.language_model\..*\.({'|'.join(linear)})",
                ),
            )
        models[name, lora] = model, head
    model, head = models[name, lora]
    model.set_attn_implementation(attention)
    return model, head


def inputs(model, rows, prompt_tokens, shortest, longest):
    """Prompts of one length; responses of random lengths, padded on the right: a causal decoder needs no mask."""
    config = model.config
    image = (config.vision_config.image_size // config.vision_config.patch_size) ** 2
    words = lambda count: [random.randrange(SPECIAL, config.text_config.vocab_size) for _ in range(count)]
    prompts = [[1] + [config.image_token_id] * image + words(prompt_tokens - image - 1) for _ in range(rows)]
    responses = sorted(
        (words(random.randint(shortest, longest)) for _ in range(rows)), key=lambda response: -len(response)
    )
    pixels = torch.rand(rows, 3, config.vision_config.image_size, config.vision_config.image_size) * 2 - 1
    return prompts, responses, pixels


def hidden_states(model, ids, pixels, kept, trimmed):
    """Final-norm hidden states of the last `kept` positions."""
    if not trimmed:
        return model.model(input_ids=ids, pixel_values=pixels, use_cache=False).last_hidden_state[:, -kept:]
    decoder = model.model.language_model
    image = torch.cat(list(model.model.get_image_features(pixel_values=pixels).pooler_output))
    embedded = decoder.embed_tokens(ids)
    x = embedded.masked_scatter((ids == model.config.image_token_id)[..., None], image)
    rows, tokens, _ = x.shape
    turns = decoder.rotary_emb(x, torch.arange(tokens)[None])
    for layer in decoder.layers[:-1]:
        x = layer(x, attention_mask=None, position_ids=None, position_embeddings=turns)
    last = decoder.layers[-1]
    attention, normed = last.self_attn, last.input_layernorm(x)
    split = lambda projected: projected.view(rows, projected.shape[1], -1, attention.head_dim).transpose(1, 2)
    k, v, q = (
        split(attention.k_proj(normed)),
        split(attention.v_proj(normed)),
        split(attention.q_proj(normed[:, -kept:])),
    )
    (cosine, sine) = turns
    k = apply_rotary_pos_emb(k, k, cosine, sine)[1]
    q = apply_rotary_pos_emb(q, q, cosine[:, -kept:], sine[:, -kept:])[0]
    visible = torch.ones(kept, tokens, dtype=torch.bool).tril(tokens - kept)
    mixed = torch.nn.functional.scaled_dot_product_attention(
        q, k, v, attn_mask=visible, enable_gqa=k.shape[1] != q.shape[1]
    )
    x = x[:, -kept:] + attention.o_proj(mixed.transpose(1, 2).reshape(rows, kept, -1))
    return decoder.norm(x + last.mlp(last.post_attention_layernorm(x)))


def update(case, variant):
    """PPO and SFT losses of some optimizer steps, gradients accumulated over passes of `rowsPerPass` rows."""
    model, head = model_of(case["model"], "eager" if variant == "eager" else "sdpa", case.get("lora"))
    ppo, sft = case["ppo"], case["sft"]
    passes = []
    prompts, responses, pixels = inputs(model, ppo + sft, case["promptTokens"], case["shortest"], case["longest"])
    kinds = [index < ppo for index in range(ppo + sft)]
    random.shuffle(kinds)
    for start in range(0, ppo + sft, case["rowsPerPass"]):
        part = slice(start, start + case["rowsPerPass"])
        longest = max(map(len, responses[part]))
        ids = torch.tensor([p + r + [0] * (longest - len(r)) for p, r in zip(prompts[part], responses[part])])
        mask = torch.tensor([[1.0] * len(r) + [0.0] * (longest - len(r)) for r in responses[part]])
        passes.append((ids, mask, torch.tensor(kinds[part]), pixels[part]))
    parameters = [parameter for parameter in [*model.parameters(), *head.parameters()] if parameter.requires_grad]

    def run():
        for _ in range(case["steps"]):
            for ids, mask, is_ppo, images in passes:
                hidden = hidden_states(model, ids[:, :-1], images, mask.shape[1], variant == "sdpa-trimmed")
                logits = model.lm_head(hidden)
                targets = ids[:, case["promptTokens"] :, None]
                loss = 0.0
                if is_ppo.any():
                    logprob = (
                        torch.log_softmax(logits[is_ppo] / 0.2, -1).gather(-1, targets[is_ppo])[..., 0]
                        * mask[is_ppo]
                        * 0.5
                    ).sum(1)
                    value = head(hidden[is_ppo, 0])[:, 0]
                    ratio = (logprob - logprob.detach() - 0.01).exp()
                    loss = loss + (-torch.min(ratio, ratio.clamp(0.9, 1.1)) + 0.25 * (value - 1) ** 2).sum() / ppo
                if not is_ppo.all():
                    chosen = mask[~is_ppo]
                    picked = torch.log_softmax(logits[~is_ppo], -1).gather(-1, targets[~is_ppo])[..., 0]
                    loss = loss - (picked * chosen / chosen.sum(1, keepdim=True)).sum() / sft
                loss.backward()
            for parameter in parameters:
                parameter.grad = None

    return run


def sample(case, variant):
    model, _ = model_of(case["model"], "sdpa", case.get("lora"))
    prompts, _, pixels = inputs(model, case["rows"], case["promptTokens"], 1, 1)
    shared = case["rowsPerPrompt"]
    ids = torch.tensor([prompts[index - index % shared] for index in range(len(prompts))])
    pixels = pixels[[index - index % shared for index in range(len(prompts))]]

    def run():
        with torch.no_grad():
            for _ in range(case["rounds"]):
                model.generate(
                    input_ids=ids,
                    pixel_values=pixels,
                    attention_mask=torch.ones_like(ids),
                    do_sample=True,
                    temperature=1.0,
                    repetition_penalty=1.2,
                    max_new_tokens=case["tokens"],
                    min_new_tokens=case["tokens"],
                )

    return run


def product(case, variant):
    a, b = torch.rand(case["size"], case["size"]), torch.rand(case["size"], case["size"])
    return lambda: torch.mm(a, b)


def pass_products(case, variant):
    turned = lambda values, transposed: values.transpose(-2, -1) if transposed else values
    lefts = {str(p["shapes"][0]): torch.rand(p["shapes"][0]) for p in case["products"]}
    pairs = [
        (turned(lefts[str(p["shapes"][0])], p["transA"]), turned(torch.rand(p["shapes"][1]), p["transB"]))
        for p in case["products"]
    ]
    results = {}
    for a, b in pairs:
        product = a @ b
        results.setdefault(product.shape, product)

    def run():
        for a, b in pairs:
            torch.matmul(a, b, out=results[(*a.shape[:-1], b.shape[-1])])

    return run


print(json.dumps({"torch": torch.__version__}), flush=True)
prepared = {}
for line in sys.stdin:
    name, variant = line.rstrip("\n").split("\t")
    case = spec["cases"][name]
    if (name, variant) not in prepared:
        prepared = {
            key: run for key, run in prepared.items() if spec["cases"][key[0]].get("model") == case.get("model")
        }
        prepared[name, variant] = {
            "update": update,
            "sample": sample,
            "product": product,
            "pass products": pass_products,
        }[case["kind"]](case, variant)
    start, used = time.perf_counter(), time.process_time()
    prepared[name, variant]()
    print(
        json.dumps(
            {
                "wall": time.perf_counter() - start,
                "cpu": time.process_time() - used,
                "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            }
        ),
        flush=True,
    )
