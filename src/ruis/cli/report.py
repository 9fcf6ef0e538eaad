"""An evaluation as one page: the table, and what the best and the worst image look like."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruis.evaluate import EIGHT_BITS
from ruis.formats import encode
from ruis.formats.atomic import new_file
from ruis.image import Image, ImageInfo

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ruis.denoiser import Denoiser
    from ruis.evaluate import Evaluation, Pair, Scored

__all__ = ["STYLE", "picture", "write_report"]

SIDE = 320
"""The longest side of a picture: the middle of an image, pixel by pixel."""

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem;
       color: #222; background: #fff; }
table { border-collapse: collapse; }
th, td { padding: .2rem .8rem; text-align: right; font-variant-numeric: tabular-nums; }
th:first-child, td:first-child { text-align: left; }
thead, tfoot { font-weight: 600; border: solid #999; border-width: 1px 0; }
figure { margin: 1rem 0; }
.pictures { display: flex; flex-wrap: wrap; gap: .5rem; }
.pictures div { text-align: center; }
img { display: block; max-width: 100%; }
"""


def write_report(
    path: Path,
    result: Evaluation,
    pairs: list[Callable[[], Pair]],
    denoiser: Denoiser,
    *,
    sigma: float | None,
    strength: float,
    overwrite: bool = False,
) -> None:
    """Write an evaluation as one HTML file that needs no other.

    Parameters
    ----------
    path : Path
        Where to.
    result : Evaluation
        What was measured.
    pairs : list of callable
        The images, in the same order.
    denoiser : Denoiser
        What was judged; it denoises the best and the worst image again.
    sigma : float, optional
        What it was told.
    strength : float
        From 0 to 1.
    overwrite : bool
        Whether a file that is there already is replaced.

    Raises
    ------
    ImageWriteError
        If the file exists already, or the disk refuses.
    """
    gains = [image.psnr - image.noisy_psnr for image in result.images]
    worst, best = gains.index(min(gains)), gains.index(max(gains))
    chosen = [("Gained least", worst)] + ([("Gained most", best)] if best != worst else [])
    figures = []
    for title, place in chosen:
        pair = pairs[place]()
        denoised = denoiser.run(pair.noisy, sigma=sigma, strength=strength).image.pixels
        figures.append(_figure(title, result.images[place], pair, denoised))
    eight_bits = pair.stored == EIGHT_BITS
    with new_file(path, overwrite=overwrite) as file:
        file.write(_page(result, figures, eight_bits=eight_bits).encode())


def _page(result: Evaluation, figures: list[str], *, eight_bits: bool) -> str:
    title = f"{escape(result.model)} on {escape(result.noise)}"
    seed = "" if result.seed is None else f" The noise has the seed {result.seed}."
    stored = "8 bits" if eight_bits else "what the clean file holds"
    rate = result.megapixels / result.seconds if result.seconds else 0.0
    rows = "\n".join(
        _row(image.name, image.noisy_psnr, image.psnr, image.ssim) for image in result.images
    )
    mean = result.mean
    last = _row("mean", mean["noisy_psnr"], mean["psnr"], mean["ssim"])
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>{STYLE}</style>
<h1>{title}</h1>
<p>{len(result.images)} images, {result.megapixels:.3g} megapixels in {result.seconds:.3g} s
({rate:.2f} Mpx/s).{seed} PSNR in dB; the denoised image is rounded to {stored} first.</p>
<table>
<thead><tr><th>image<th>noisy<th>denoised<th>gain<th>SSIM</thead>
<tbody>
{rows}
</tbody>
<tfoot>{last}</tfoot>
</table>
{"".join(figures)}
</html>
"""


def _row(name: str, noisy: float, denoised: float, ssim: float) -> str:
    gain = denoised - noisy
    cells = (escape(name), f"{noisy:.2f}", f"{denoised:.2f}", f"{gain:+.2f}", f"{ssim:.4f}")
    return "<tr>" + "".join(f"<td>{cell}" for cell in cells)


def _figure(title: str, scored: Scored, pair: Pair, denoised: NDArray[Any]) -> str:
    gain = scored.psnr - scored.noisy_psnr
    pictures = "".join(
        f'<div><img src="{picture(pixels)}" alt="{what}">{what}</div>'
        for what, pixels in (
            ("noisy", pair.noisy.pixels),
            ("denoised", denoised),
            ("clean", pair.clean),
        )
    )
    return f"""<figure>
<h2>{title}: {escape(scored.name)} ({gain:+.2f} dB)</h2>
<div class="pictures">{pictures}</div>
</figure>
"""


def picture(pixels: NDArray[Any]) -> str:
    """Return the middle of an image as a PNG in a data URL."""
    import numpy as np

    rows, columns, channels = pixels.shape
    top, left = max(0, (rows - SIDE) // 2), max(0, (columns - SIDE) // 2)
    window = pixels[top : top + SIDE, left : left + SIDE, : 3 if channels >= 3 else 1]
    stored = np.rint(np.clip(window, 0, 1) * 255).astype(np.uint8)
    info = ImageInfo(stored.dtype, (0.0, 255.0), colour="rgb" if channels >= 3 else "gray")
    png = encode(Image(stored, info), "png", strip_metadata=True, record="")
    return f"data:image/png;base64,{b64encode(png).decode()}"
