"""A training as one page: what was learnt from, how it went, and what the model takes away."""

from __future__ import annotations

import math
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruis.cli.console import duration
from ruis.cli.report import STYLE, picture
from ruis.formats.atomic import new_file

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ruis.comparison import Comparison
    from ruis.examples import Shown
    from ruis.model_file import ModelFile
    from ruis.run import Run

__all__ = ["write_report"]

WIDTH, HEIGHT = 480, 220
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 12, 34
OWN_STYLE = """
h1 { line-height: 1.2; margin-bottom: .3rem; }
h2 { margin: 2rem 0 .5rem; }
.lead { font-size: 1.15rem; margin-top: 0; }
.curves { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr));
          gap: 1rem 2rem; }
.curves figure { margin: 0; }
svg { width: 100%; height: auto; display: block; }
svg text { font: 12px system-ui, sans-serif; fill: #555; }
figcaption { color: #555; font-size: .9rem; }
.pictures div { flex: 0 1 auto; min-width: 0; }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(46%, 14rem), 1fr)); }
.pictures img { width: 100%; image-rendering: pixelated; }
pre { background: #f4f4f4; padding: .7rem 1rem; overflow-x: auto; font-size: .9rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.2rem; margin: 0; }
dt { color: #555; } dd { margin: 0; overflow-wrap: anywhere; }
@media (max-width: 30rem) { dl { grid-template-columns: 1fr; } dd { margin-bottom: .5rem; } }
summary { cursor: pointer; }
"""


def write_report(path: Path, run: Run, made: ModelFile, output: Path) -> None:
    """Write a finished training as one HTML file that needs no other.

    Parameters
    ----------
    path : Path
        Where to; what is there is replaced.
    run : Run
        The training.
    made : ModelFile
        What it made.
    output : Path
        Where that is.

    Raises
    ------
    ImageWriteError
        If the disk refuses.
    """
    with new_file(path, overwrite=True) as file:
        file.write(_page(run, made, output).encode())


def _page(run: Run, made: ModelFile, output: Path) -> str:
    seen, verdict = "", ""
    if run.shown is not None:
        seen, verdict = _before_and_after(run.shown, made)
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>How {escape(made.name)} was taught</title>
<style>{STYLE}{OWN_STYLE}</style>
<h1>How {escape(made.name)} was taught</h1>
<p class="lead">{escape(made.manifest.purpose)}</p>
{verdict}
{seen}
<h2>How it went</h2>
<div class="curves">
{_curve("loss", "training loss", [epoch.loss for epoch in run.history], run.best.epoch, log=True)}
{_curve("validation, dB", _validation(run), [e.psnr for e in run.history], run.best.epoch)}
</div>
<h2>What it learnt from</h2>
{_facts(run, made)}
<h2>Use it</h2>
<pre>ruis denoise IMAGE --model {escape(str(output))}
ruis compare NOISY DENOISED
ruis models {escape(str(output))}
ruis train --from {escape(str(output))} --noisy DIR -o better.ruis</pre>
<details><summary>The recipe, to be changed and used again</summary>
<pre>{escape(run.recipe.to_toml())}</pre></details>
</html>
"""


# -- before and after -------------------------------------------------------------------------------


def _before_and_after(shown: Shown, made: ModelFile) -> tuple[str, str]:
    """Return the pictures, and what they tell."""
    import numpy as np

    from ruis.arrays import as_image
    from ruis.comparison import compare
    from ruis.denoiser import Denoiser
    from ruis.errors import EngineError

    try:
        denoised = Denoiser(made).denoise(shown.noisy, channel_axis=2)
    except EngineError:  # a network that it does not know; Keras, which taught it, does
        denoised = Denoiser(made, engine="keras").denoise(shown.noisy, channel_axis=2)
    images = [
        None if pixels is None else as_image(pixels, channel_axis=2)[0]
        for pixels in (shown.noisy, denoised, shown.clean)
    ]
    noisy, after, clean = images
    assert noisy is not None
    assert after is not None
    found = compare(noisy, after, clean)
    removed: NDArray[Any] = shown.noisy - denoised
    times = _times(found.removed)
    rows = [
        ("noisy", shown.noisy),
        ("denoised", denoised),
        (f"what was removed, {times} times", np.float32(0.5) + times * removed),
        ("clean", shown.clean),
    ]
    pictures = "".join(
        f'<div><img src="{picture(pixels)}" alt="{what}">{what}</div>'
        for what, pixels in rows
        if pixels is not None
    )
    seen = f"""<h2>Before and after: {escape(shown.name)}</h2>
<div class="pictures">{pictures}</div>
<p>{_residual(found)}</p>"""
    return seen, f"<p>{_verdict(found)}</p>"


def _times(removed: float) -> int:
    """Return how much a residual is amplified, so that it can be seen."""
    return max(1, min(20, round(0.15 / max(removed, 1e-6))))


def _verdict(found: Comparison) -> str:
    if found.psnr_before is not None and found.psnr_after is not None:
        gain = found.psnr_after - found.psnr_before
        return (
            f"On the crop below, the noisy picture is at {found.psnr_before:.2f} dB and the "
            f"denoised one at <strong>{found.psnr_after:.2f} dB</strong> ({gain:+.2f})."
        )
    return (
        f"On the crop below, noise of sigma {255 * found.sigma_before:.1f}/255 became "
        f"<strong>{255 * found.sigma_after:.1f}/255</strong>, as estimated: the clean picture is "
        "not known."
    )


def _residual(found: Comparison) -> str:
    """Say what the removed part looks like."""
    figures = f"{255 * found.removed:.1f}/255 strong, whiteness {found.whiteness:+.3f}"
    if found.looks_white:
        return (
            f"What was removed ({figures}) looks like white noise, as a whole. Edges and shapes in "
            "it would be detail that was lost."
        )
    if found.whiteness < 0:
        return (
            f"What was removed ({figures}; 0 is white) is finer than white noise: its coarse part "
            "stayed. Training for longer, or a larger network, takes more of it."
        )
    return (
        f"What was removed ({figures}; 0 is white) is not white noise: either your noise is shared "
        "by neighbouring pixels, or structure went with it. Look for edges and shapes in it."
    )


# -- curves ----------------------------------------------------------------------------------------


def _validation(run: Run) -> str:
    where = "on the image itself" if sum(run.images.values()) == 1 else "on held-out images"
    if run.recipe.objective_name == "supervised":
        return f"{where}, against clean ones; higher is better"
    return f"{where}, against noisy ones: good to compare epochs by, not models"


def _curve(title: str, caption: str, values: list[float], best: int, *, log: bool = False) -> str:
    """Draw figures by epoch, the best one marked."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return ""
    log = log and min(finite) > 0
    scaled = [(math.log10(value) if log else value) for value in values]
    low, high = min(scaled), max(scaled)
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5

    def at(epoch: int, value: float) -> tuple[float, float]:
        across = (epoch - 1) / max(1, len(values) - 1)
        x = LEFT + across * (WIDTH - LEFT - RIGHT)
        return x, TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM)

    places = [at(epoch, value) for epoch, value in enumerate(scaled, start=1)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    x, y = places[best - 1]
    ticks = "".join(
        f'<text x="{LEFT - 6}" y="{at(1, value)[1] + 4:.1f}" text-anchor="end">'
        f"{_number(10**value if log else value)}</text>"
        for value in (low, high)
    )
    floor = HEIGHT - BOTTOM
    last = (
        f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 14}" text-anchor="end">epoch {len(values)}</text>'
    )
    return f"""<figure>
<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title} by epoch">
<path d="M{LEFT},{TOP} V{floor} H{WIDTH - RIGHT}" fill="none" stroke="#999"/>
{ticks}<text x="{LEFT}" y="{HEIGHT - 14}">1</text>{last if len(values) > 1 else ""}
<polyline points="{line}" fill="none" stroke="#0b62a4" stroke-width="2"/>
<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="#c2410c"/>
</svg>
<figcaption><strong>{escape(title)}</strong>: {escape(caption)}. Kept: epoch {best}.</figcaption>
</figure>"""


def _number(value: float) -> str:
    return f"{value:.3g}"


# -- facts ------------------------------------------------------------------------------------------


def _facts(run: Run, made: ModelFile) -> str:
    """List what the training was."""
    from ruis import objectives

    recipe, training, architecture = run.recipe, made.manifest.training, made.architecture
    objective = objectives.parse(recipe.objective)
    sources = "; ".join(
        f"{name}: {count} image{'s' * (count != 1)}" for name, count in run.images.items()
    )
    facts = [
        ("images", sources),
        ("noise", made.manifest.noise),
        ("objective", f"{objective.name}; it assumes {objective.assumes}"),
        (
            "network",
            (
                f"{architecture.name}, {architecture.kmac_per_pixel:.0f} kMAC per pixel, "
                f"{architecture.channels} channel{'s' * (architecture.channels > 1)}"
            ),
        ),
        ("began with", run.start.name if run.start else "fresh weights"),
        (
            "trained",
            (
                f"{duration(60 * run.minutes)}, {training.steps} steps, {training.megapixels:g} "
                f"megapixels, seed {recipe.seed}"
            ),
        ),
        ("machine", training.machine),
    ]
    rows = "".join(f"<dt>{what}<dd>{escape(said)}" for what, said in facts)
    return f"<dl>{rows}</dl>"
