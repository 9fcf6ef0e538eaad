"""What an image is, how much noise is in it, and which model suits it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ruis.choice import choose
from ruis.intensity import Intensity
from ruis.noise.estimate import estimate_sigma

if TYPE_CHECKING:
    from ruis.image import Image

__all__ = ["Inspection", "inspect"]

METADATA = ("exif", "icc", "xmp", "resolution", "description", "software")


@dataclass(frozen=True)
class Inspection:
    """What was found out about an image; what the file said, and what was measured.

    Parameters
    ----------
    format : str or None
        The name of the format it was read from.
    rows, columns, channels : int
        Its size; alpha is not counted.
    colour : str
        What the channels mean.
    alpha : bool
        Whether there is an alpha channel.
    dtype : str
        Of the stored values.
    data_range : tuple of float
        The stored values that mean black and white.
    axes : str
        The axes as stored.
    metadata : tuple of str
        The kinds of metadata that the file has.
    notes : tuple of str
        What reading changed.
    sigma : float
        The standard deviation of the noise as a fraction of the data range.
    sigma_per_channel : tuple of float
        The same for each channel.
    model, why : str
        The shipped model that suits it, and what decided.
    """

    format: str | None
    rows: int
    columns: int
    channels: int
    colour: str
    alpha: bool
    dtype: str
    data_range: tuple[float, float]
    axes: str
    metadata: tuple[str, ...]
    notes: tuple[str, ...]
    sigma: float
    sigma_per_channel: tuple[float, ...]
    model: str
    why: str

    def to_json(self) -> dict[str, Any]:
        """Return all of it as what JSON knows."""
        return asdict(self)


def inspect(image: Image) -> Inspection:
    """Measure the noise of an image, and gather what its file says.

    Parameters
    ----------
    image : Image
        Any image.
    """
    info, choice = image.info, choose(image)
    scale = Intensity(info.dtype, info.data_range)
    channels = tuple(
        estimate_sigma(scale.to_unit(image.pixels[..., index : index + 1]))
        for index in range(image.channels)
    )
    return Inspection(
        format=info.format,
        rows=image.rows,
        columns=image.columns,
        channels=image.channels,
        colour=info.colour,
        alpha=info.alpha,
        dtype=str(info.dtype),
        data_range=info.data_range,
        axes=info.axes,
        metadata=tuple(name for name in METADATA if getattr(info.metadata, name) is not None),
        notes=info.notes,
        sigma=(sum(one**2 for one in channels) / len(channels)) ** 0.5,
        sigma_per_channel=channels,
        model=choice.model,
        why=choice.why,
    )
