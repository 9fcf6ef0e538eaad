"""Metrics: how good is an image, and what was removed from it. One file each.

This room: turns two arrays of pixels into one number.
May touch: NumPy, scikit-image (imported on first use), and `ruis.errors`, `ruis.registry`.
Must not: touch a file, a network or global randomness; import one metric from another.
"""

from __future__ import annotations

from ruis.registry import Registry

__all__ = ["METRICS"]

METRICS = Registry(
    "metric",
    "ruis.metrics",
    {
        "bias": "ruis.metrics.bias:bias",
        "correlation": "ruis.metrics.correlation:correlation",
        "psnr": "ruis.metrics.psnr:psnr",
        "ssim": "ruis.metrics.ssim:ssim",
        "structure": "ruis.metrics.structure:structure",
        "whiteness": "ruis.metrics.whiteness:whiteness",
    },
)
"""Name -> function (reference, denoised, data_range=1.0) -> float.

The reference of psnr and ssim is the clean image, that of the others the noisy one.
"""
