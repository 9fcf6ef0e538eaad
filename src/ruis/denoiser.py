"""Denoiser: Image -> Image. The main path; everything else leads here or away from here.

    stored pixels -> tiling.plan -> window -> intensity.to_unit -> engine.run -> keep -> blend with
    the noisy window by strength -> intensity.from_unit -> stored pixels

Only two tiles at a time are ever floats: memory is the image, its result, and these.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ruis import choice, lazy, processor
from ruis.arrays import as_image, info_of, same_pixels, with_range
from ruis.denoised import Denoised
from ruis.errors import ChannelMismatchError, ConfigError
from ruis.image import Image
from ruis.intensity import Intensity
from ruis.job import Job, Knife, Ready, check_settings
from ruis.networks import Networks
from ruis.noise.estimate import spread_windows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ruis.choice import Seen
    from ruis.formats import Header
    from ruis.image import ImageInfo
    from ruis.job import Progress
    from ruis.model_file import ModelFile

__all__ = ["Denoiser"]

TOUCH = 2.6
"""Thousands of multiplications that take as long as using memory for the first time: for each pixel of a tile and
each of its channels, and as much as two more channels for what is between."""

TOUCH_AMX = 10.0
"""The same where AMX multiplies: memory is no faster for it."""


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
    ensemble : bool, default False
        Average what the network makes of the eight flips and turns of each tile: eight times the
        work, for 0.1 dB with the shipped models for white noise.

    Attributes
    ----------
    once : bool
        Whether it is for a single image: then a small network has smaller tiles, whose memory, which is
        used for the first time, costs less than what is computed twice. False, unless it is set.

    Raises
    ------
    UnknownNameError
        If there is no such engine.
    ConfigError
        If a number is out of bounds, or an ensemble is asked of a model that learnt upright images
        alone.
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
        ensemble: bool = False,
    ) -> None:
        for name, value in (("tile", tile), ("memory", memory), ("threads", threads)):
            if value is not None and not 1 <= value < math.inf:
                raise ConfigError(f"{name} is at least 1, not {value}.")
        self.networks = Networks(
            model, engine, precision=precision, threads=threads, ensemble=ensemble
        )
        self.model = model
        self.tile = tile
        self.memory = memory
        self.once = False

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
        out: NDArray[Any] | None = None,
    ) -> Any:
        """Remove noise from an image.

        Of a memory map only tiles are read. A Dask array gives a Dask array, of which nothing is
        computed yet; see :mod:`ruis.lazy`.

        Parameters
        ----------
        noisy : Image or array_like
            An image or an array of integers or floats. 2-D is gray; a last axis of 2, 3 or 4 is
            gray+alpha, RGB or RGBA; anything else needs `channel_axis`.
        sigma : float, optional
            The standard deviation of the noise as a fraction of the data range; 0 means that
            there is none, and changes nothing. Where it is less than what the model would remove,
            a part of the noise stays: what goes has the variance that it has in the noise. Where
            the noise is seen to grow with the brightness, that is all that a sigma of up to twice
            the noise does. (Neither is so in Dask arrays, at which nobody looks first: there the network alone is told.)
            Default: the model finds out by itself.
        strength : float, default 1.0
            0 gives the noisy image back, 1 all that the model removes.
        data_range : float or tuple of float, optional
            What is white, or (black, white). Default: what an Image says; of an array the whole range
            of an integer dtype, 1.0 for floats. Values outside it are legal and kept.
        channel_axis : int, optional
            For arrays: the axis that holds the channels.
        progress : callable, optional
            Called with (tiles done, tiles in all).
        out : numpy.ndarray, optional
            For arrays: where the result goes, such as a memory map of the same shape and dtype.

        Returns
        -------
        Image, numpy.ndarray or dask.array.Array
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
            if out is not None:
                raise ConfigError("out= is for arrays; an Image gives an Image.")
            if channel_axis is not None:
                raise ConfigError(
                    "channel_axis= is for arrays; the channels of an Image come last."
                )
            noisy = with_range(noisy, data_range)
            return self._run(noisy, self._look(noisy, sigma), sigma, strength, progress).image
        if lazy.is_dask(noisy):
            if out is not None:
                raise ConfigError("out= is for arrays in memory; store the Dask array's result.")
            info, axis = info_of(noisy.shape, noisy.dtype, data_range, channel_axis)
            count = 1 if axis is None else noisy.shape[axis]
            ready = self.prepare(info, count - info.alpha, None, sigma=sigma, strength=strength)
            return lazy.denoised(noisy, axis, ready, self.model.architecture.geometry)
        image, back = as_image(noisy, data_range=data_range, channel_axis=channel_axis)
        into = None if out is None else same_pixels(out, noisy, image.pixels, channel_axis)
        result = self._run(image, self._look(image, sigma), sigma, strength, progress, into)
        return back(result.image.pixels) if out is None else out

    def run(
        self,
        noisy: Image,
        *,
        sigma: float | None = None,
        strength: float = 1.0,
        progress: Progress | None = None,
        seen: Seen | None = None,
        into: NDArray[Any] | None = None,
    ) -> Denoised:
        """Remove noise from an image, and tell how; see :meth:`denoise`.

        `seen` is what :func:`ruis.choice.look` found, for those who have looked already; `into` is
        where the pixels go, if not into a new array.
        """
        seen = seen or choice.look(noisy, choosing=False)
        return self._run(noisy, seen, sigma, strength, progress, into)

    def _look(self, noisy: Image, sigma: float | None) -> Seen | None:
        """Look at an image if anything depends on what is seen; nobody is told of it here."""
        if sigma is not None:
            return choice.look(noisy, choosing=False)
        return choice.glance(noisy) if self.networks.choosing else None

    def _run(
        self,
        noisy: Image,
        seen: Seen | None,
        sigma: float | None,
        strength: float,
        progress: Progress | None = None,
        into: NDArray[Any] | None = None,
    ) -> Denoised:
        ready = self.prepare(noisy.info, noisy.channels, seen, sigma=sigma, strength=strength)
        pixels, tiles, notes = ready.run(noisy.pixels, progress, into)
        image = Image(pixels, noisy.info)
        found = ready.sigma
        hidden = noisy.info.format == "jpeg" and seen and not choice.is_white(noisy.info, seen)
        if hidden and sigma is None and strength > 0:
            found = max(found, _removed(noisy, image) / strength)
        return Denoised(
            image=image,
            model=ready.model,
            sigma=found,
            precision=ready.precision,
            tiles=tiles,
            notes=ready.notes + notes,
            ensemble=self.networks.ensemble,
        )

    def prepare(
        self,
        info: ImageInfo,
        channels: int,
        seen: Seen | None,
        *,
        sigma: float | None = None,
        strength: float = 1.0,
    ) -> Ready:
        """Decide all that is decided before the first tile.

        Parameters
        ----------
        info : ImageInfo
            What the pixels mean.
        channels : int
            How many channels they have, alpha not counted.
        seen : Seen, optional
            What :func:`ruis.choice.look` found; None if nobody may look, and then the noise that
            was found is not a number.
        sigma : float, optional
            As for :meth:`denoise`, like `strength`.
        strength : float, default 1.0
            How much of the noise goes.

        Returns
        -------
        Ready
            For any pixels of this kind.

        Raises
        ------
        ChannelMismatchError
            If the model cannot take the channels.
        ConfigError
            If sigma or strength is out of bounds.
        """
        beyond = seen.brightest if seen is not None else math.inf
        check_settings(sigma, strength, brightest=beyond if info.dtype.kind == "f" else 1.0)
        group, notes = self._groups(channels, info.source)
        scale = Intensity(info.dtype, info.data_range)
        found = sigma if sigma is not None else seen.sigma if seen else math.nan
        precision = self.networks.precision_for(info, seen, found)
        if self.networks.precision == "bf16" and precision == "f32":
            notes += ("this engine has no bfloat16 here: float32 was computed with",)
        if sigma and strength > 0 and not self.model.architecture.takes_sigma:
            notes += (f"the model {self.model.name!r} is blind: sigma was not used",)
        job = None
        if strength > 0 and sigma != 0:  # else exactly, also where float32 cannot hold the values
            told = sigma is not None and self.model.architecture.takes_sigma
            engine = self.networks.get(precision, told=told)
            job = Job(engine, scale, group, sigma or 0.0, strength, self.knife)
            precision = engine.precision
            if told and seen is not None:
                job, held = job.held_to_sigma(seen.windows, grows=seen.grows())
                notes += held
        return Ready(job, channels, self.model.name, found, precision, notes)

    def expect(self, header: Header, *, told: bool = False) -> None:
        """Prepare the network for an image that is being read.

        Parameters
        ----------
        header : Header
            What its file announces.
        told : bool, default False
            Whether the network will be told sigma.

        Raises
        ------
        EngineError
            If the engine cannot be prepared for it.
        """
        told = told and self.model.architecture.takes_sigma
        engine = self.networks.get(self.networks.likely, told=told)
        rows, columns = header.upright
        cut = self.knife.cut(rows, columns, header.nbytes)
        engine.expect((1, *cut.shape, engine.network.input_channels))

    @property
    def knife(self) -> Knife:
        """How large the tiles are that images are cut into."""
        architecture = self.model.architecture
        amx = self.networks.likely == "bf16" and processor.has_amx()
        touch = TOUCH_AMX if amx else TOUCH
        touch *= (self.channels + 2) / max(1.0, architecture.kmac_per_pixel)
        inside = architecture.bytes_per_pixel * self.networks.engine.appetite
        if (
            self.networks.ensemble
        ):  # a tile that is turned has another shape, and a network of its own
            inside *= 2
        beside = 4 * (self.channels + architecture.input_channels)
        # A tile more: itself, in halves, and what came of it.
        beside += 16 * self.channels * (self.networks.engine.lanes - 1)
        return Knife(
            architecture.geometry,
            inside + beside,
            self.tile,
            self.memory,
            touch if self.once else 0.0,
        )

    def _groups(self, channels: int, source: str | None) -> tuple[int, tuple[str, ...]]:
        """Say how many channels go through the network together."""
        if channels == self.channels:
            return self.channels, ()
        if self.channels == 1:
            name = self.model.name
            return 1, (f"{channels} channels, denoised one by one with {name!r}",)
        raise ChannelMismatchError(
            f"the model {self.model.name!r} takes {self.channels} channels, and this image has "
            f"{channels}; use --model gray, which takes channels one by one.",
            source=source,
        )


def _removed(noisy: Image, denoised: Image) -> float:
    """Return the root mean square of what was removed, as a fraction of the data range, from windows all over.

    Of a camera's noise in a JPEG file no more can be known: what is measured between neighbours is a tenth
    of it (`docs/decisions/0020-a-camera-s-noise-measured.md`).
    """
    scale = Intensity(noisy.info.dtype, noisy.info.data_range)
    before, after = (
        spread_windows(one.pixels[..., : noisy.channels], choice.WINDOWS)
        for one in (noisy, denoised)
    )
    pairs = zip(before, after, strict=True)
    squares = [
        np.mean(np.square(scale.to_unit(one) - scale.to_unit(other))) for one, other in pairs
    ]
    return float(np.sqrt(np.mean(squares)))
