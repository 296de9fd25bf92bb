"""Tokens of images that real encoders wrote, against the formulas as their owners publish them, in floating point."""

import base64
import io
import json
import math
import os
import random

import pytest

import oracles
from test_templates import ask, read_counts

SEED = int(os.environ.get("EP_TOKENS_SEED", random.SystemRandom().randrange(1 << 32)))
IMAGES = int(os.environ.get("EP_TOKENS_IMAGES", 120))


def gpt_4o(width, height):
    scale = min(1, 2048 / max(width, height))
    width, height = round(width * scale), round(height * scale)
    scale = min(1, 768 / max(1, min(width, height)))
    width, height = round(width * scale), round(height * scale)
    return 85 + 170 * max(1, math.ceil(width / 512) * math.ceil(height / 512))


def smart_resize(width, height, factor, least, most):
    """As qwen_vl_utils has it."""
    down, across = max(factor, round(height / factor) * factor), max(factor, round(width / factor) * factor)
    if down * across > most:
        beta = math.sqrt(height * width / most)
        down = max(factor, math.floor(height / beta / factor) * factor)
        across = max(factor, math.floor(width / beta / factor) * factor)
    elif down * across < least:
        beta = math.sqrt(least / (height * width))
        down, across = math.ceil(height * beta / factor) * factor, math.ceil(width * beta / factor) * factor
    return (down // factor) * (across // factor) + 2


def pixtral(width, height):
    """As mistral-common has it, where it is."""
    ratio = max(width / 1024, height / 1024)
    if ratio > 1:
        width, height = max(1, round(width / ratio)), max(1, round(height / ratio))
    return ((width - 1) // 16 + 2) * ((height - 1) // 16 + 1)


FORMULAS = {
    "openai": gpt_4o,
    "qwen2_5": lambda width, height: smart_resize(width, height, 28, 4 * 28**2, 16384 * 28**2),
    "qwen3": lambda width, height: smart_resize(width, height, 32, 64 * 32**2, 16384 * 32**2),
    "mistral": pixtral,
}


def encoded(rand, image):
    """A file of the image, in any of the ways that its formats know."""
    from PIL import Image

    exif = Image.Exif()
    exif[0x010E] = "x" * rand.randint(0, 60000)
    kind, options = rand.choice([
        ("PNG", {}), ("GIF", {}), ("JPEG", {}), ("JPEG", {"progressive": True}), ("JPEG", {"exif": exif}),
        ("WEBP", {"lossless": True}), ("WEBP", {"quality": 10}), ("WEBP", {"exif": exif}),
    ])
    out = io.BytesIO()
    image.save(out, kind, **options)
    return kind, out.getvalue()


def request(kind, data):
    url = f"data:image/{kind.lower()};base64,{base64.b64encode(data).decode()}"
    part = {"type": "image_url", "image_url": {"url": url, "detail": "high"}}
    return {"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}, part]}]}


@pytest.mark.parametrize("name", FORMULAS)
def test_images_of_real_encoders_are_counted_by_the_published_formula(name):
    image_library = pytest.importorskip("PIL.Image", reason="Pillow is not here")
    path = oracles.ROOT / "share/vocab/o200k_base.etk"
    if not path.exists():
        pytest.skip(f"{path.name} is not there: make vocab")
    rand = random.Random(f"{SEED} {name}")
    bodies, wants = [], []
    for _ in range(IMAGES):
        size = [int(2 ** rand.uniform(0, 11.7)) for _ in range(2)]
        kind, data = encoded(rand, image_library.new("RGB", size))
        bodies.append(json.dumps(request(kind, data)).replace("/", rand.choice(["/", "\\/"])).encode())
        wants.append((kind, size, FORMULAS[name](*size)))
    counts = ask([path, name, "literal"], bodies, read_counts)
    wrong = [(want, got) for want, got in zip(wants, counts, strict=True) if got[1] != want[2]]
    far = [row for row in wrong if abs(row[1][1] - row[0][2]) > row[1][4]]
    print(f"media: {name}: {len(wants)} images, {len(wrong)} differ, {len(far)} by more than the margin "
          f"(EP_TOKENS_SEED={SEED})")
    assert not far, far[:5]
    assert len(wrong) <= IMAGES // 50, wrong[:5]
