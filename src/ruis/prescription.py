"""What to do about noise of a kind: which model, which training, and what to beware of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Caution", "Prescription", "mask_for", "prescribe"]

CLIPPED = 0.02
"""A share of values at an end of the range from which on people are told."""

SHORTEST, LONGEST = 8, 16
"""Pixels on either side that a mask for stripes hides: faint ones are found where no two pixels seem alike,
and much longer masks leave little to guess from."""


@dataclass(frozen=True)
class Caution:
    """Something to beware of, for programs and for people.

    Parameters
    ----------
    code : str
        Which one it is, the same in every language.
    text : str
        In English.
    """

    code: str
    text: str


@dataclass(frozen=True)
class Prescription:
    """What suits the noise.

    Parameters
    ----------
    fits : bool
        Whether a shipped model was made for this noise.
    objective : str
        How a network would learn to remove it: "supervised", "noise-to-void" or "noise-to-noise".
    mask : str or None
        The mask of noise-to-void; None for other objectives.
    noise : str or None
        The spec of the noise for `ruis train --noise`, where we have a model of it.
    command : str
        What to type to begin with; IMAGE, DIR and FILE stand for names.
    warnings : tuple of Caution
        What to beware of.
    """

    fits: bool
    objective: str
    mask: str | None
    noise: str | None
    command: str
    warnings: tuple[Caution, ...] = ()


def mask_for(direction: str | None, length: int = SHORTEST) -> str:
    """Return the mask of noise-to-void that hides what stripes share.

    Parameters
    ----------
    direction : {"horizontal", "vertical"} or None
        Of the stripes; None where there are none.
    length : int, default 8
        Pixels along a stripe for which the noise of two pixels is alike.

    Examples
    --------
    >>> mask_for("horizontal", 3), mask_for(None)
    ('horizontal:8', 'point')
    """
    if direction is None:
        return "point"
    return f"{direction}:{min(max(SHORTEST, length), LONGEST)}"


def prescribe(
    kinds: Sequence[str],
    *,
    sigma: float,
    gain: float = 0.0,
    offset: float = 0.0,
    impulses: float = 0.0,
    direction: str | None = None,
    length: int = 0,
    clipped: float = 0.0,
    jpeg_file: bool = False,
    more: Sequence[Caution] = (),
) -> Prescription:
    """Say what suits noise of some kinds.

    Parameters
    ----------
    kinds : sequence of str
        As :attr:`ruis.inspection.Inspection.kinds`, what matters most first.
    sigma, gain, offset, impulses : float
        How strong they are, in fractions of what is used of the data range, by which `ruis train` adds
        noise.
    direction : {"horizontal", "vertical"}, optional
        Of stripes.
    length : int
        Pixels along them for which noise is alike.
    clipped : float
        The larger share of values at an end of the range.
    jpeg_file : bool
        Whether the file is a JPEG.
    more : sequence of Caution
        What else there is to beware of.

    Examples
    --------
    >>> prescribe(["striped", "white"], sigma=0.05, direction="vertical").mask
    'vertical:8'
    >>> prescribe(["white"], sigma=10 / 255).noise
    'gaussian:10/255'
    """
    cautions = (*_cautions(kinds, clipped, jpeg_file=jpeg_file), *more)
    levels = f"{max(sigma * 255, 0.1):.3g}/255"
    match kinds[0]:
        case "impulses":
            spec = f"salt-and-pepper:{impulses:.2g}"
            command = f"ruis train --clean DIR --noise {spec} -o FILE.ruis"
            return Prescription(False, "supervised", None, spec, command, cautions)
        case "striped":
            mask = mask_for(direction, length)
            command = f"ruis train --noisy DIR --mask {mask} -o FILE.ruis"
            return Prescription(False, "noise-to-void", mask, None, command, cautions)
        case "camera":
            return Prescription(
                True, "noise-to-noise", None, "camera", "ruis denoise IMAGE", cautions
            )
        case "correlated":
            return Prescription(False, "noise-to-noise", None, None, "ruis denoise IMAGE", cautions)
        case "signal-dependent":
            rest = max(offset, 0.0) ** 0.5
            spec = f"poisson-gaussian:gain={gain:.2g},sigma={rest:.2g}"
            return Prescription(
                True, "noise-to-void", "point", spec, "ruis denoise IMAGE", cautions
            )
    spec = f"gaussian:{levels}"
    return Prescription(True, "noise-to-void", "point", spec, "ruis denoise IMAGE", cautions)


def _cautions(kinds: Sequence[str], clipped: float, *, jpeg_file: bool) -> list[Caution]:
    found = []
    if "striped" in kinds:
        found.append(
            Caution(
                "structured-noise",
                "The noise has structure: a blind-spot training without a mask would keep it.",
            )
        )
    if {"camera", "correlated"} & set(kinds):
        found.append(
            Caution(
                "correlated-noise",
                "Neighbours share their noise: training on noisy images alone would keep it; two "
                "shots of a scene, or clean images, teach more.",
            )
        )
    if "jpeg" in kinds or jpeg_file:
        found.append(
            Caution(
                "jpeg",
                "The image was compressed as JPEG: part of its noise is gone or smeared over blocks "
                "of 8x8 pixels; denoise before you compress, if you can.",
            )
        )
    if clipped > CLIPPED:
        found.append(
            Caution(
                "clipped",
                f"{clipped:.0%} of the values are at an end of the range: what was beyond is lost, "
                "and noise there is not seen.",
            )
        )
    if kinds[0] == "faint":
        found.append(
            Caution(
                "faint",
                "There is hardly any noise: denoising may take more texture than noise.",
            )
        )
    return found
