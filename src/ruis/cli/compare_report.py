"""A comparison as one page that needs no other: before and after, what was removed, where detail went."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruis.comparison import unit_pixels, verdict_text, without_left
from ruis.formats import encode
from ruis.formats.atomic import new_file
from ruis.image import Image, ImageInfo
from ruis.metrics.structure import ALIKE, structure_map
from ruis.noise.estimate import estimate_sigma

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ruis.comparison import Comparison

__all__ = ["TEXTS", "write_comparison"]

HIGH, WIDE = 900, 1200
"""The most rows and columns of a picture: of larger images the middle is shown, pixel by pixel."""

TEXTS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "title": "Before and after",
        "verdict": "In short",
        "slider": "How much of the image is shown as it was before",
        "value": "percent before",
        "before": "before",
        "after": "after",
        "clean": "clean",
        "middle": "The middle of the image, {columns} x {rows} pixels of {all_columns} x {all_rows}.",
        "whole": "The whole image, {columns} x {rows} pixels.",
        "drag": "Drag in the picture, or move the slider with the arrow keys.",
        "removed": "What was removed",
        "removed-text": "Noisy minus denoised, {factor:.0f} times as strong. It should look like noise "
        "alone: edges and letters that you can make out were removed from the scene.",
        "structure": "Where detail went with it",
        "structure-text": "Coloured where what was removed resembles the detail that is left; noise alone "
        "leaves it gray.",
        "figures": "The figures",
        "figure": "figure",
        "value-head": "value",
        "best": "best",
        "sigma_before": "noise before, sigma x 255",
        "sigma_after": "noise after, sigma x 255",
        "removed-sigma": "what was removed, standard deviation x 255",
        "whiteness": "agreement of neighbours in what was removed",
        "correlation": "correlation of what was removed with what is left",
        "structure-share": "share of the image in which detail was removed",
        "bias": "darker by, x 255",
        "colour_shift": "shift of colours, x 255",
        "psnr_before": "PSNR before, dB",
        "psnr_after": "PSNR after, dB",
        "ssim_before": "SSIM before",
        "ssim_after": "SSIM after",
        "no-script": "Without JavaScript both pictures are shown, one below the other.",
    },
}
"""All words of the page, by language."""

STYLE = """
:root { color-scheme: light dark; --ink: #1d2126; --dim: #5b6470; --paper: #fff; --line: #d5dae0;
        --card: #f4f6f8; --accent: #0b62a8; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8ebee; --dim: #a3adb8; --paper: #14171a; --line: #363d45; --card: #1d2227;
          --accent: #7cc0ff; }
}
* { box-sizing: border-box; }
body { font: 16px/1.55 system-ui, sans-serif; max-width: 76rem; margin: 0 auto;
       padding: 1.5rem clamp(.8rem, 3vw, 2rem) 4rem; color: var(--ink); background: var(--paper); }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .2rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .4rem; }
p { margin: .3rem 0 .8rem; max-width: 46rem; }
.dim { color: var(--dim); }
.verdict { background: var(--card); border-left: 4px solid var(--accent); padding: .8rem 1rem;
           border-radius: 4px; max-width: 50rem; }
.verdict p { margin: 0; }
.pair { position: relative; width: fit-content; max-width: 100%; line-height: 0; cursor: ew-resize;
        touch-action: pan-y; user-select: none; --at: 50%; }
img { max-width: 100%; height: auto; border-radius: 4px; }
.pair .over { position: absolute; inset: 0; clip-path: inset(0 calc(100% - var(--at)) 0 0); }
.pair .seam { position: absolute; top: 0; bottom: 0; left: var(--at); width: 2px; margin-left: -1px;
              background: #fff; box-shadow: 0 0 3px #000; pointer-events: none; }
.pair .name { position: absolute; top: .5rem; padding: .15rem .55rem; border-radius: 99px; color: #fff;
              background: rgb(0 0 0 / 60%); font-size: .85rem; line-height: 1.5;
              pointer-events: none; }
.name.left { left: .5rem; } .name.right { right: .5rem; }
.slide { display: block; width: 100%; max-width: 30rem; margin: .8rem 0 .2rem; }
.slide input { width: 100%; height: 1.6rem; accent-color: var(--accent); }
.slide input:focus-visible { outline: 2px solid var(--accent); outline-offset: 3px; }
.two { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(24rem, 100%), 1fr));
       gap: 0 2rem; }
table { border-collapse: collapse; }
th, td { padding: .3rem 1.2rem .3rem 0; text-align: left; border-bottom: 1px solid var(--line);
         font-weight: 400; vertical-align: baseline; }
thead th { color: var(--dim); font-size: .9rem; }
td { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
thead th + th { text-align: right; }
"""

SCRIPT = """
for (const pair of document.querySelectorAll(".pair")) {
  const slide = document.getElementById(pair.dataset.slide);
  const show = () => {
    pair.style.setProperty("--at", slide.value + "%");
    slide.setAttribute("aria-valuetext", slide.value + " " + slide.dataset.unit);
  };
  const follow = (event) => {
    const box = pair.getBoundingClientRect();
    const share = 100 * (event.clientX - box.left) / box.width;
    slide.value = Math.round(Math.min(100, Math.max(0, share)));
    show();
  };
  pair.addEventListener("pointerdown", (event) => {
    pair.setPointerCapture(event.pointerId);
    follow(event);
    event.preventDefault();
  });
  pair.addEventListener("pointermove", (event) => {
    if (pair.hasPointerCapture(event.pointerId)) follow(event);
  });
  slide.addEventListener("input", show);
  show();
}
"""

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def write_comparison(
    path: Path,
    found: Comparison,
    noisy: Image,
    denoised: Image,
    clean: Image | None = None,
    *,
    language: str = "en",
    overwrite: bool = False,
) -> None:
    """Write a comparison as one HTML file that asks for nothing from elsewhere.

    Parameters
    ----------
    path : Path
        Where to.
    found : Comparison
        What was measured.
    noisy, denoised : Image
        Before and after.
    clean : Image, optional
        The clean image, where it is known.
    language : str
        A key of :data:`TEXTS`.
    overwrite : bool
        Whether a file that is there already is replaced.

    Raises
    ------
    ImageWriteError
        If the file exists already, or the disk refuses.
    """
    page = _page(found, noisy, denoised, clean, language)
    with new_file(path, overwrite=overwrite) as file:
        file.write(page.encode())


def _page(
    found: Comparison, noisy: Image, denoised: Image, clean: Image | None, language: str
) -> str:
    words = TEXTS[language]
    before, after = unit_pixels(noisy), unit_pixels(denoised)
    window = _middle(before.shape)
    rows, columns = before[window].shape[:2]
    whole = (rows, columns) == (noisy.rows, noisy.columns)
    size = words["whole" if whole else "middle"].format(
        rows=rows, columns=columns, all_rows=noisy.rows, all_columns=noisy.columns
    )
    removed, factor = _amplified(before[window] - after[window], found.removed)
    name = escape(Path(denoised.info.source or words["after"]).name)
    pictures = _pair(before[window], after[window], words, "slide", words["before"])
    if clean is not None:
        pictures += (
            f"<h2>{words['clean']} / {words['after']}</h2>"
            + _pair(unit_pixels(clean)[window], after[window], words, "slide-clean", words["clean"])
        )  # fmt: skip
    heat = _coloured(before[window], after[window])
    return f"""<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>{words["title"]}: {name}</title>
<style>{STYLE}</style>
<noscript><style>
.pair .over {{ position: static; clip-path: none; }} .slide, .seam, .name {{ display: none; }}
</style></noscript>
</head>
<body>
<main>
<h1>{words["title"]}: {name}</h1>
<p class="dim">{size}</p>
<section class="verdict" aria-label="{words["verdict"]}"><p>{escape(verdict_text(found))}</p></section>
<h2>{words["before"]} / {words["after"]}</h2>
<noscript><p>{words["no-script"]}</p></noscript>
{pictures}
<p class="dim">{words["drag"]}</p>
<div class="two">
<section><h2>{words["removed"]}</h2><p>{words["removed-text"].format(factor=factor)}</p>
<img src="{_url(removed)}" alt="{words["removed"]}" width="{columns}" height="{rows}"></section>
<section><h2>{words["structure"]}</h2><p>{words["structure-text"]}</p>
<img src="{_url(heat)}" alt="{words["structure"]}" width="{columns}" height="{rows}"></section>
</div>
<h2>{words["figures"]}</h2>
{_table(found, words)}
</main>
<script>{SCRIPT}</script>
</body>
</html>
"""


def _pair(
    first: NDArray[np.float32],
    second: NDArray[np.float32],
    words: Mapping[str, str],
    key: str,
    name: str,
) -> str:
    """Write two pictures, one over the other, and the slider between them."""
    rows, columns = first.shape[:2]
    size = f'width="{columns}" height="{rows}" draggable="false"'
    return f"""<div class="pair" data-slide="{key}">
<img src="{_url(second)}" alt="{words["after"]}" {size}>
<img class="over" src="{_url(first)}" alt="{name}" {size}>
<span class="seam"></span>
<span class="name left" aria-hidden="true">{name}</span>
<span class="name right" aria-hidden="true">{words["after"]}</span>
</div>
<label class="slide"><span class="dim">{words["slider"]}</span>
<input type="range" id="{key}" min="0" max="100" value="50" data-unit="{words["value"]}"></label>
"""


def _table(found: Comparison, words: Mapping[str, str]) -> str:
    """Write the figures, each with what would be best."""
    many = 255
    rows: list[tuple[str, float | None, str, str]] = [
        ("sigma_before", found.sigma_before * many, ".2f", ""),
        ("sigma_after", found.sigma_after * many, ".2f", "0"),
        ("removed-sigma", found.removed * many, ".2f", ""),
        ("whiteness", found.whiteness, "+.3f", "0"),
        ("correlation", found.correlation, "+.3f", "0"),
        ("structure-share", found.structure, ".1%", "0%"),
        ("bias", found.bias * many, "+.2f", "0"),
        ("colour_shift", found.colour_shift * many, ".2f", "0"),
        ("psnr_before", found.psnr_before, ".2f", ""),
        ("psnr_after", found.psnr_after, ".2f", ""),
        ("ssim_before", found.ssim_before, ".4f", ""),
        ("ssim_after", found.ssim_after, ".4f", "1"),
    ]
    body = "\n".join(
        f'<tr><th scope="row">{words[key]}<td>{value:{form}}<td>{best}'
        for key, value, form, best in rows
        if value is not None
    )
    heads = "".join(f'<th scope="col">{words[key]}' for key in ("figure", "value-head", "best"))
    return f"<table><thead><tr>{heads}</thead><tbody>{body}</tbody></table>"


def _middle(shape: tuple[int, ...]) -> tuple[slice, slice]:
    top, left = max(0, (shape[0] - HIGH) // 2), max(0, (shape[1] - WIDE) // 2)
    return slice(top, top + HIGH), slice(left, left + WIDE)


def _amplified(removed: NDArray[np.float32], spread: float) -> tuple[NDArray[np.float32], float]:
    """Return what was removed about middle gray, so strong that most of it is seen."""
    import numpy as np

    factor = float(np.clip(round(0.5 / max(3 * spread, 1e-6)), 1, 64))
    return 0.5 + np.float32(factor) * removed, factor


def _coloured(before: NDArray[np.float32], after: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the denoised image in gray, coloured where what was removed resembles it."""
    import numpy as np

    sigmas = estimate_sigma(before), estimate_sigma(after)
    alike = structure_map(*without_left(before, after, *sigmas))
    gray = np.clip(after.mean(axis=2), 0, 1)
    share = np.clip((alike - 0.5 * ALIKE) / (1.5 * ALIKE), 0, 1)[..., None]
    orange, red = np.array([[1.0, 0.62, 0.1], [0.85, 0.05, 0.2]], np.float32)
    colour = (1 - share) * orange + share * red
    cover = 0.75 * np.clip(2 * share, 0, 1)
    drawn: NDArray[np.float32] = (1 - cover) * (0.15 + 0.7 * gray[..., None]) + cover * colour
    return drawn


def _url(pixels: NDArray[Any]) -> str:
    """Return a picture as a PNG in a data URL; of more than three channels, the first."""
    import numpy as np

    shown = pixels[..., : 3 if pixels.shape[2] == 3 else 1]
    stored = np.rint(np.clip(shown, 0, 1) * 255).astype(np.uint8)
    colour = "rgb" if stored.shape[2] == 3 else "gray"
    info = ImageInfo(stored.dtype, (0.0, 255.0), colour=colour)  # type: ignore[arg-type]
    png = encode(Image(stored, info), "png", strip_metadata=True, record="")
    return f"data:image/png;base64,{b64encode(png).decode()}"
