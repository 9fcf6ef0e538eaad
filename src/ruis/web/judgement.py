"""What was removed from an image, judged on windows of it if it is large, so that it costs little."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ruis.comparison import WHITE, compare
from ruis.noise.estimate import spread_windows

if TYPE_CHECKING:
    from ruis.image import Image

__all__ = ["judge"]

SMALL = 256 * 256
"""Pixels up to which the whole image is judged."""

WINDOWS = 2
"""Windows along each axis of a larger one."""


def judge(noisy: Image, denoised: Image) -> dict[str, Any]:
    """Return what `ruis.comparison` says of an image, or of windows of it together.

    Parameters
    ----------
    noisy, denoised : Image
        Before and after, as stored.
    """
    import numpy as np

    if noisy.rows * noisy.columns <= SMALL:
        pairs = [(noisy, denoised)]
    else:
        before = spread_windows(noisy.pixels, WINDOWS)
        after = spread_windows(denoised.pixels, WINDOWS)
        pairs = [
            (noisy.with_pixels(one), denoised.with_pixels(other))
            for one, other in zip(before, after, strict=True)
        ]
    found = [compare(*pair) for pair in pairs]
    removed = np.array([one.removed for one in found])
    power = removed**2
    # Neighbours agree by shares of the variance, so windows count by how much was removed there.
    weights = power / power.sum() if power.sum() else np.full(len(found), 1 / len(found))
    whiteness = float(np.sum(weights * [one.whiteness for one in found]))
    return {
        "removed": float(np.sqrt(power.mean())),
        "whiteness": whiteness,
        "looks_white": abs(whiteness) <= WHITE,
        "sigma_after": float(np.median([one.sigma_after for one in found])),
    }
