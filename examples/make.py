"""Make `coffee.png`: a clean open photograph with the noise of a camera model.

python examples/make.py        # needs scikit-image, which carries the photograph
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import skimage.data

import ruis
from ruis import noise
from ruis.image import Image, ImageInfo
from ruis.intensity import Intensity

HERE = Path(__file__).parent
CAMERA = "camera:gain=6e-3"
SEED = 7


def main() -> None:
    """Add the noise and write the picture, replacing an earlier one."""
    clean = skimage.data.coffee()
    scale = Intensity.of(clean.dtype)
    noisy = noise.parse(CAMERA).add(scale.to_unit(clean), np.random.default_rng(SEED))
    info = ImageInfo(clean.dtype, scale.data_range, colour="rgb")
    record = f"noise added: {CAMERA}, seed {SEED}"
    ruis.write(
        Image(scale.from_unit(noisy), info), HERE / "coffee.png", record=record, overwrite=True
    )


if __name__ == "__main__":
    main()
