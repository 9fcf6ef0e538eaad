"""Folders -> training images: clean ones, noisy ones, pairs of both, pairs of shots."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ruis import alignment, formats, inputs, planes, processor
from ruis.errors import ConfigError, EmptyDatasetError, TooMuchDataError
from ruis.image import Image, common_range
from ruis.intensity import Intensity
from ruis.stacks import is_stack_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ruis.formats import Header

__all__ = [
    "Sample",
    "check_memory",
    "find",
    "headers",
    "load",
    "misaligned",
    "pair",
    "split",
    "to_channels",
]

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Red, green and blue in gray: ITU-R BT.601, as the field's gray test sets were made."""

NAMED = 5
"""How many misaligned pairs are told by name."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Sample:
    """One training image in its stored dtype: clean, or noisy, or with what belongs to it.

    Parameters
    ----------
    name : str
        The file's name.
    clean : numpy.ndarray, optional
        Shape (rows, columns, channels); None where only noisy images are learnt from.
    noisy : numpy.ndarray, optional
        The same shape and dtype; None where noise is added by a model.
    second : numpy.ndarray, optional
        Another noisy shot of the same scene, for noise-to-noise.
    data_range : tuple of float, optional
        The stored values that mean black and white; default: those of the dtype.
    weight : float
        How often one of its pixels is visited, against those of other images.
    stack : str, optional
        The file, if that holds several pictures; they are in its order, and may be alike.
    """

    name: str
    clean: NDArray[Any] | None
    noisy: NDArray[Any] | None = None
    second: NDArray[Any] | None = None
    data_range: tuple[float, float] | None = None
    weight: float = 1.0
    stack: str | None = None

    @property
    def pixels(self) -> NDArray[Any]:
        """The clean image, or the noisy one."""
        pixels = self.noisy if self.clean is None else self.clean
        assert pixels is not None
        return pixels

    @property
    def scale(self) -> Intensity:
        """How its stored values become model values."""
        return Intensity.of(self.pixels.dtype, self.data_range)


def find(folder: str | Path) -> list[Path]:
    """List the images in a folder, in the order of their names; a file, or a Zarr, stands for itself.

    Raises
    ------
    EmptyDatasetError
        If the folder is not there or holds no image of a format that ruis reads, those aside that
        ruis wrote: what is denoised already, and maps of uncertainty.
    """
    folder = Path(folder)
    if folder.is_file():
        return [folder]
    if not folder.is_dir():
        raise EmptyDatasetError(f"{folder} is not a folder of images.")
    if is_stack_name(folder):
        return [folder]
    found = sorted(
        p
        for p in folder.iterdir()
        if (formats.is_image_name(p) if p.is_file() else is_stack_name(p))
    )
    if not found:
        raise EmptyDatasetError(f"{folder} holds no images of a format that ruis reads.")
    mine = [path for path in found if not inputs.is_own(path)]
    if not mine:
        raise EmptyDatasetError(f"{folder} holds only images that ruis wrote ({inputs.OWN}).")
    return mine


def headers(paths: Sequence[Path], axes: str | None = None) -> tuple[Header, ...]:
    """Look at what files announce: one header for each kind of picture in each file.

    Parameters
    ----------
    paths : sequence of Path
        Images and stacks.
    axes : str, optional
        As for :func:`load`.
    """
    return tuple(header for path in paths for header in planes.probe(path, axes))


def check_memory(found: Sequence[Header]) -> None:
    """Refuse images that do not fit into memory: training draws its crops from all of them.

    Parameters
    ----------
    found : sequence of Header
        Of all images that shall be in memory at a time.

    Raises
    ------
    TooMuchDataError
        If they need more than is available, as far as the system tells, before a pixel is decoded.
    """
    needed, available = sum(one.nbytes * one.frames for one in found), processor.available_memory()
    if needed > available:
        raise TooMuchDataError(
            f"the {sum(one.frames for one in found)} images to learn from need {needed / 2**30:.3g} GiB of "
            f"memory, and {available / 2**30:.3g} GiB are available: a network learns as well from "
            "some of them."
        )


def pair(clean: Sequence[Path], noisy: Sequence[Path]) -> list[tuple[Path, Path]]:
    """Match clean and noisy files by name, whatever their suffix.

    Raises
    ------
    EmptyDatasetError
        If a file has no counterpart, or two have one name; the message names the first.
    """
    if len(clean) == len(noisy) == 1:
        return [(clean[0], noisy[0])]
    for paths in (clean, noisy):
        counts = Counter(path.stem for path in paths)
        twice = next((path for path in paths if counts[path.stem] > 1), None)
        if twice:
            raise EmptyDatasetError(f"two files are called {twice.stem}, one of them {twice}.")
    others = {path.stem: path for path in noisy}
    stems = {path.stem for path in clean}
    alone = [path for path in clean if path.stem not in others]
    alone += [path for path in noisy if path.stem not in stems]
    if alone:
        raise EmptyDatasetError(
            f"{len(alone)} files have no counterpart of the same name, the first: {alone[0]}."
        )
    return [(path, others[path.stem]) for path in clean]


def to_channels(image: Image, channels: int) -> NDArray[Any]:
    """Return an image's pixels, alpha dropped, with the channels that a network learns from.

    Parameters
    ----------
    image : Image
        Any image.
    channels : int
        1 turns RGB into gray (BT.601); 3 repeats gray three times.

    Raises
    ------
    ConfigError
        If the channels cannot be had from this image.
    """
    pixels = image.pixels[..., : image.channels]
    if image.channels == channels:
        return pixels
    if channels == 1 and image.info.colour == "rgb":
        scale = Intensity(pixels.dtype, image.info.data_range)
        return scale.from_unit((scale.to_unit(pixels) @ LUMA)[..., None])
    if channels == 3 and image.channels == 1:
        return np.repeat(pixels, 3, axis=2)
    raise ConfigError(
        f"{image.info.source} has {image.channels} channels; the network learns from {channels}."
    )


def load(
    clean: str | Path | None,
    channels: int,
    *,
    noisy: str | Path | None = None,
    second: str | Path | None = None,
    exclude: Collection[str] = (),
    axes: str | None = None,
    white: float | None = None,
    progress: Progress | None = None,
) -> list[Sample]:
    """Read a folder of images, or folders whose images belong together by name.

    Parameters
    ----------
    clean : path, optional
        The folder of clean images.
    channels : int
        The channels that the network learns from.
    noisy : path, optional
        The folder of their noisy counterparts, of the same names; or of noisy images alone.
    second : path, optional
        The folder of other noisy shots of the same scenes.
    exclude : collection of str
        Names of files to leave out.
    axes : str, optional
        Of stacks that do not say it themselves, as `.npy` files: "ZYX", "TYX", "YXT". Each picture
        in a stack becomes a sample.
    white : float, optional
        The stored value that counts as white. Default: that of the dtype.
    progress : callable, optional
        Called with (images read, images in all).

    Raises
    ------
    EmptyDatasetError
        If there is no image, or one lacks its counterpart, or differs from it in size.
    ConfigError
        If a name to leave out is not there.
    TooMuchDataError
        If they do not fit into memory.
    """
    folders = {"clean": clean, "noisy": noisy, "second": second}
    given = {role: Path(folder) for role, folder in folders.items() if folder is not None}
    (first, folder), *others = given.items()
    paths = find(folder)
    unknown = set(exclude) - {path.name for path in paths}
    if unknown:
        raise ConfigError(f"{folder} has no {min(unknown)!r} to leave out.")
    left_out = {Path(name).stem for name in exclude}
    paths = [path for path in paths if path.name not in exclude]
    rows = [{first: path} for path in paths]
    for role, other in others:
        counterparts = [path for path in find(other) if path.stem not in left_out]
        for row, (_, path) in zip(rows, pair(paths, counterparts), strict=True):
            row[role] = path
    found = headers([path for row in rows for path in row.values()], axes)
    check_memory([replace(one, channels=channels) for one in found])
    samples = []
    for count, row in enumerate(rows, start=1):
        samples += _samples(row, channels, axes, white)
        if progress:
            progress(count, len(rows))
    return samples


def _samples(
    paths: Mapping[str, Path], channels: int, axes: str | None, white: float | None
) -> list[Sample]:
    """Return the samples of files that belong together."""
    found = {role: planes.read(path, axes) for role, path in paths.items()}
    (first, path), *others = paths.items()
    count = len(found[first])
    for role, counterpart in others:
        if len(found[role]) != count:
            raise EmptyDatasetError(
                f"{path} and {counterpart} are no pair: they hold {count} and {len(found[role])} "
                "pictures."
            )
    made = [
        _sample(
            paths,
            {role: images[index] for role, images in found.items()},
            path.name if axes is None and count == 1 else f"{path.name}[{index}]",
            channels,
            white,
        )
        for index in range(count)
    ]
    return made if count == 1 else [replace(one, stack=str(path)) for one in made]


def _sample(
    paths: Mapping[str, Path],
    images: Mapping[str, Image],
    name: str,
    channels: int,
    white: float | None,
) -> Sample:
    first, *others = paths
    image = images[first]
    pixels, data_range = to_channels(image, channels), image.info.data_range
    arrays: dict[str, Any] = {first: pixels}
    for role in others:
        arrays[role] = to_channels(images[role], channels)
        pair = f"{paths[first]} and {paths[role]} are no pair"
        if (arrays[role].shape, arrays[role].dtype) != (pixels.shape, pixels.dtype):
            raise EmptyDatasetError(
                f"{pair}: {pixels.shape} {pixels.dtype} against {arrays[role].shape} {arrays[role].dtype}."
            )
        common = common_range([replace(image.info, data_range=data_range), images[role].info])
        if common is None:
            low, high = images[role].info.data_range
            raise EmptyDatasetError(
                f"{pair}: black and white are {data_range[0]:g} and {data_range[1]:g} in one, {low:g} and "
                f"{high:g} in the other."
            )
        data_range = common
    if white is not None:
        data_range = (data_range[0], white)
    return Sample(name, data_range=data_range, **{"clean": None, **arrays})


def split(
    samples: Sequence[Sample], held_out: int, least: int = 1
) -> tuple[list[Sample], list[Sample]]:
    """Hold some samples out of training: those whose names have the lowest hashes.

    Of a stack, whose pictures may be alike, all are held out, or those at its end: with every fifth, what is
    judged would be what is beside what was learnt.

    Whatever the seed: a training that goes on from another one, on the same images, is not judged by
    what that one has learnt from, as long as it does not hold out more of them.

    Parameters
    ----------
    samples : sequence of Sample
        All that there are.
    held_out : int
        How many, but no more than a fifth.
    least : int, default 1
        Rows and columns that a sample needs to be of use at all; smaller ones are left out, unless all
        are.

    Returns
    -------
    tuple of list of Sample
        (for training, for validation). With a single image, that image is both.
    """
    samples = [one for one in samples if min(one.pixels.shape[:2]) >= least] or samples
    if len(samples) == 1:
        return list(samples), list(samples)
    groups: dict[str | int, list[int]] = {}
    for index, sample in enumerate(samples):
        groups.setdefault(sample.stack or index, []).append(index)
    left, held = min(held_out, max(1, len(samples) // 5)), set[int]()
    for group in sorted(groups.values(), key=lambda group: _hash(samples[group[0]])):
        held |= set(group[-left:])
        left -= len(group[-left:])
        if not left:
            break
    training = [sample for i, sample in enumerate(samples) if i not in held]
    return training, [sample for i, sample in enumerate(samples) if i in held]


def _hash(sample: Sample) -> bytes:
    """Return what decides whether a sample is held out: all of a stack have the same."""
    name = sample.name if sample.stack is None else Path(sample.stack).name
    return hashlib.sha256(os.fsencode(name)).digest()


def misaligned(samples: Sequence[Sample]) -> list[str]:
    """Tell of pairs that do not lie on each other: edges would be learnt in the wrong place.

    Parameters
    ----------
    samples : sequence of Sample
        All that were read; those that are no pairs are passed over.

    Returns
    -------
    list of str
        A sentence with the names of the first of them, or nothing.
    """
    found = []
    for sample in samples:
        other = sample.second if sample.clean is None else sample.clean
        if sample.noisy is None or other is None:
            continue
        by = alignment.shift(other, sample.noisy)
        if by is not None and max(map(abs, by)) > alignment.FAR:
            found.append(f"{sample.name} by {by[0]:+.1f} rows and {by[1]:+.1f} columns")
    if not found:
        return []
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return [
        (
            f"{len(found)} of {len(samples)} pairs do not lie on each other: "
            f"{'; '.join(found[:NAMED])}{more}. What is learnt from them is blurred: align them, or "
            "leave them out."
        )
    ]
