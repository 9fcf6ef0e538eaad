"""What came of denoising an image, and the sentence that a file's metadata keeps of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from ruis.image import Image

__all__ = ["Denoised", "record"]


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
        The noise that was found, or given, as a fraction of the data range: in a JPEG file, where most of a
        camera's noise cannot be measured, what was removed.
    precision : {"f32", "bf16"}
        What the convolutions computed with.
    tiles : int
        How many tiles the image was cut into.
    notes : tuple of str
        What a person should know: "denoised channel by channel with the gray model".
    ensemble : bool
        Whether flips and turns were averaged.
    """

    image: Image
    model: str
    sigma: float
    precision: str
    tiles: int
    notes: tuple[str, ...] = ()
    ensemble: bool = False

    def write(
        self,
        path: Path,
        *,
        given: bool,
        strength: float,
        overwrite: bool = False,
        strip_metadata: bool = False,
    ) -> tuple[str, ...]:
        """Write the image to a file, with a record of what was done, as :func:`ruis.formats.write` does.

        Parameters
        ----------
        path : Path
            The file; its ending decides the format.
        given : bool
            Whether sigma was told.
        strength : float
            How much of the noise was taken.
        overwrite : bool, default False
            Whether a file that is there is replaced.
        strip_metadata : bool, default False
            Whether metadata stay behind.

        Returns
        -------
        tuple of str
            All that a person should know: of reading, denoising, and what the format could not hold.
        """
        from ruis.formats import left_behind, write

        record, strip = self.record(given=given, strength=strength), strip_metadata
        write(self.image, path, overwrite=overwrite, strip_metadata=strip, record=record)
        left = left_behind(self.image, path, strip_metadata=strip, record=record)
        return (*self.image.info.notes, *self.notes, *left)

    def record(self, *, given: bool, strength: float) -> str:
        """Return what a file's metadata says about what was done; `given`: sigma was told."""
        return record(
            self.model, self.sigma, given=given, strength=strength, ensemble=self.ensemble
        )


def record(
    model: str, sigma: float, *, given: bool, strength: float, ensemble: bool = False
) -> str:
    """Return what a file's metadata says about what was done.

    Parameters
    ----------
    model : str
        The name of the model.
    sigma : float
        The noise that was found, or told, as a fraction of the data range.
    given : bool
        Whether it was told.
    strength : float
        How much of the noise was taken.
    ensemble : bool
        Whether flips and turns were averaged.

    Examples
    --------
    >>> record("gray", 0.1, given=False, strength=1.0)
    'ruis ...: denoised with gray, sigma 25.5/255 (found), strength 1'
    """
    from ruis import __version__

    how = "given" if given else "found"
    average = ", self-ensemble" if ensemble else ""
    return (
        f"ruis {__version__}: denoised with {model}, "
        f"sigma {sigma * 255:.1f}/255 ({how}), strength {strength:g}{average}"
    )
