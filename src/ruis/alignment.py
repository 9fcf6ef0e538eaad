"""Do two pictures of one scene lie on each other?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FAR", "shift"]

FAR = 0.5
"""Pixels from which pairs are said to be misaligned: an edge then lies in the wrong place."""

SIDE = 512
SOFT = 0.08
"""Frequencies, in cycles per pixel, that count: noise drowns the finer ones."""

CLEAR = 8.0
"""How far a peak must stand out, in standard deviations of the rest, to be believed."""


def shift(one: NDArray[Any], other: NDArray[Any]) -> tuple[float, float] | None:
    """Return by how many (rows, columns) the scene lies further down and right in `other`.

    Phase correlation of the middles of both, weighted towards coarse detail, with the peak found
    to a fraction of a pixel.

    Parameters
    ----------
    one, other : numpy.ndarray
        Shape (rows, columns, channels), the same for both.

    Returns
    -------
    tuple of float or None
        None where it cannot be told: too little in the picture, or too much noise.

    References
    ----------
    C. D. Kuglin and D. C. Hines, The phase correlation image alignment method, 1975; H. Foroosh,
    J. B. Zerubia and M. Berthod, Extension of phase correlation to subpixel registration, 2002,
    doi:10.1109/83.988953.

    Examples
    --------
    >>> scene = np.random.default_rng(0).standard_normal((80, 80)).cumsum(0).cumsum(1)[..., None]
    >>> [round(by) for by in shift(scene[:64, :64], scene[3:67, 1:65])]
    [-3, -1]
    """
    spectra = [_spectrum(pixels) for pixels in (one, other)]
    cross = spectra[1] * np.conj(spectra[0])
    size = np.abs(cross)
    if not size.max():
        return None
    rows, columns = cross.shape
    frequency = np.hypot(np.fft.fftfreq(rows)[:, None], np.fft.fftfreq(columns)[None])
    weight = np.exp(-0.5 * (frequency / SOFT) ** 2)
    surface = np.fft.ifft2(weight * cross / (size + 1e-9 * size.max())).real
    top = np.unravel_index(int(surface.argmax()), surface.shape)
    if surface[top] < CLEAR * surface.std():
        return None
    return tuple(_peak(surface, top, axis) for axis in (0, 1))  # type: ignore[return-value]


def _spectrum(pixels: NDArray[Any]) -> NDArray[np.complex128]:
    """Return the spectrum of the middle of an image in gray, faded out towards its edges."""
    gray = pixels.astype(np.float64).mean(axis=2)
    cut = []
    for length in gray.shape:
        side = min(length, SIDE)
        cut.append(slice((length - side) // 2, (length - side) // 2 + side))
    gray = gray[cut[0], cut[1]]
    fade = np.hanning(gray.shape[0] + 2)[1:-1, None] * np.hanning(gray.shape[1] + 2)[None, 1:-1]
    return np.fft.fft2((gray - gray.mean()) * fade)


def _peak(surface: NDArray[Any], top: tuple[Any, ...], axis: int) -> float:
    """Return where along an axis the peak is: a parabola through the logarithms around it."""
    length = surface.shape[axis]
    place = int(top[axis])
    around = []
    for step in (-1, 0, 1):
        at = list(top)
        at[axis] = (place + step) % length
        around.append(np.log(max(float(surface[tuple(at)]), 1e-12)))
    below, middle, above = around
    bend = below - 2 * middle + above
    inside = 0.5 * (below - above) / bend if bend < 0 else 0.0
    return float((place + inside + length / 2) % length - length / 2)
