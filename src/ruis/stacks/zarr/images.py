"""Which arrays of a Zarr hierarchy are images, and what their axes are: OME-NGFF, or plain arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ruis.errors import AxesError, CorruptImageError
from ruis.resample import Reduction
from ruis.stacks.zarr.hierarchy import Node

__all__ = ["Picture", "images", "plain_axes"]

COLOURS = ({"red", "green", "blue"}, {"r", "g", "b"})
"""What the channels of a colour picture are called."""

SPARE = "HEARLVFUQIPM"
"""Letters for axes that are neither time, channel nor space."""


@dataclass(frozen=True)
class Picture:
    """An image: the path of its pixels, of its smaller copies, and what is said about it.

    Parameters
    ----------
    paths : tuple of str
        The full resolution, then the levels of its pyramid, each smaller than the one before.
    axes : str, optional
        One letter for each axis, as far as the file says it.
    reduction : {"mean", "nearest", "gaussian"}
        How a level is made of the one before.
    """

    paths: tuple[str, ...]
    axes: str | None = None
    reduction: Reduction = "mean"


def images(found: list[Node]) -> list[Picture]:
    """Return the images of a hierarchy.

    Where there are multiscales, they are the images, labels aside; else all arrays are.
    """
    arrays = {node.path for node in found if node.is_array}
    pictures: list[Picture] = []
    for node in found:
        ome = node.attributes.get("ome", node.attributes)
        if node.is_array or not isinstance(ome, dict) or "image-label" in ome:
            continue
        scales = ome.get("multiscales")
        entries = scales if isinstance(scales, list) else []
        pictures += [_multiscale(node.path, one, ome, arrays) for one in entries]
    if pictures:
        return list(dict.fromkeys(pictures))
    return [Picture((path,)) for path in sorted(arrays)]


def _multiscale(group: str, one: Any, ome: dict[str, Any], arrays: set[str]) -> Picture:
    """Read one entry of `multiscales`."""
    try:
        inside = [str(dataset["path"]).strip("/") for dataset in one["datasets"]]
    except (TypeError, KeyError) as error:
        raise CorruptImageError(
            f"the multiscales of {group or 'the root'} have no paths."
        ) from error
    paths = tuple(f"{group}/{path}" if group else path for path in inside)
    missing = [path for path in paths if path not in arrays]
    if missing or not paths:
        raise CorruptImageError(f"there is no array {missing[0] if missing else group} in it.")
    axes = _axes(one.get("axes"))
    if axes and axes.count("C") == 1 and _is_colour(ome):
        axes = axes.replace("C", "S")
    return Picture(paths, axes, _reduction(one))


def _axes(given: Any) -> str | None:
    """Return the letters of NGFF's axes: names (0.3), or names with types (from 0.4 on)."""
    if not isinstance(given, list):
        return None  # 0.1 and 0.2: always TCZYX
    letters = ""
    for axis in given:
        name = axis.get("name") if isinstance(axis, dict) else axis
        kind = axis.get("type") if isinstance(axis, dict) else None
        letter = str(name).upper()
        if kind in {"channel", "time"}:
            letter = {"channel": "C", "time": "T"}[kind]
        if len(letter) != 1 or letter not in "TCZYX":
            letter = next((one for one in SPARE if one not in letters), "?")
        letters += letter
    return letters


def _is_colour(ome: dict[str, Any]) -> bool:
    """Say whether the channels are called red, green and blue."""
    omero = ome.get("omero")
    channels = omero.get("channels") if isinstance(omero, dict) else None
    if not isinstance(channels, list) or len(channels) != 3:
        return False
    labels = [str(one.get("label", "")).lower() for one in channels if isinstance(one, dict)]
    return labels in (["red", "green", "blue"], ["r", "g", "b"])


def _reduction(one: dict[str, Any]) -> Reduction:
    """Return how its levels were made, if it is said and known; else by means of 2x2."""
    metadata = one.get("metadata")
    method = metadata.get("method", "") if isinstance(metadata, dict) else ""
    said = f"{one.get('type', '')} {method}".lower()
    if "nearest" in said or "stride" in said or "subsample" in said:
        return "nearest"
    return "gaussian" if "gauss" in said else "mean"


def plain_axes(node: Node, names: Any, shape: tuple[int, ...], source: str) -> str:
    """Return the axes of an array that is no OME image.

    Parameters
    ----------
    node : Node
        Its attributes may name them, as xarray does.
    names : sequence of str, optional
        The names of its dimensions (Zarr version 3).
    shape : tuple of int
        The length of each.
    source : str
        For messages.

    Raises
    ------
    AxesError
        If nothing says it, and it is neither 2-D nor ends in gray+alpha, RGB or RGBA.
    """
    said = names or node.attributes.get("_ARRAY_DIMENSIONS")
    known = {"time": "T", "channel": "C", "c": "C", "band": "C", "t": "T"}
    known |= {"x": "X", "y": "Y", "z": "Z", "s": "S", "rows": "Y", "columns": "X"}
    if isinstance(said, list | tuple) and len(said) == len(shape):
        letters = [known.get(str(one).lower(), "") for one in said]
        if {"X", "Y"} <= set(letters):
            spare = iter(SPARE)
            return "".join(letter or next(spare) for letter in letters)
    if len(shape) == 2:
        return "YX"
    if len(shape) == 3 and shape[2] in {2, 3, 4}:
        return "YXS"
    raise AxesError(
        f"nothing says what the axes of {node.path or 'the array'} of shape {shape} are: say it "
        f"with --axes, such as {'TCZYX'[-min(len(shape), 5) :]}.",
        source=source,
    )
