"""Remove noise from images, and learn to remove yours.

>>> import ruis
>>> denoised = ruis.denoise(noisy)  # doctest: +SKIP
"""

from __future__ import annotations

import functools
import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ruis.anomaly import AnomalyDetector
    from ruis.autoencoder import Autoencoder
    from ruis.denoise import denoise, load
    from ruis.denoised import Denoised
    from ruis.denoiser import Denoiser
    from ruis.errors import RuisError
    from ruis.evaluate import evaluate
    from ruis.formats import Limits, read, write
    from ruis.image import Image, ImageInfo, Metadata
    from ruis.recipe import Recipe
    from ruis.train import train

    __version__: str

__all__ = [
    "AnomalyDetector",
    "Autoencoder",
    "Denoised",
    "Denoiser",
    "Image",
    "ImageInfo",
    "Limits",
    "Metadata",
    "Recipe",
    "RuisError",
    "__version__",
    "denoise",
    "evaluate",
    "load",
    "read",
    "train",
    "write",
]

_HOMES = {
    "AnomalyDetector": "ruis.anomaly",
    "Autoencoder": "ruis.autoencoder",
    "Denoised": "ruis.denoised",
    "Denoiser": "ruis.denoiser",
    "Image": "ruis.image",
    "ImageInfo": "ruis.image",
    "Limits": "ruis.formats",
    "Metadata": "ruis.image",
    "Recipe": "ruis.recipe",
    "RuisError": "ruis.errors",
    "denoise": "ruis.denoise",
    "evaluate": "ruis.evaluate",
    "load": "ruis.denoise",
    "read": "ruis.formats",
    "train": "ruis.train",
    "write": "ruis.formats",
}


class _Package(ModuleType):
    """A package in which `ruis.denoise` is the function, also once its module was imported.

    Importing a submodule puts the module into the package under its name; where a public function
    has the same name, the function is what people mean.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _HOMES and isinstance(value, ModuleType):
            value = getattr(value, name)
        super().__setattr__(name, value)

    def __getattr__(self, name: str) -> Any:
        """Import a public name on first use: importing ruis stays cheap."""
        if name == "__version__":
            return _version()
        if name in _HOMES:
            return getattr(importlib.import_module(_HOMES[name]), name)
        raise AttributeError(f"module 'ruis' has no attribute {name!r}")

    def __dir__(self) -> list[str]:
        return sorted({*__all__, *super().__dir__()})


@functools.cache
def _version() -> str:
    """Return the version; a source tree that was never installed has none."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("ruis")
    except PackageNotFoundError:
        return "0+unknown"


sys.modules[__name__].__class__ = _Package
