"""Arrays <-> images: which axis is which, and what is black and white."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np

from ruis.errors import AxesError, ConfigError, ImageError
from ruis.image import Colour, Image, ImageInfo, data_range_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["as_image", "check_mask", "info_of", "same_pixels", "with_range"]

CHECKED = 2**24
"""Values looked at in one go when searching for what is no number: a memory map is never in memory whole."""


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
        If the array is empty, holds NaN or infinity, is masked in places, or has a dtype that holds
        no image.
    """
    check_mask(array)
    try:
        given = np.asarray(array)
    except ValueError as error:
        raise AxesError(f"this is no array: {str(error).rstrip('.')}.") from error
    info, axis = info_of(given.shape, given.dtype, data_range, channel_axis)
    _check_finite(given)
    image = Image(_channels_last(given, axis), info)
    if channel_axis is not None and axis is not None:
        return image, lambda result: np.moveaxis(result, 2, axis)
    return image, lambda result: result.reshape(given.shape)


def check_mask(array: Any) -> None:
    """Refuse an array that is masked in places: what is under the mask would spread.

    Raises
    ------
    ImageError
        If some of it is masked.
    """
    if np.ma.is_masked(array):
        raise ImageError(
            "some of the array is masked; fill it first, for instance with its median."
        )


def with_range(image: Image, data_range: float | tuple[float, float] | None) -> Image:
    """Return an image in which other values are black and white.

    Parameters
    ----------
    image : Image
        Any image.
    data_range : float or tuple of float, optional
        As for :func:`as_image`; None leaves it as it is.
    """
    if data_range is None:
        return image
    info = replace(image.info, data_range=_ends(data_range), range_from_pixels=False)
    return replace(image, info=info)


def info_of(
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    data_range: float | tuple[float, float] | None = None,
    channel_axis: int | None = None,
) -> tuple[ImageInfo, int | None]:
    """Tell what an array of some shape and dtype holds, without its values.

    Parameters
    ----------
    shape : tuple of int
        The array's shape.
    dtype : numpy.dtype
        The array's dtype.
    data_range : float or tuple of float, optional
        As for :func:`as_image`, like `channel_axis`.
    channel_axis : int, optional
        The axis that holds the channels.

    Returns
    -------
    tuple
        (info, which axis holds the channels; None if none does).

    Raises
    ------
    AxesError
        If the axes cannot be understood.
    ImageError
        If the dtype holds no image.
    """
    dtype = np.dtype(dtype)
    low, high = data_range_of(dtype)
    if data_range is not None:
        low, high = _ends(data_range)
    if dtype.kind in "ui" and dtype.itemsize > 4 and data_range is None:
        raise ImageError(
            f"images do not use the whole range of {dtype}: convert the array to the dtype "
            "that its values come from, such as uint8, or say data_range=."
        )
    axis = _channel_axis(shape, channel_axis)
    count = 1 if axis is None else shape[axis]
    info = ImageInfo(dtype, (low, high), axes="YX" if axis is None else "YXC")
    if channel_axis is not None:
        colour: Colour = "rgb" if count == 3 else "channels" if count > 1 else "gray"
        return replace(info, colour=colour), axis
    return replace(info, colour="rgb" if count >= 3 else "gray", alpha=count in (2, 4)), axis


def _ends(data_range: float | Sequence[float]) -> tuple[float, float]:
    """Return (black, white) of what somebody said of them."""
    try:
        given = [0.0, float(data_range)] if np.ndim(data_range) == 0 else [*map(float, data_range)]  # type: ignore[arg-type]
        low, high = given
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"data_range is what is white, or (black, white), not {data_range!r}."
        ) from error
    return low, high


def same_pixels(
    out: NDArray[Any], array: Any, pixels: NDArray[Any], channel_axis: int | None
) -> NDArray[Any]:
    """Return `out` as pixels, into which the result for `array` may be written tile by tile.

    Parameters
    ----------
    out : numpy.ndarray
        Where the result shall go.
    array : array_like
        The noisy array.
    pixels : numpy.ndarray
        The same as pixels.
    channel_axis : int, optional
        As for :func:`as_image`.

    Returns
    -------
    numpy.ndarray
        A view of `out`, shape (rows, columns, channels).

    Raises
    ------
    ConfigError
        If it has another shape or dtype, is read-only, or is the noisy array itself.
    """
    if not isinstance(out, np.ndarray) or out.shape != np.shape(array) or out.dtype != pixels.dtype:
        raise ConfigError(
            f"out= is an array of shape {np.shape(array)} and dtype {pixels.dtype}, like the "
            f"noisy one, not {getattr(out, 'shape', type(out))} and {getattr(out, 'dtype', '')}."
        )
    if not out.flags.writeable:
        raise ConfigError("out= cannot be written: open the memory map with mode 'r+' or 'w+'.")
    if np.may_share_memory(out, pixels):
        raise ConfigError("out= is the noisy array itself; tiles overlap, so give another one.")
    return _channels_last(out, _channel_axis(out.shape, channel_axis))


def _check_finite(given: NDArray[Any]) -> None:
    """Refuse NaN and infinity: one would spread over a whole tile."""
    if given.dtype.kind != "f" or not given.size:
        return
    rows = max(1, CHECKED * len(given) // given.size)
    bad = sum(
        int(np.count_nonzero(~np.isfinite(given[row : row + rows])))
        for row in range(0, len(given), rows)
    )
    if bad:
        raise ImageError(f"the array holds {bad} values that are not numbers; replace them first.")


def _channels_last(given: NDArray[Any], axis: int | None) -> NDArray[Any]:
    """Return a view of shape (rows, columns, channels)."""
    return given[..., None] if axis is None else np.moveaxis(given, axis, 2)


def _channel_axis(shape: tuple[int, ...], channel_axis: int | None) -> int | None:
    """Return which axis holds the channels; None if none does."""
    if channel_axis is not None:
        whole = isinstance(channel_axis, Integral)
        if len(shape) != 3 or not whole or not -3 <= channel_axis < 3:
            raise AxesError(
                f"channel_axis={channel_axis} does not fit an array of shape {shape}; "
                "an image with channels has three axes."
            )
        return channel_axis % 3
    if len(shape) == 2:
        return None
    if len(shape) == 3 and shape[2] in (1, 2, 3, 4):
        return 2
    raise AxesError(
        f"cannot tell the axes of an array of shape {shape}: 2-D is gray, a last axis of "
        "2, 3 or 4 is gray+alpha, RGB or RGBA; for anything else say channel_axis=."
    )
