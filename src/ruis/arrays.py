"""Arrays <-> images: which axis is which, and what is black and white."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ruis.errors import AxesError, ImageError
from ruis.image import Image, ImageInfo, data_range_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["as_image"]


def as_image(
    array: Any,
    *,
    data_range: float | tuple[float, float] | None = None,
    channel_axis: int | None = None,
) -> tuple[Image, Callable[[NDArray[Any]], NDArray[Any]]]:
    """Turn an array into an image, and return how to turn pixels back.

    Parameters
    ----------
    array : array_like
        2-D is gray; a last axis of 2, 3 or 4 is gray+alpha, RGB or RGBA.
    data_range : float or tuple of float, optional
        What is white, or (black, white).
    channel_axis : int, optional
        The axis that holds the channels; all of them are then denoised, none is alpha.

    Returns
    -------
    tuple
        (image, function from pixels of shape (rows, columns, channels) to the array's own shape).

    Raises
    ------
    AxesError
        If the axes cannot be understood.
    ImageError
        If the array is empty, holds NaN or infinity, or has a dtype that holds no image.
    """
    given = np.asarray(array)
    low, high = data_range_of(given.dtype)
    if data_range is not None:
        low, high = data_range if isinstance(data_range, Sequence) else (0.0, float(data_range))
    if given.dtype.kind == "f" and not np.isfinite(given).all():
        bad = int(np.count_nonzero(~np.isfinite(given)))
        raise ImageError(f"the array holds {bad} values that are not numbers; replace them first.")
    if given.dtype.kind in "ui" and given.dtype.itemsize > 4 and data_range is None:
        raise ImageError(
            f"images do not use the whole range of {given.dtype}: convert the array to the dtype "
            "that its values come from, such as uint8, or say data_range=."
        )
    pixels, axes = _with_channels(given, channel_axis)
    info = ImageInfo(given.dtype, (low, high), axes=axes)
    count = pixels.shape[2]
    if channel_axis is not None:
        info = replace(info, colour="rgb" if count == 3 else "channels" if count > 1 else "gray")
        moved = channel_axis
        return Image(pixels, info), lambda result: np.moveaxis(result, 2, moved)
    info = replace(info, colour="rgb" if count >= 3 else "gray", alpha=count in (2, 4))
    return Image(pixels, info), lambda result: result.reshape(given.shape)


def _with_channels(given: NDArray[Any], channel_axis: int | None) -> tuple[NDArray[Any], str]:
    if channel_axis is not None:
        if given.ndim != 3 or not -3 <= channel_axis < 3:
            raise AxesError(
                f"channel_axis={channel_axis} does not fit an array of shape {given.shape}; "
                "an image with channels has three axes."
            )
        return np.moveaxis(given, channel_axis, 2), "YXC"
    if given.ndim == 2:
        return given[..., None], "YX"
    if given.ndim == 3 and given.shape[2] in (1, 2, 3, 4):
        return given, "YXC"
    raise AxesError(
        f"cannot tell the axes of an array of shape {given.shape}: 2-D is gray, a last axis of "
        "2, 3 or 4 is gray+alpha, RGB or RGBA; for anything else say channel_axis=."
    )
