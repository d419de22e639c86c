"""Writes test/golden/tokenizers.json: small tokenizers of every kind that checkpoints have, and what the tokenizers
library and transformers do with them.

usage: python scripts/golden/small-tokenizers.py
(pip install transformers jinja2; made with tokenizers 0.23.3, transformers 5.23.0)
"""

import json
import re
import random
import subprocess
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers.utils.chat_template_utils import render_jinja_template

CORPUS = [
    '{"cards": ["4", "K", "8", "10"], "formula": "10+", "thoughts": "the cards are 4, 8, 10 and 10, so 10+10+8-4 is 24", "action": "10"}',
    "You are playing Points24. Possible actions: 1 2 3 4 + - * / ( ) =",
    "go to drawer 1",
    "put the mug in/on the desk",
] * 4
RESPONSES = [
    '{"cards":["4","K","8","10"],"formula":"10+","thoughts":"numbers 4 8 10 10 reach 10+10+8-4 append 10","action":"10"}',
    '{"cards": ["4", "K"], "formula": "10+", "thoughts": "the \\"action\\": is next", "action": "+"}',
    '{\n  "thoughts": "so \\"action\\": 1",\n  "action": "stand"\n}',
    '{"action": "1", "thoughts": "no", "action": "2"}',
    '{"thoughts": "caf\u00e9 \u2660\u2665 \U0001f0a1 \u4e09", "action": "\u2660"}',
    '"action":',
    "no key at all",
    '{"action" : "1"}',
]
TEXTS = RESPONSES + [
    "",
    " ",
    "two  spaces",
    " leading",
    "trailing ",
    "line\nbreak\ttab",
    "10+10+8-4=24",
    "\u2581already",
    "<s> in text",
    "\U0001f600\U0001f600",
]
SPECIAL = ["<unk>", "<s>", "</s>", "<image>"]
special = [AddedToken(text, special=True, normalized=False) for text in SPECIAL]


def byte_level():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(
                Regex(r"(?i:'s|'t)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s+(?!\S)|\s+"),
                "isolated",
            ),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        CORPUS,
        trainers.BpeTrainer(
            vocab_size=330, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
        ),
    )
    return tokenizer


def llama(metaspace):
    """SentencePiece-like BPE with byte fallback, as the older conversion writes it (a normalizer prepends) and as the
    newer one does (Metaspace, first section only)."""
    trained = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    trained.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    trained.train_from_iterator(
        CORPUS,
        trainers.BpeTrainer(
            vocab_size=420,
            special_tokens=special + [AddedToken(f"<0x{byte:02X}>", special=False) for byte in range(256)],
        ),
    )
    content = json.loads(trained.to_str())
    content["added_tokens"] = content["added_tokens"][: len(SPECIAL)]  # bytes are plain entries of the vocabulary
    tokenizer = Tokenizer.from_str(json.dumps(content))
    if metaspace:
        tokenizer.normalizer = None
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return tokenizer


def word_level():
    pieces = [
        "numbers ",
        "reach ",
        "append ",
        '{"cards":["',
        '","formula":"',
        '","thoughts":"',
        '","action":"',
        '"}',
        '","',
        "10",
        *'0123456789+-*/()= KQJA"\\:{}[],abcdefghijklmnopqrstuvwxyz\n',
    ]
    tokenizer = Tokenizer(
        models.WordLevel({text: index for index, text in enumerate(SPECIAL + pieces)}, unk_token="<unk>")
    )
    ordered = sorted(pieces, key=len, reverse=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Split(
        Regex(
            "|".join(
                "".join("\\" + c if not c.isalnum() and c not in ' "\n' else c for c in piece) for piece in ordered
            )
        ),
        "isolated",
    )
    tokenizer.decoder = decoders.Fuse()
    tokenizer.add_special_tokens(special)
    return tokenizer


PIECES = [
    '{"cards":["',
    '","',
    '"],"formula":"',
    '","thoughts":"',
    '","action":"',
    '"}',
    "numbers ",
    "reach ",
    " append ",
    "+",
    "-",
    "*",
    "/",
    "(",
    ")",
    "=",
    "A",
    "J",
    "Q",
    "K",
    " ",
    '"',
    ",",
    *map(str, range(61)),
    "=24",
    " 24",
    "1+",
    "10+",
]


def pieces():
    source = (
        "import {pieceTokenizer} from './core/policy/piece-tokenizer.ts'; "
        "console.log(JSON.stringify(pieceTokenizer(JSON.parse(process.argv[1]))))"
    )
    return Tokenizer.from_str(
        subprocess.run(
            ["sh", "scripts/node.sh", "--input-type=module", "-e", source, json.dumps(PIECES)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    )


def case(tokenizer, text):
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    return {"text": text, "ids": ids, "decoded": tokenizer.decode(ids)}


def split(tokenizer, text):
    """The tokens of a response before the one that holds the opening quote of the last action key."""
    ids = tokenizer.encode(text, add_special_tokens=False).ids + [2]
    decoded = tokenizer.decode(ids)
    at = max((found.start() for found in re.finditer(r'"action"\s*:', decoded)), default=-1)
    if at < 0:
        return {"ids": ids, "text": decoded, "thoughtTokens": max(0, len(ids) - 4)}
    return {
        "ids": ids,
        "text": decoded,
        "thoughtTokens": next(n for n in range(len(ids)) if len(tokenizer.decode(ids[: n + 1])) > at),
    }


TEMPLATES = {
    "llava-hf/llava-1.5-7b-hf": "{% for message in messages %}{% if message['role'] != 'system' %}{{ message['role'].upper() + ': '}}{% endif %}{# Render all images first #}{% for content in message['content'] | selectattr('type', 'equalto', 'image') %}{{ '<image>\n' }}{% endfor %}{# Render all text next #}{% if message['role'] != 'assistant' %}{% for content in message['content'] | selectattr('type', 'equalto', 'text') %}{{ content['text'] + ' '}}{% endfor %}{% else %}{% for content in message['content'] | selectattr('type', 'equalto', 'text') %}{% generation %}{{ content['text'] + ' '}}{% endgeneration %}{% endfor %}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}",
    "llava-hf/llava-v1.6-mistral-7b-hf": "{% for message in messages %}{% if message['role'] == 'system' %}{{ '<<SYS>>\n' + message['content'][0]['text'] + '\n<</SYS>>\n\n' }}{% elif message['role'] == 'user' %}{{ '[INST] ' }}{# Render all images first #}{% for content in message['content'] | selectattr('type', 'equalto', 'image') %}{{ '<image>\n' }}{% endfor %}{# Render all text next #}{% for content in message['content'] | selectattr('type', 'equalto', 'text') %}{{ content['text'] }}{% endfor %}{{' [/INST]' }}{% elif message['role'] == 'assistant' %}{{ ' ' + message['content'][0]['text'] + '</s> '}}{% else %}{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}{% endfor %}",
    "text only": "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}{% else %}{{ raise_exception('only users') }}{% endif %}{% endfor %}",
}
PROMPT = "You are playing Points24.\nPossible actions: 1 2 + ="


def chat(tokenizer, name, template):
    content = "<image>" + PROMPT if name == "text only" else [{"type": "image"}, {"type": "text", "text": PROMPT}]
    (rendered,), _ = render_jinja_template(
        conversations=[[{"role": "user", "content": content}]],
        chat_template=template,
        add_generation_prompt=True,
        bos_token="<s>",
        eos_token="</s>",
    )
    ids = tokenizer.encode(rendered, add_special_tokens=False).ids
    ids = ids if ids[0] == 1 else [1] + ids
    return {
        "name": name,
        "template": template,
        "prompt": "<image>" + PROMPT,
        "ids": [other for id in ids for other in ([3, 3, 3] if id == 3 else [id])],
    }


made = {
    "byte level": byte_level(),
    "llama": llama(False),
    "llama, metaspace": llama(True),
    "word level": word_level(),
    "pieces": pieces(),
}
output = []
random.seed(1)
for name, tokenizer in made.items():
    spoken = RESPONSES[:1] if name == "pieces" else RESPONSES[:4] + RESPONSES[5:] if name == "word level" else RESPONSES
    texts = ["", "10+", *spoken] if name in ("pieces", "word level") else TEXTS
    if name == "pieces":
        texts += ["".join(random.choices(PIECES, k=random.randint(1, 12))) for _ in range(40)] + [
            "10?+z",
            "caf\u00e9 24",
        ]
    output.append(
        {
            "name": name,
            "tokenizer": json.loads(tokenizer.to_str()),
            **({"pieces": PIECES} if name == "pieces" else {}),
            "cases": [case(tokenizer, text) for text in texts],
            "splits": [split(tokenizer, text) for text in spoken],
            "chats": [chat(tokenizer, *template) for template in TEMPLATES.items()] if name.startswith("llama") else [],
        }
    )
with open("test/golden/tokenizers.json", "w") as file:
    file.write(
        "[\n" + ",\n".join(json.dumps(entry, ensure_ascii=False, separators=(",", ":")) for entry in output) + "\n]\n"
    )
