"""Dask arrays: denoised block by block when somebody computes them, and not before.

Blocks are first joined so that all their edges lie on multiples of the tiles' grain, and none is
smaller than the halo. Each is then denoised with the halo around it, which is cut off again: the
result is the one that the array would have given in memory. Nothing of the array is looked at
beforehand, so the precision is chosen by its dtype and a given sigma alone.
"""

from __future__ import annotations

import itertools
import math
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ruis.arrays import check_mask
from ruis.errors import AxesError, ImageError
from ruis.job import GRAIN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ruis.job import Ready
    from ruis.tiling import Geometry

__all__ = ["denoised", "is_dask"]

_NETWORK = threading.Lock()
"""One block at a time goes through a network: it uses all processors by itself."""


def is_dask(array: Any) -> bool:
    """Say whether this is a Dask array; Dask is not imported to find out."""
    return type(array).__module__.split(".")[0] == "dask" and hasattr(array, "map_overlap")


def denoised(array: Any, axis: int | None, ready: Ready, geometry: Geometry) -> Any:
    """Return the Dask array whose blocks are denoised when they are computed.

    Parameters
    ----------
    array : dask.array.Array
        Of two axes, or three.
    axis : int, optional
        Which one holds the channels.
    ready : Ready
        How pixels of this kind are denoised.
    geometry : Geometry
        What the network asks for.

    Returns
    -------
    dask.array.Array
        The same shape and dtype.

    Raises
    ------
    AxesError
        If its shape is not known.
    ImageError
        If it is empty; and where it is computed, if some of it is masked.
    """
    if any(math.isnan(length) for length in array.shape):
        raise AxesError(
            "the array does not know how large its chunks are; array.compute_chunk_sizes() finds out."
        )
    if 0 in array.shape:
        raise ImageError(f"the array is empty: its shape is {array.shape}.")
    steps = geometry.size or (math.lcm(GRAIN, geometry.multiple),) * 2
    plane = [one for one in range(array.ndim) if one != axis]
    halos = {one: _up(geometry.halo, step) for one, step in zip(plane, steps, strict=True)}
    chunks: dict[int, Any] = {} if axis is None else {axis: array.shape[axis]}
    for one, step in zip(plane, steps, strict=True):
        chunks[one] = _joined(array.chunks[one], step, max(halos[one], step))
        if len(chunks[one]) == 1:  # there is nothing around it, and it may be smaller than a halo
            halos[one] = 0
    array = array.rechunk(chunks)
    return array.map_overlap(
        _Block(ready, axis),
        depth={**dict.fromkeys(range(array.ndim), 0), **halos},
        boundary="none",
        trim=True,
        allow_rechunk=False,
        dtype=array.dtype,
        meta=np.empty((0,) * array.ndim, array.dtype),
    )


@dataclass(frozen=True)
class _Block:
    """What is done to one block with the halo around it; goes to other processes."""

    ready: Ready
    axis: int | None

    def __call__(self, block: NDArray[Any]) -> NDArray[Any]:
        check_mask(block)
        pixels = block[..., None] if self.axis is None else np.moveaxis(block, self.axis, 2)
        with _NETWORK:
            result, _, _ = self.ready.run(pixels)
        return result[..., 0] if self.axis is None else np.moveaxis(result, 2, self.axis)


def _joined(chunks: tuple[int, ...], step: int, least: int) -> tuple[int, ...]:
    """Return chunks whose edges are those of `chunks` rounded to multiples of `step`, at least `least` long.

    >>> _joined((100, 100, 10, 90), 64, 128)
    (128, 172)
    >>> _joined((50,), 64, 128)
    (50,)
    """
    length = sum(chunks)
    edges = [0]
    for edge in np.cumsum(chunks)[:-1].tolist():
        rounded = round(edge / step) * step
        if rounded - edges[-1] >= least and length - rounded >= least:
            edges.append(rounded)
    edges.append(length)
    return tuple(int(b - a) for a, b in itertools.pairwise(edges))


def _up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple
