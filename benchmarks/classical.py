"""The classical peers: denoisers that learnt nothing, each told the true sigma.

Every method is a function (noisy, sigma) -> denoised: float32 (rows, columns) or (rows, columns,
3), sigma as a fraction of the range. Beside what ruis needs, they want (benchmarks only):

    pip install opencv-python-headless PyWavelets bm3d

bm3d comes under terms for non-commercial use only, and so is a peer to measure and never a
dependency. What is not installed is skipped, by name.

Where a method has a strength, it is tuned once for each sigma on training images, BSDS500's own,
never on a test set:

    python benchmarks/classical.py --data DATA

cuts the middle 192x192 pixels out of every 50th image of DATA/train/bsds500 (8 images), adds noise
with a fixed seed for each, tries the candidates of each method, and prints the `TUNED` table below
with the strength that gave the highest mean PSNR. Between the tuned sigmas it is interpolated.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from protocol import to_8_bits

from ruis.metrics.psnr import psnr
from ruis.noise import parse

Pixels = NDArray[np.float32]

SIGMAS = (15, 25, 50)  # of 255

# method -> the candidates of its strength. What the strength is: see each function.
CANDIDATES = {
    "gaussian filter": (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.4, 1.6, 1.8, 2.0),
    "median filter": (3, 5),
    "total variation": (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.35, 1.5, 1.75, 2.0),
    "non-local means (OpenCV)": (
        0.3,
        0.4,
        0.5,
        0.6,
        0.7,
        0.8,
        0.9,
        1.0,
        1.1,
        1.2,
        1.3,
        1.5,
        1.75,
        2.0,
    ),
    "non-local means (scikit-image)": (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.15),
}

# (method, colours) -> the strength at each of SIGMAS; made by the command above.
TUNED: dict[tuple[str, str], tuple[float, float, float]] = {
    ("gaussian filter", "gray"): (0.7, 0.9, 1.4),
    ("median filter", "gray"): (3, 3, 5),
    ("total variation", "gray"): (0.7, 0.8, 0.9),
    ("non-local means (OpenCV)", "gray"): (1.0, 0.9, 0.8),
    ("non-local means (scikit-image)", "gray"): (0.7, 0.6, 0.6),
    ("gaussian filter", "colour"): (0.7, 0.9, 1.4),
    ("median filter", "colour"): (3, 3, 5),
    ("total variation", "colour"): (0.7, 0.8, 0.9),
    ("non-local means (OpenCV)", "colour"): (0.6, 0.5, 0.6),
    ("non-local means (scikit-image)", "colour"): (0.6, 0.5, 0.5),
}


def strength(method: str, noisy: Pixels, sigma: float) -> float:
    """What was tuned, interpolated between the tuned sigmas and constant beyond them."""
    colours = "gray" if noisy.ndim == 2 else "colour"
    return float(np.interp(sigma * 255, SIGMAS, TUNED[method, colours]))


def gaussian_filter(noisy: Pixels, sigma: float, how: float | None = None) -> Pixels:
    """A Gaussian blur; the strength is its standard deviation in pixels."""
    import cv2

    how = strength("gaussian filter", noisy, sigma) if how is None else how
    return cv2.GaussianBlur(noisy, (0, 0), how)


def median_filter(noisy: Pixels, sigma: float, how: float | None = None) -> Pixels:
    """The median of a square; the strength is its side in pixels, 3 or 5."""
    import cv2

    how = strength("median filter", noisy, sigma) if how is None else how
    return cv2.medianBlur(np.ascontiguousarray(noisy), 3 if how < 4 else 5)


def total_variation(noisy: Pixels, sigma: float, how: float | None = None) -> Pixels:
    """Total variation; the strength is the weight in sigmas.

    A. Chambolle, "An algorithm for total variation minimization and applications", Journal of
    Mathematical Imaging and Vision, 2004, doi:10.1023/B:JMIV.0000011325.36760.1e.
    """
    from skimage.restoration import denoise_tv_chambolle

    how = strength("total variation", noisy, sigma) if how is None else how
    axis = None if noisy.ndim == 2 else -1
    return denoise_tv_chambolle(noisy, weight=how * sigma, channel_axis=axis)


def nlm_opencv(noisy: Pixels, sigma: float, how: float | None = None) -> Pixels:
    """Non-local means as in OpenCV, which takes 8 bits; the strength is h in sigmas.

    A. Buades, B. Coll, J.-M. Morel, "Non-local means denoising", Image Processing On Line, 2011,
    doi:10.5201/ipol.2011.bcm_nlm.
    """
    import cv2

    how = strength("non-local means (OpenCV)", noisy, sigma) if how is None else how
    stored, h = to_8_bits(noisy), how * sigma * 255
    if noisy.ndim == 2:
        denoised = cv2.fastNlMeansDenoising(stored, None, h, 7, 21)
    else:
        denoised = cv2.fastNlMeansDenoisingColored(stored[..., ::-1].copy(), None, h, h, 7, 21)
        denoised = denoised[..., ::-1]
    return denoised.astype(np.float32) / 255


def nlm_skimage(noisy: Pixels, sigma: float, how: float | None = None) -> Pixels:
    """Non-local means as in scikit-image (fast mode, 5x5 patches); the strength is h in sigmas.

    J. Darbon, A. Cunha, T. F. Chan, S. Osher, G. J. Jensen, "Fast nonlocal filtering applied to
    electron cryomicroscopy", ISBI, 2008, doi:10.1109/ISBI.2008.4541250.
    """
    from skimage.restoration import denoise_nl_means

    how = strength("non-local means (scikit-image)", noisy, sigma) if how is None else how
    return denoise_nl_means(
        noisy,
        patch_size=5,
        patch_distance=6,
        h=how * sigma,
        sigma=sigma,
        fast_mode=True,
        channel_axis=None if noisy.ndim == 2 else -1,
    )


def wavelet(noisy: Pixels, sigma: float) -> Pixels:
    """Soft thresholds for wavelets; colours as YCbCr. Nothing to tune.

    S. G. Chang, B. Yu, M. Vetterli, "Adaptive wavelet thresholding for image denoising and
    compression", IEEE Transactions on Image Processing, 2000, doi:10.1109/83.862633.
    """
    import pywt  # noqa: F401 - so that what is missing is named
    from skimage.restoration import denoise_wavelet

    colour = noisy.ndim == 3
    return denoise_wavelet(
        noisy,
        sigma=sigma,
        method="BayesShrink",
        mode="soft",
        wavelet="db2",
        convert2ycbcr=colour,
        channel_axis=-1 if colour else None,
        rescale_sigma=True,
    )


def bm3d(noisy: Pixels, sigma: float) -> Pixels:
    """BM3D by its authors, with both of its stages. Nothing to tune.

    Y. Mäkinen, L. Azzari, A. Foi, "Collaborative filtering of correlated noise", IEEE Transactions
    on Image Processing, 2020, doi:10.1109/TIP.2020.3014721.
    """
    import bm3d as authors

    denoised = (authors.bm3d if noisy.ndim == 2 else authors.bm3d_rgb)(noisy, sigma)
    return np.asarray(denoised, np.float32).reshape(noisy.shape)


METHODS: dict[str, Callable[[Pixels, float], Pixels]] = {
    "gaussian filter": gaussian_filter,
    "median filter": median_filter,
    "total variation": total_variation,
    "wavelet (BayesShrink)": wavelet,
    "non-local means (OpenCV)": nlm_opencv,
    "non-local means (scikit-image)": nlm_skimage,
    "BM3D": bm3d,
}

NEEDS = {
    "gaussian filter": "opencv-python-headless",
    "median filter": "opencv-python-headless",
    "total variation": "scikit-image",
    "wavelet (BayesShrink)": "PyWavelets",
    "non-local means (OpenCV)": "opencv-python-headless",
    "non-local means (scikit-image)": "scikit-image",
    "BM3D": "bm3d",
}


# -- tuning ------------------------------------------------------------------------------------


def training_crops(data: Path, every: int, colours: str) -> list[Pixels]:
    """The middle 192x192 pixels of every so-manyth training image."""
    files = sorted((data / "train" / "bsds500").iterdir())[::every]
    crops = []
    for file in files:
        with Image.open(file) as image:
            pixels = np.asarray(image.convert("L" if colours == "gray" else "RGB"), np.float32)
        top, left = (size // 2 - 96 for size in pixels.shape[:2])
        crops.append(pixels[top : top + 192, left : left + 192] / 255)
    return crops


def tune(data: Path, every: int = 50) -> dict[tuple[str, str], tuple[float, ...]]:
    """The best candidate of each method at each sigma, by mean PSNR over the training crops."""
    found = {}
    for colours in ("gray", "colour"):
        crops = training_crops(data, every, colours)
        for method, candidates in CANDIDATES.items():
            best = []
            for sigma in SIGMAS:
                noise = parse(f"gaussian:{sigma}/255")
                pairs = [
                    (
                        clean,
                        noise.add(
                            clean.reshape(*clean.shape[:2], -1), np.random.default_rng(index)
                        ).reshape(clean.shape),
                    )
                    for index, clean in enumerate(crops)
                ]
                scores = {}
                for how in candidates:
                    denoised = [METHODS[method](noisy, sigma / 255, how) for _, noisy in pairs]
                    scores[how] = np.mean(
                        [
                            psnr(to_8_bits(clean), to_8_bits(one), 255)
                            for (clean, _), one in zip(pairs, denoised, strict=True)
                        ]
                    )
                best.append(max(scores, key=scores.__getitem__))
            found[method, colours] = tuple(best)
            print(f"    {(method, colours)!r}: {tuple(best)},".replace("'", '"'), flush=True)
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder with train/bsds500")
    parser.add_argument("--every", type=int, default=50, help="use every so-manyth image")
    options = parser.parse_args()
    print("TUNED = {")
    tune(options.data, options.every)
    print("}")
