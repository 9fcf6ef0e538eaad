"""JPEG as noise is what a JPEG file would hold."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from ruis.errors import ConfigError
from ruis.noise import parse


@pytest.fixture
def clean() -> np.ndarray:
    stored = np.random.default_rng(0).integers(0, 256, (6, 5, 3), dtype=np.uint8)
    return np.kron(stored, np.ones((8, 8, 1))).astype(np.float32) / 255


def add(spec: str, clean: np.ndarray) -> np.ndarray:
    return parse(spec).add(clean, np.random.default_rng(0))


def test_it_is_what_pillow_reads_back(clean):
    file = io.BytesIO()
    Image.fromarray(np.rint(clean * 255).astype(np.uint8)).save(file, "JPEG", quality=60)
    expected = np.asarray(Image.open(file), dtype=np.float32) / 255
    assert np.array_equal(add("jpeg:60", clean), expected)


def test_more_quality_less_error(clean):
    errors = [np.abs(add(f"jpeg:{quality}", clean) - clean).mean() for quality in (10, 50, 95)]
    assert errors[0] > errors[1] > errors[2] > 0


def test_colour_suffers_from_subsampling(clean):
    kept, halved = (
        np.abs(add(f"jpeg:90,subsampling={kind}", clean) - clean).mean()
        for kind in ("4:4:4", "4:2:0")
    )
    assert halved > 2 * kept


def test_other_channels_are_gray_images_of_their_own(clean):
    five = np.concatenate([clean, clean[..., :2]], axis=-1)
    noisy = add("jpeg:40", five)
    for channel in range(5):
        alone = five[..., channel : channel + 1]
        assert np.array_equal(noisy[..., channel : channel + 1], add("jpeg:40", alone))


def test_a_batch_is_image_by_image(clean):
    batch = np.stack([clean, 1 - clean])
    noisy = add("jpeg:40", batch)
    assert np.array_equal(noisy[1], add("jpeg:40", 1 - clean))


def test_what_no_jpeg_can_hold_is_refused():
    with pytest.raises(ConfigError, match="65500"):
        add("jpeg:50", np.zeros((1, 65501, 1), np.float32))
