"""Writes test/golden/element-types.safetensors with the safetensors library: one tensor of each element type, and its
values as float32.

usage: python scripts/golden/element-types.py      (pip install torch safetensors; made with torch 2.11.0)
"""

import torch
from safetensors.torch import save_file

torch.manual_seed(1)
# Normal, subnormal, largest and negative numbers, zeros, infinities.
values = torch.cat(
    [
        torch.randn(20) * 10.0 ** torch.randint(-7, 5, (20,)),
        torch.tensor([0.0, -0.0, 1e-8, 6e-8, 65504.0, float("inf"), float("-inf"), 1e-40, 3e38]),
    ]
)
tensors = {
    "f32": values,
    "f16": values.half(),
    "bf16": values.bfloat16(),
    "i32": torch.tensor([0, -1, 2**24, -(2**31)], dtype=torch.int32),
    "i64": torch.tensor([[7, -(2**40)]]),
    "scalar": torch.tensor(2.5),
    "empty": torch.zeros(0, 3),
}
# An odd number of two-byte elements, so that later tensors begin anywhere.
tensors["odd"] = torch.tensor([1.5], dtype=torch.bfloat16)
expected = {f"expected.{name}": tensor.float().clone() for name, tensor in tensors.items()}
save_file(
    {**tensors, **expected},
    "test/golden/element-types.safetensors",
    metadata={"format": "pt", "made by": "safetensors"},
)
