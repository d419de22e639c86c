"""Writes test/envs/python-arithmetic.golden.json: formulas as players of the original could append them, and their
values in Python 3.

python scripts/golden/python-arithmetic.py > test/envs/python-arithmetic.golden.json

Whole numbers are written as text, floats as numbers, null where Python raises or gives no real number.
"""

import json
import math
import random
import re
import warnings

COUNT = 400


def expression(parts):
    if len(parts) == 1:
        return random.choice(["", "", "", "", "-", "+"]) + parts[0]
    at = random.randint(1, len(parts) - 1)
    left, right = (
        f"({side})" if random.random() < 0.5 else side for side in (expression(parts[:at]), expression(parts[at:]))
    )
    return left + random.choice(["+", "-", "*", "/", "+", "-", "*", "/", "//", "**"]) + right


def value(text):
    try:
        found = eval(text)
    except Exception:
        return None
    if (
        isinstance(found, bool)
        or not isinstance(found, (int, float))
        or (isinstance(found, float) and not math.isfinite(found))
    ):
        return None
    return str(found) if isinstance(found, int) else found


def main():
    warnings.simplefilter("ignore")
    random.seed(24)
    cases = {}
    while len(cases) < COUNT:
        cards = [str(random.choice([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 10, 10])) for _ in range(4)]
        text = (
            expression(cards)
            if random.random() < 0.7
            else "".join(random.choice(cards + list("+-*/() ") + ["**", "//"]) for _ in range(random.randint(3, 14)))
        )
        # Two powers, or one of joined digits, can take Python for ever.
        if (
            len(text) <= 42
            and text.count("**") <= 1
            and not ("**" in text and re.search(r"\d{2,}", text.replace("10", "")))
        ):
            cases[text] = value(text)
    print(json.dumps(list(cases.items()), indent=0))


main()
