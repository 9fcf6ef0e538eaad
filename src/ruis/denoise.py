"""Load a denoiser, or denoise in one call, with what was used last kept ready."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ruis import choice, lazy, model_file, zoo
from ruis.arrays import as_image, info_of, with_range
from ruis.denoiser import Denoiser
from ruis.image import Image
from ruis.processor import threads as processors
from ruis.shelf import Shelf

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["denoise", "load"]

KEPT_PIXELS = 2**20
"""Shapes of so many pixels together stay compiled between two calls of :func:`denoise`, in about 200 MB."""

_KEPT: Shelf[Denoiser] = Shelf(most=2)
"""What :func:`denoise` used last, such as one for gray images and one for colours."""


def load(
    model: str | Path,
    *,
    engine: str = "openvino",
    precision: Literal["auto", "f32", "bf16"] = "auto",
    tile: int | None = None,
    threads: int | None = None,
    ensemble: bool = False,
) -> Denoiser:
    """Make a denoiser of a shipped model, or of a model file.

    Parameters
    ----------
    model : str or path
        The name of a shipped model, or the path of a `.ruis` file.
    engine : str
        As for :class:`Denoiser`, like all that follow.
    precision : {"auto", "f32", "bf16"}
        What convolutions compute with.
    tile : int, optional
        The longest side of a tile in pixels.
    threads : int, optional
        How many processors to use.
    ensemble : bool, default False
        Whether flips and turns are averaged.

    Returns
    -------
    Denoiser
        Ready; keep it for many images.

    Raises
    ------
    ModelNotFoundError
        If there is no such model.
    ModelFileError
        If the file cannot be used.

    Examples
    --------
    >>> import numpy as np
    >>> denoiser = load("gray", tile=256)
    >>> denoiser.denoise(np.zeros((5, 7), np.uint16)).shape
    (5, 7)
    """
    return Denoiser(
        zoo.find(model),
        engine=engine,
        precision=precision,
        tile=tile,
        threads=threads,
        ensemble=ensemble,
    )


def denoise(
    noisy: Any,
    *,
    model: str | Path = "auto",
    sigma: float | None = None,
    strength: float = 1.0,
    data_range: float | tuple[float, float] | None = None,
    channel_axis: int | None = None,
    out: NDArray[Any] | None = None,
) -> Any:
    """Remove noise from an image or an array: the same kind out as in.

    Parameters
    ----------
    noisy : Image or array_like
        As for :meth:`Denoiser.denoise`.
    model : str or path, default "auto"
        A shipped model, a model file, or "auto": by the channels, and for colours by the noise
        (which is not looked at in a Dask array: colours are then taken to come from a camera);
        "fast" chooses in the same way a small network, several times faster and nearly as good,
        "medium" one between them where there is one: for gray, twice as fast as the usual one.
    sigma : float, optional
        As for :meth:`Denoiser.denoise`, like all that follow.
    strength : float, default 1.0
        0 gives the noisy image back, 1 all that the model removes.
    data_range : float or tuple of float, optional
        What is white, or (black, white), if not what an Image says, or the dtype of an array.
    channel_axis : int, optional
        For arrays: the axis that holds the channels.
    out : numpy.ndarray, optional
        For arrays: where the result goes, such as a memory map of the same shape and dtype.

    Returns
    -------
    Image, numpy.ndarray or dask.array.Array
        The same kind, shape, dtype and range as `noisy`; of a Dask array nothing is computed yet.

    Examples
    --------
    >>> import numpy as np
    >>> import ruis
    >>> noisy = np.random.default_rng(0).normal(0.5, 0.1, (64, 64)).astype(np.float32)
    >>> bool(ruis.denoise(noisy).std() < 0.03)
    True
    """
    if model in zoo.AUTO:
        if lazy.is_dask(noisy):
            info, _ = info_of(noisy.shape, noisy.dtype, data_range, channel_axis)
            model = zoo.suited(3 if info.colour == "rgb" else 1, tier=str(model))
        else:
            if isinstance(noisy, Image):
                image = with_range(noisy, data_range)
            else:
                image, _ = as_image(noisy, data_range=data_range, channel_axis=channel_axis)
            model = choice.choose(image, tier=str(model)).model
    with _ready(model, keep=not lazy.is_dask(noisy)) as denoiser:
        return denoiser.denoise(
            noisy,
            sigma=sigma,
            strength=strength,
            data_range=data_range,
            channel_axis=channel_axis,
            out=out,
        )


@contextmanager
def _ready(model: str | Path, *, keep: bool) -> Iterator[Denoiser]:
    """Lend a denoiser that nobody else uses, and keep it for the next call."""
    path = zoo.file_of(model)
    now = path.stat()
    key = (path.resolve(), now.st_mtime_ns, now.st_size, processors())
    denoiser = _KEPT.take(key) or Denoiser(model_file.load(path))
    try:
        yield denoiser
    finally:
        if keep:
            denoiser.networks.release(KEPT_PIXELS)
            _KEPT.put(key, denoiser)
