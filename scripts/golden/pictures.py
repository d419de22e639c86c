"""Writes test/golden/pictures.json: picture files of every kind, with the result of Pillow's convert("RGB").

usage: python -W ignore scripts/golden/pictures.py      (pip install pillow numpy; made with Pillow 11.3.0)
"""

import base64
import io
import json
import struct
import zlib
import numpy as np
from PIL import Image, ImageCms

WIDTH, HEIGHT = 13, 9
random = np.random.default_rng(1)


def waves(channels):
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    return np.stack([127 + 120 * np.sin(x / (3 + i) + y / (5 + i) + i) for i in range(channels)], -1).astype("uint8")


def saved(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(depth, colour, channels, extra=b""):
    """Noise of a kind that Pillow does not write."""
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, colour, 0, 0, 0)
    rows = b"".join(b"\0" + random.bytes((WIDTH * depth * channels + 7) // 8) for _ in range(HEIGHT))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + extra
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def without_adobe(jpeg):
    at = jpeg.find(b"\xff\xee")
    return jpeg[:at] + jpeg[at + 2 + struct.unpack(">H", jpeg[at + 2 : at + 4])[0] :]


rgb = Image.fromarray(waves(3))
noise = Image.fromarray(random.integers(0, 256, (HEIGHT, WIDTH, 4), dtype="uint8"), "RGBA")
cmyk = Image.fromarray(waves(4), "CMYK")
# Red and green are exchanged: a reader that applies the profile sees other colours.
profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
profile = bytes(profile.replace(b"rXYZ", b"tmp_").replace(b"gXYZ", b"rXYZ").replace(b"tmp_", b"gXYZ"))
turned = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
FILES = {
    "rgb.png": saved(rgb, "png"),
    "alpha.png": saved(noise, "png"),
    "grey.png": saved(noise.convert("L"), "png"),
    "grey and alpha.png": saved(noise.convert("LA"), "png"),
    "1 bit.png": saved(noise.convert("1"), "png"),
    "2 bits.png": png(2, 0, 1),
    "4 bits.png": png(4, 0, 1),
    "palette.png": saved(noise.convert("RGB").quantize(80), "png"),
    "palette of 11.png": saved(rgb.quantize(11), "png"),
    "palette of 2.png": saved(rgb.quantize(2), "png"),
    "palette, alphas.png": saved(noise.convert("RGB").quantize(80), "png", transparency=bytes(range(0, 240, 3))),
    "palette, one transparent.png": saved(rgb.quantize(9), "png", transparency=3),
    "one colour transparent.png": saved(rgb, "png", transparency=tuple(int(v) for v in waves(3)[0, 0])),
    "one grey transparent.png": saved(rgb.convert("L"), "png", transparency=7),
    "profile.png": saved(rgb, "png", icc_profile=profile),
    "16 bits.png": png(16, 2, 3),
    "16 bits, alpha.png": png(16, 6, 4),
    "16 bits, grey and alpha.png": png(16, 4, 2),
    "16 bits, grey.png": png(16, 0, 1),
    "16 bits, dark grey.png": saved(Image.fromarray(random.integers(0, 400, (HEIGHT, WIDTH)).astype("uint16")), "png"),
    "16 bits, one grey transparent.png": png(16, 0, 1, chunk(b"tRNS", struct.pack(">H", 5))),
    "quality 95.jpg": saved(rgb, "jpeg", quality=95),
    "quality 40.jpg": saved(rgb, "jpeg", quality=40, subsampling=2),
    "progressive.jpg": saved(rgb, "jpeg", progressive=True),
    "grey.jpg": saved(rgb.convert("L"), "jpeg"),
    "profile.jpg": saved(rgb, "jpeg", icc_profile=profile),
    "turned by Exif.jpg": saved(rgb, "jpeg", exif=turned),
    "cmyk.jpg": saved(cmyk, "jpeg", quality=90),
    "cmyk without a marker.jpg": without_adobe(saved(cmyk, "jpeg", quality=90)),
    "lossless.webp": saved(rgb, "webp", lossless=True),
    "alpha.webp": saved(noise, "webp", lossless=True, exact=True),
    "quality 80.webp": saved(rgb, "webp", quality=80),
    "profile.webp": saved(rgb, "webp", lossless=True, icc_profile=profile),
}


def text(data):
    return base64.b64encode(data).decode()


cases = []
for name, file in FILES.items():
    pixels = np.asarray(Image.open(io.BytesIO(file)).convert("RGB"))
    cases.append({"name": name, "width": WIDTH, "height": HEIGHT, "file": text(file), "rgb": text(pixels.tobytes())})
with open("test/golden/pictures.json", "w") as file:
    file.write("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")
