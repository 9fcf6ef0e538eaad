"""A small model, as a file would give it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ruis import architectures
from ruis.denoiser import Denoiser
from ruis.manifest import Manifest
from ruis.model_file import ModelFile


@pytest.fixture(scope="session")
def small_model() -> Callable[..., ModelFile]:
    """Make a model with random weights, or, with `gain=0`, one that does nothing."""

    def make(gain: float = 1.0, **parameters: Any) -> ModelFile:
        data = {"name": "unet", "widths": [4, 6], "blocks": 1, **parameters}
        if data["name"] != "unet":
            del data["widths"], data["blocks"]
        architecture = architectures.parse(data)
        rng = np.random.default_rng(0)
        weights = {
            name: (gain * rng.normal(0, 1 / math.sqrt(math.prod(shape[:-1])), shape)).astype("f4")
            for name, shape in architecture.tensors.items()
        }
        manifest = Manifest(name="small", purpose="Tests.", architecture=data, noise="none")
        return ModelFile(manifest, architecture, weights, "", "0" * 64)

    return make


@pytest.fixture
def denoiser(small_model):
    return Denoiser(small_model(), precision="f32")


@pytest.fixture
def nothing(small_model):
    """A denoiser whose network returns its input."""
    return Denoiser(small_model(gain=0), precision="f32")
