"""Writes test/golden/preprocess-image.safetensors: pixel values that transformers' Pillow image processors compute from
drawn images.

usage: python scripts/golden/preprocess-image.py
(pip install transformers 'pillow<13' safetensors torch; made with 5.23.0 and 12.3.0)
Pillow before 13: the checkpoints in use were trained with it, and 13 shrinks tall images in another order (a few pixels
differ by one level).
The images are computed by a formula that test/policy/preprocess-image.test.ts repeats; the metadata contains each
case's image size and processor configuration.
"""

import json
import numpy as np
from PIL import Image
from safetensors.numpy import save_file
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.llava.image_processing_pil_llava import LlavaImageProcessorPil
from transformers.models.llava_next.image_processing_pil_llava_next import LlavaNextImageProcessorPil

PROCESSORS = {
    "CLIPImageProcessor": CLIPImageProcessorPil,
    "LlavaImageProcessor": LlavaImageProcessorPil,
    "LlavaNextImageProcessor": LlavaNextImageProcessorPil,
}


def drawn(width, height):
    """Waves, noise, and black and white edges, where bicubic weights overshoot."""
    x, y, c = np.meshgrid(np.arange(width), np.arange(height), np.arange(3), indexing="xy")
    image = (x * x * 3 + y * 5 * x + c * 40 + y * 7) % 256
    image = np.where((x // 5 + y // 3) % 4 == 0, 255, image)
    image = np.where((x // 3 + y // 5) % 5 == 0, 0, image)
    return image.astype(np.uint8)


def settings(side, **changes):
    return {
        "image_processor_type": "CLIPImageProcessor",
        "do_resize": True,
        "size": {"shortest_edge": side},
        "resample": 3,
        "do_center_crop": True,
        "crop_size": {"height": side, "width": side},
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "do_convert_rgb": True,
        "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711],
        **changes,
    }


CASES = {
    "same size": (16, 16, settings(16)),
    "same height, wider": (23, 16, settings(16)),
    "smaller": (61, 61, settings(16)),
    "much smaller, wide": (300, 200, settings(14)),
    "much smaller, tall": (97, 211, settings(14)),
    "larger": (11, 11, settings(24)),
    "slightly larger, wide": (21, 19, settings(20)),
    "one pixel": (1, 1, settings(5)),
    "one row": (40, 1, settings(4)),
    "odd crop": (30, 40, settings(20, crop_size={"height": 15, "width": 15})),
    "crop of an image that is too small": (30, 40, settings(11, crop_size={"height": 16, "width": 16})),
    "crop that is wider only": (30, 40, settings(16, crop_size={"height": 14, "width": 19})),
    "squeezed": (50, 31, settings(16, size={"height": 16, "width": 16})),
    "no resizing": (20, 18, settings(16, do_resize=False)),
    "no normalisation": (20, 18, settings(12, do_normalize=False)),
    "bytes as they are": (20, 18, settings(12, do_normalize=False, do_rescale=False)),
    "other mean and deviation": (20, 18, settings(12, image_mean=[0.5, 0.5, 0.5], image_std=[0.5, 0.5, 0.5])),
    "padded to a square, wide": (45, 20, settings(16, image_processor_type="LlavaImageProcessor", do_pad=True)),
    "padded to a square, tall": (21, 44, settings(16, image_processor_type="LlavaImageProcessor", do_pad=True)),
    "llava, not padded": (45, 20, settings(16, image_processor_type="LlavaImageProcessor")),
    "llava next, base image": (
        50,
        31,
        settings(
            16, image_processor_type="LlavaNextImageProcessor", image_grid_pinpoints=[[16, 32], [32, 16], [32, 32]]
        ),
    ),
}

tensors, cases = {}, []
for name, (width, height, config) in CASES.items():
    arguments = {key: value for key, value in config.items() if key != "image_processor_type"}
    pixels = PROCESSORS[config["image_processor_type"]](**arguments)(
        Image.fromarray(drawn(width, height)), return_tensors="np"
    )["pixel_values"][0]
    # llava next: the base image comes first, then its tiles
    tensors[name] = np.ascontiguousarray(pixels[0] if pixels.ndim == 4 else pixels).astype(np.float32)
    cases.append({"name": name, "width": width, "height": height, "config": config})
save_file(tensors, "test/golden/preprocess-image.safetensors", metadata={"cases": json.dumps(cases)})
