"""What an inspection found, in one paragraph of plain words; and a folder's, in another."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ruis.inspection import Inspection

__all__ = ["Survey", "arguments", "paragraph", "survey", "survey_paragraph"]

KINDS = {
    "faint": "There is hardly any noise",
    "white": "The noise is white: each pixel has its own, the same everywhere",
    "signal-dependent": "The noise grows with the brightness, as light itself brings it",
    "camera": "The noise is that of a camera: neighbouring pixels share it, as after demosaicing, "
    "noise reduction or JPEG",
    "correlated": "The noise is blotchy: neighbouring pixels share it",
    "striped": "The noise is striped",
    "impulses": "Single pixels are black, white or wild, whatever is around them",
}

STRENGTHS = (
    (2 / 255, "barely visible"),
    (6 / 255, "faint"),
    (15 / 255, "visible"),
    (35 / 255, "strong"),
)
VERY_STRONG = "very strong"

AWAY = 3.0
"""An image of a folder is an outlier if its sigma is so many typical deviations from the median,
and at least half of it."""


def arguments(name: str, said: Sequence[str] = ()) -> str:
    """Return an image as the arguments of a command to type.

    Parameters
    ----------
    name : str
        The file.
    said : sequence of str
        The options that say what is in it.

    Examples
    --------
    >>> arguments("-a b.npy", ["--axes", "ZYX"])
    "--axes ZYX './-a b.npy'"
    """
    return shlex.join([*said, f"./{name}" if name.startswith("-") else name])


def paragraph(found: Inspection, name: str = "IMAGE", said: Sequence[str] = ()) -> str:
    """Say what was found in one image.

    Parameters
    ----------
    found : Inspection
        What was found.
    name : str
        What stands for the image in the command to type.
    said : sequence of str
        As for :func:`arguments`.
    """
    sentences = [KINDS[found.kind] + _how_strong(found) + "."]
    sentences += _also(found)
    sentences.append(_advice(found, arguments(name, said)))
    warnings = [one for one in found.prescription.warnings if one.code != "faint"]
    sentences += [
        one.text if one.text.endswith(".") else f"Beware: {one.text}." for one in warnings
    ]
    return " ".join(sentences)


def _how_strong(found: Inspection) -> str:
    sigma = f"sigma {found.sigma * 255:.1f}/255"
    if found.white is not None:
        sigma += f" of the range, {found.sigma_used * 255:.1f}/255 of what is used of it"
    match found.kind:
        case "impulses":
            return f": {found.impulse_share:.2%} of all"
        case "striped":
            stripes = found.stripes
            which = "rows" if stripes.direction == "horizontal" else "columns"
            strength = max(stripes.rows, stripes.columns) * 255
            return (
                f": whole {which} are lighter or darker by {strength:.1f}/255, and each pixel "
                f"differs by {sigma}"
            )
        case "signal-dependent":
            dark = max(found.offset, 0.0) ** 0.5 * 255
            return f" (gain {found.gain:.2g}, and {dark:.1f}/255 where it is black); about {sigma}"
    level = found.sigma_used
    ratio = found.coarse_ratio
    if found.kind in ("camera", "correlated") and ratio > 1:  # neighbours do not show much of it
        level *= ratio
        sigma += f" between neighbours, {255 * ratio * found.sigma:.1f}/255 between squares of 2x2"
    strong = next((word for most, word in STRENGTHS if level <= most), VERY_STRONG)
    return f" ({sigma}, {strong})"


def _also(found: Inspection) -> list[str]:
    sentences = []
    if found.kind in ("impulses", "striped") and len(found.kinds) > 1:
        rest = [kind for kind in found.kinds[1:] if kind not in ("jpeg", "faint")]
        if rest:
            sentences.append(f"Beside that it has {_listed(rest)} noise.")
    if found.jpeg_blocks:
        sentences.append("Blocks of JPEG are seen.")
    if found.bits is not None and found.dtype != "bool":
        depth = {"uint8": 8, "int8": 8, "uint16": 16, "int16": 16, "uint32": 32, "int32": 32}
        if found.bits < depth.get(found.dtype, 0):
            sentences.append(f"Of its {depth[found.dtype]} bits it uses {found.bits}.")
    if found.white is not None and "black-elsewhere" not in _codes(found):
        end = f"Its values go up to about {found.white:g}, where white is {found.data_range[1]:g}"
        sentences.append(f"{end}: that changes nothing for denoising, which works at any scale.")
    return sentences


def _codes(found: Inspection) -> set[str]:
    return {one.code for one in found.prescription.warnings}


def _advice(found: Inspection, image: str) -> str:
    advice = found.prescription
    if found.kind == "faint":
        hidden = (
            " (in a JPEG noise hides from this measurement: look at the image at its full size)"
            if "jpeg" in _codes(found)
            else ""
        )
        return f"Leave it alone{hidden}, or remove a part: {advice.command.replace('IMAGE', image)} --strength 0.5."
    if advice.fits:
        return f"The model {found.model} fits: {advice.command.replace('IMAGE', image)}."
    if advice.command.startswith("ruis denoise"):
        return (
            f"The model {found.model} learnt white noise and will leave some of this: "
            f"{advice.command.replace('IMAGE', image)}, or teach one your noise (ruis train)."
        )
    return f"No shipped model was made for this; teach one: {advice.command}."


def _listed(words: Sequence[str]) -> str:
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


@dataclass(frozen=True)
class Survey:
    """What is alike in the images of a folder, and what is not.

    Parameters
    ----------
    images : int
        How many were inspected.
    sigma_median, sigma_least, sigma_most : float
        Of their sigmas, fractions of the data range.
    sigma_used_median : float
        The same median, in fractions of what each image uses of its range.
    part : int
        How many images have values far from what their range calls white.
    kinds : dict of str to int
        How many images have noise of each kind.
    models : dict of str to int
        How many images each shipped model suits.
    outliers : tuple of str
        The names of those whose noise is much weaker or stronger.
    """

    images: int
    sigma_median: float
    sigma_least: float
    sigma_most: float
    sigma_used_median: float
    part: int
    kinds: dict[str, int]
    models: dict[str, int]
    outliers: tuple[str, ...]

    @property
    def mixed(self) -> bool:
        """Whether there are several kinds of noise."""
        return len(self.kinds) > 1


def survey(inspections: Mapping[str, Inspection]) -> Survey:
    """Sum up the images of a folder.

    Parameters
    ----------
    inspections : mapping of str to Inspection
        By name; at least one.
    """
    sigmas = {name: found.sigma for name, found in inspections.items()}
    middle = median(sigmas.values())
    typical = 1.4826 * median(abs(sigma - middle) for sigma in sigmas.values())
    used = median(found.sigma_used for found in inspections.values())
    step = middle / used / 255 if used else 1 / 255
    away = max(AWAY * typical, 0.5 * middle, step)
    return Survey(
        images=len(sigmas),
        sigma_median=middle,
        sigma_least=min(sigmas.values()),
        sigma_most=max(sigmas.values()),
        sigma_used_median=used,
        part=sum(found.white is not None for found in inspections.values()),
        kinds=dict(Counter(found.kind for found in inspections.values()).most_common()),
        models=dict(Counter(found.model for found in inspections.values()).most_common()),
        outliers=tuple(name for name, sigma in sigmas.items() if abs(sigma - middle) > away),
    )


def survey_paragraph(found: Survey) -> str:
    """Say what was found in a folder.

    Parameters
    ----------
    found : Survey
        What was found.
    """
    low, middle, high = (
        f"{value * 255:.1f}" for value in (found.sigma_least, found.sigma_median, found.sigma_most)
    )
    used = ""
    if 2 * found.part > found.images:
        used = (
            f" of the range, and {found.sigma_used_median * 255:.1f}/255 of what is used of it: the "
            f"values of {'all' if found.part == found.images else found.part} lie far from what the range "
            "calls white"
        )
    kinds = _listed([f"{kind} ({count})" for kind, count in found.kinds.items()])
    sentences = [
        f"{found.images} images with sigma from {low}/255 to {high}/255, the median {middle}/255{used}.",
        f"The kinds of noise are mixed: {kinds}; teach and denoise them apart."
        if found.mixed
        else f"The noise of all is {kinds.partition(' (')[0]}.",
    ]
    if found.outliers:
        shown = _listed(found.outliers[:5])
        more = f" and {len(found.outliers) - 5} more" if len(found.outliers) > 5 else ""
        sentences.append(f"Much weaker or stronger than the others: {shown}{more}.")
    models = _listed([f"{model} ({count})" for model, count in found.models.items()])
    sentences.append(f"Of the shipped models fit: {models}.")
    return " ".join(sentences)
