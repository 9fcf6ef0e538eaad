"""A DNG as a simple camera would write it: a Bayer mosaic of 12 bits, made with tifffile."""

from __future__ import annotations

import io

import numpy as np
import tifffile

BLACK, WHITE = 256, 4095
XYZ_TO_SRGB = (3.2406, -1.5372, -0.4986, -0.9689, 1.8758, 0.0415, 0.0557, -0.2040, 1.0570)
DNG_VERSION, BACKWARD, CAMERA = 50706, 50707, 50708
PATTERN_SIZE, PATTERN, BLACK_LEVEL, WHITE_LEVEL = 33421, 33422, 50714, 50717
COLOUR_MATRIX, NEUTRAL, ILLUMINANT, D65 = 50721, 50728, 50778, 21


def dng(linear: np.ndarray, *, orientation: int = 1, neutral=(1.0, 1.0, 1.0), **tags) -> bytes:
    """Return the file of linear sRGB values, (rows, columns, 3), sampled through a mosaic."""
    sensor = linear * neutral
    mosaic = sensor[..., 1].copy()
    mosaic[0::2, 0::2] = sensor[0::2, 0::2, 0]
    mosaic[1::2, 1::2] = sensor[1::2, 1::2, 2]
    raw = np.clip(BLACK + mosaic * (WHITE - BLACK), 0, WHITE).astype(np.uint16)
    matrix = [number for value in XYZ_TO_SRGB for number in (round(value * 10_000), 10_000)]
    balance = [number for value in neutral for number in (round(value * 1000), 1000)]
    file = io.BytesIO()
    tifffile.imwrite(
        file, raw, photometric=32803, metadata=None, software=False,
        extratags=[
            (271, "s", 0, "Ruis", True), (272, "s", 0, "Bayer 1", True),
            (274, "H", 1, orientation, True),
            (PATTERN_SIZE, "H", 2, (2, 2), True), (PATTERN, "B", 4, bytes([0, 1, 1, 2]), True),
            (DNG_VERSION, "B", 4, bytes([1, 4, 0, 0]), True),
            (BACKWARD, "B", 4, bytes([1, 1, 0, 0]), True), (CAMERA, "s", 0, "Ruis Bayer 1", True),
            (BLACK_LEVEL, "H", 1, BLACK, True), (WHITE_LEVEL, "I", 1, WHITE, True),
            (COLOUR_MATRIX, "2i", 9, matrix, True), (NEUTRAL, "2I", 3, balance, True),
            (ILLUMINANT, "H", 1, D65, True),
        ],
    )  # fmt: skip
    return file.getvalue()
