"""Denoiser: Image -> Image. The main path; everything else leads here or away from here.

    stored pixels -> tiling.plan -> window -> intensity.to_unit -> engine.run -> keep -> blend with
    the noisy window by strength -> intensity.from_unit -> stored pixels

Only one tile at a time is ever a float: memory is the image, its result, and a tile.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ruis import choice, processor, zoo
from ruis.arrays import as_image
from ruis.engines import ENGINES
from ruis.errors import ChannelMismatchError, ConfigError, OutOfMemoryError
from ruis.image import Image
from ruis.intensity import Intensity
from ruis.job import Job
from ruis.tiling import Plan, plan, plan_area

if TYPE_CHECKING:
    from ruis.choice import Seen
    from ruis.engines.base import Engine, Precision
    from ruis.job import Progress
    from ruis.model_file import ModelFile

__all__ = ["AUTO", "Denoised", "Denoiser", "denoise", "load"]

MEMORY, TILE_MEMORY = 1.25e9, 400e6
"""Bytes for the image, its result and the network's tile together, unless told otherwise, and the least
that is left of it for the tile; a quarter of what is available, if that is less. The larger the tiles,
the less they overlap: of 24 megapixels the network computes 1.2 times as many instead of 1.4."""

SMALLEST_TILE = 64
AUTO = ("auto", "fast")
"""What stands for a model in place of its name: the one that suits an image."""

GRAIN = 64
"""Tile sides are multiples of this, so that images of similar size share a compiled shape."""

FAINT = 2.0 / 255
"""Noise below this sigma is denoised in float32 when the precision is left to us: bfloat16 would
cost more than 0.02 dB (`docs/decisions/0005-precision.md`)."""


@dataclass(frozen=True, eq=False)
class Denoised:
    """A denoised image, and how it was made.

    Parameters
    ----------
    image : Image
        The same dtype, range, axes and metadata as the noisy one.
    model : str
        The model's name.
    sigma : float
        The noise that was found, or given, as a fraction of the data range.
    precision : {"f32", "bf16"}
        What the convolutions computed with.
    tiles : int
        How many tiles the image was cut into.
    notes : tuple of str
        What a person should know: "denoised channel by channel with the gray model".
    """

    image: Image
    model: str
    sigma: float
    precision: str
    tiles: int
    notes: tuple[str, ...] = ()

    def record(self, *, given: bool, strength: float) -> str:
        """Return what a file's metadata says about what was done; `given`: sigma was told."""
        import ruis

        how = "given" if given else "found"
        return (
            f"ruis {ruis.__version__}: denoised with {self.model}, "
            f"sigma {self.sigma * 255:.1f}/255 ({how}), strength {strength:g}"
        )


class Denoiser:
    """A model that is ready to denoise.

    Parameters
    ----------
    model : ModelFile
        The model.
    engine : str
        A row of `ruis.engines`: "openvino", "onnxruntime" or "keras".
    precision : {"auto", "f32", "bf16"}
        What convolutions compute with; auto takes bfloat16 where the processor has it and the
        noise of the image is strong enough to hide its rounding.
    tile : int, optional
        The longest side of a tile in pixels; default: from `memory`.
    memory : float, optional
        Bytes that the network may use for a tile; default: what the image and its result leave of
        1.25 GB, 400 MB at least, and no more than a quarter of what is available.
    threads : int, optional
        How many processors to use; default: all that this process may.

    Raises
    ------
    UnknownNameError
        If there is no such engine.
    ConfigError
        If a number is out of bounds.
    """

    def __init__(
        self,
        model: ModelFile,
        *,
        engine: str = "openvino",
        precision: Literal["auto", "f32", "bf16"] = "auto",
        tile: int | None = None,
        memory: float | None = None,
        threads: int | None = None,
    ) -> None:
        if precision not in ("auto", "f32", "bf16"):
            raise ConfigError(f"precision is auto, f32 or bf16, not {precision!r}.")
        for name, value in (("tile", tile), ("memory", memory), ("threads", threads)):
            if value is not None and not 1 <= value < math.inf:
                raise ConfigError(f"{name} is at least 1, not {value}.")
        self.model = model
        self.engine: type[Engine] = ENGINES.load(engine)
        self.precision = precision
        self.threads = threads
        self.tile = tile
        self.memory = memory
        self._engines: dict[str, Engine] = {}

    @property
    def channels(self) -> int:
        """The channels of the images that the model was made for."""
        return self.model.architecture.channels

    def denoise(
        self,
        noisy: Any,
        *,
        sigma: float | None = None,
        strength: float = 1.0,
        data_range: float | tuple[float, float] | None = None,
        channel_axis: int | None = None,
        progress: Progress | None = None,
    ) -> Any:
        """Remove noise from an image.

        Parameters
        ----------
        noisy : Image or array_like
            An image or an array of integers or floats. 2-D is gray; a last axis of 2, 3 or 4 is
            gray+alpha, RGB or RGBA; anything else needs `channel_axis`.
        sigma : float, optional
            The standard deviation of the noise as a fraction of the data range; 0 means that
            there is none, and changes nothing. Default: the model finds out by itself.
        strength : float, default 1.0
            0 gives the noisy image back, 1 all that the model removes.
        data_range : float or tuple of float, optional
            For arrays: what is white, or (black, white). Default: the whole range of an integer
            dtype, 1.0 for floats. Values outside it are legal and kept.
        channel_axis : int, optional
            For arrays: the axis that holds the channels.
        progress : callable, optional
            Called with (tiles done, tiles in all).

        Returns
        -------
        Image or numpy.ndarray
            The same kind, shape, dtype and range as `noisy`.

        Raises
        ------
        AxesError
            If the array's axes cannot be understood.
        ChannelMismatchError
            If the model cannot take the image's channels.
        ImageError
            If the array is empty, of a dtype that holds no image, or holds NaN or infinity.
        ConfigError
            If sigma or strength is out of bounds.
        """
        if isinstance(noisy, Image):
            return self.run(noisy, sigma=sigma, strength=strength, progress=progress).image
        image, back = as_image(noisy, data_range=data_range, channel_axis=channel_axis)
        result = self.run(image, sigma=sigma, strength=strength, progress=progress)
        return back(result.image.pixels)

    def run(
        self,
        noisy: Image,
        *,
        sigma: float | None = None,
        strength: float = 1.0,
        progress: Progress | None = None,
        seen: Seen | None = None,
    ) -> Denoised:
        """Remove noise from an image, and tell how; see :meth:`denoise`.

        `seen` is what :func:`ruis.choice.look` found, for those who have looked already.
        """
        _check_settings(sigma, strength)
        group, notes = self._groups(noisy)
        scale = Intensity(noisy.info.dtype, noisy.info.data_range)
        seen = seen or choice.look(noisy)
        found = seen.sigma if sigma is None else sigma
        precision = self._precision(noisy, seen, found)
        told = 0.0 if sigma is None else sigma
        if sigma is not None and not self.model.architecture.takes_sigma:
            notes += (f"the model {self.model.name!r} is blind: sigma was not used",)
        if strength == 0 or sigma == 0:  # exactly, also where float32 cannot hold the values
            same = Image(noisy.pixels.copy(), noisy.info)
            return Denoised(same, self.model.name, found, precision, 0, notes)
        job = Job(self._engine(precision), scale, group, told, strength)
        cut = self._plan(noisy)
        while True:
            try:
                pixels = job.run(noisy.pixels, cut, noisy.channels, progress)
                break
            except (OutOfMemoryError, MemoryError) as error:
                tile = max(cut.shape) // 2
                smaller = self._plan(noisy, tile)
                if max(smaller.shape) >= max(cut.shape):
                    raise OutOfMemoryError(
                        f"there is not enough memory, not even for tiles of {cut.shape[0]}x"
                        f"{cut.shape[1]} pixels; close other programs."
                    ) from error
                notes += (f"memory ran out: tiles were halved to {tile} pixels",)
                cut = smaller
        image = Image(pixels, noisy.info)
        return Denoised(image, self.model.name, found, job.engine.precision, len(cut), notes)

    def _groups(self, noisy: Image) -> tuple[int, tuple[str, ...]]:
        """Say how many channels go through the network together."""
        if noisy.channels == self.channels:
            return self.channels, ()
        if self.channels == 1:
            name = self.model.name
            return 1, (f"{noisy.channels} channels, denoised one by one with {name!r}",)
        raise ChannelMismatchError(
            f"the model {self.model.name!r} takes {self.channels} channels, and this image has "
            f"{noisy.channels}; use --model gray, which takes channels one by one.",
            source=noisy.info.source,
        )

    def _precision(self, noisy: Image, seen: Seen, sigma: float) -> Precision:
        """Choose by sigma in fractions of the brightest value: what bfloat16 rounds goes with it."""
        if self.precision != "auto":
            return self.precision
        if noisy.info.dtype.itemsize == 1:  # what is fainter than one step of it cannot be kept
            sigma = max(sigma, seen.coarse)
        visible = sigma / max(1.0, seen.brightest) >= FAINT
        return "bf16" if visible and self.engine.supports("bf16") else "f32"

    def _engine(self, precision: Precision) -> Engine:
        if precision not in self._engines:
            architecture, weights = self.model.architecture, self.model.weights
            self._engines[precision] = self.engine(
                architecture, weights, precision=precision, threads=self.threads
            )
        return self._engines[precision]

    def _plan(self, noisy: Image, tile: int | None = None) -> Plan:
        """Cut the image into tiles no longer than `tile`, or as memory allows."""
        geometry, tile = self.model.architecture.geometry, tile or self.tile
        if tile:
            return plan(noisy.rows, noisy.columns, geometry, tile, grain=GRAIN)
        left = max(TILE_MEMORY, MEMORY - 2 * noisy.pixels.nbytes)
        memory = self.memory or min(left, processor.available_memory() / 4)
        area = max(SMALLEST_TILE**2, int(memory / self.model.architecture.bytes_per_pixel))
        return plan_area(noisy.rows, noisy.columns, geometry, area, grain=GRAIN)


def load(
    model: str | Path,
    *,
    engine: str = "openvino",
    precision: Literal["auto", "f32", "bf16"] = "auto",
    tile: int | None = None,
    threads: int | None = None,
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
    return Denoiser(zoo.find(model), engine=engine, precision=precision, tile=tile, threads=threads)


def denoise(
    noisy: Any,
    *,
    model: str | Path = "auto",
    sigma: float | None = None,
    strength: float = 1.0,
    data_range: float | tuple[float, float] | None = None,
    channel_axis: int | None = None,
) -> Any:
    """Remove noise from an image or an array: the same kind out as in.

    Parameters
    ----------
    noisy : Image or array_like
        As for :meth:`Denoiser.denoise`.
    model : str or path, default "auto"
        A shipped model, a model file, or "auto": by the channels, and for colours by the noise;
        "fast" chooses in the same way a small network, several times faster and nearly as good.
    sigma : float, optional
        As for :meth:`Denoiser.denoise`, like all that follow.
    strength : float, default 1.0
        0 gives the noisy image back, 1 all that the model removes.
    data_range : float or tuple of float, optional
        For arrays: what is white, or (black, white).
    channel_axis : int, optional
        For arrays: the axis that holds the channels.

    Returns
    -------
    Image or numpy.ndarray
        The same kind, shape, dtype and range as `noisy`.

    Examples
    --------
    >>> import numpy as np
    >>> import ruis
    >>> noisy = np.random.default_rng(0).normal(0.5, 0.1, (64, 64)).astype(np.float32)
    >>> bool(ruis.denoise(noisy).std() < 0.03)
    True
    """
    if model in AUTO:
        image = noisy
        if not isinstance(noisy, Image):
            image, _ = as_image(noisy, data_range=data_range, channel_axis=channel_axis)
        model = choice.choose(image, fast=model == "fast").model
    return load(model).denoise(
        noisy, sigma=sigma, strength=strength, data_range=data_range, channel_axis=channel_axis
    )


def _check_settings(sigma: float | None, strength: float) -> None:
    if sigma is not None and not 0 <= sigma < math.inf:
        raise ConfigError(f"sigma is a fraction of the data range, at least 0, not {sigma}.")
    if not 0 <= strength <= 1:
        raise ConfigError(f"strength is from 0 (nothing) to 1 (all), not {strength}.")
