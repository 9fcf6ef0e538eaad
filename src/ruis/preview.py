"""Pictures of how a training goes: a held-out crop, noisy | denoised | clean, in the run folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ruis.formats import write
from ruis.image import Image, ImageInfo

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ruis.examples import Shown

__all__ = ["Preview", "as_picture", "side_by_side"]

NAME = "preview-{:06}.png"
OFTEN = 16
GAP = 4


class Preview:
    """Draws the same crop as the network denoises it, epoch after epoch.

    Parameters
    ----------
    folder : Path
        Where the pictures go.
    shown : Shown
        The crop.
    takes_sigma : bool
        Whether the network has a sigma channel, which stays zero here.
    """

    def __init__(self, folder: Path, shown: Shown, *, takes_sigma: bool) -> None:
        self.folder = folder
        self.shown = shown
        self.takes_sigma = takes_sigma

    @staticmethod
    def due(epoch: int) -> bool:
        """Say whether an epoch is drawn: 1, 2, 4, 8, 16, and then every 16th."""
        return epoch % OFTEN == 0 or (epoch < OFTEN and epoch.bit_count() == 1)

    def draw(self, run: Any, epoch: int) -> None:
        """Write the picture of an epoch.

        Parameters
        ----------
        run : callable
            The network, from batch to batch.
        epoch : int
            Its number.
        """
        from ruis.examples import with_sigma

        noisy = self.shown.noisy
        inputs = with_sigma(noisy, 0.0) if self.takes_sigma else noisy
        crops = [noisy, run(inputs[None])[0], self.shown.clean]
        picture = side_by_side([crop for crop in crops if crop is not None])
        write(picture, self.folder / NAME.format(epoch), overwrite=True, record="")


def as_picture(unit: NDArray[Any]) -> Image:
    """Return fractions of the data range as an 8-bit image: colours if there are three, else gray.

    Parameters
    ----------
    unit : numpy.ndarray
        Shape (rows, columns, channels); of other numbers of channels than 3 the first is shown.
    """
    channels = unit if unit.shape[2] == 3 else unit[..., :1]
    stored = np.rint(np.clip(channels, 0, 1) * 255).astype(np.uint8)
    colour: Any = "rgb" if stored.shape[2] == 3 else "gray"
    return Image(stored, ImageInfo(stored.dtype, (0.0, 255.0), colour=colour))


def side_by_side(crops: list[NDArray[Any]]) -> Image:
    """Return pictures of one size in a row, with white between them.

    Parameters
    ----------
    crops : list of numpy.ndarray
        Each of shape (rows, columns, channels), fractions of the data range.
    """
    rows, _, channels = crops[0].shape
    gap = np.ones((rows, GAP, channels), np.float32)
    parts = [part for crop in crops for part in (gap, crop)][1:]
    return as_picture(np.concatenate(parts, axis=1))
