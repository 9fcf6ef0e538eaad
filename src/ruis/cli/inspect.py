"""`ruis inspect`: what is this image, or this folder, and what noise is in it?"""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ruis.cli import options
from ruis.cli.console import print_json, say, table, tell
from ruis.cli.exit_codes import code_of_run
from ruis.cli.failures import sentence
from ruis.cli.outputs import check_new_file
from ruis.cli.progress import counted_images
from ruis.errors import ConfigError, RuisError
from ruis.inputs import Failure, each_once, found

if TYPE_CHECKING:
    from ruis.inspection import Evidence, Inspection

__all__ = ["inspect"]


def inspect(
    image: Annotated[
        str, typer.Argument(metavar="IMAGE|DIR", help="The image, or a folder of images.")
    ],
    picture: Annotated[
        Path | None,
        typer.Option(metavar="FILE.png", help="Also draw the image's noise as a picture."),
    ] = None,
    scikit_image: Annotated[
        bool,
        typer.Option("--scikit-image", help="Also tell what scikit-image takes for sigma."),
    ] = False,
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="Also enter the folders inside of a folder.")
    ] = False,
    axes: options.Axes = None,
    data_range: options.DataRange = None,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Show what an image is, what noise it has, and what helps.

    ruis inspect photo.jpg
    ruis inspect scan.tif --picture noise.png
    ruis inspect scans/ --json

    Sigma is the standard deviation of the noise in the flat parts, for all channels and for each.
    Of a folder, a line for each image is shown, and what they have in common. Of a stack, the
    image in its middle is looked at.
    """
    if picture is not None:
        check_new_file(
            picture, "a picture", (".png",), overwrite=overwrite, option="--picture", any_case=True,
            images=[Path(image)],
        )  # fmt: skip
    whole = options.parse_data_range(data_range)
    from ruis.stacks import is_stack_name

    if Path(image).is_dir() and not is_stack_name(Path(image)):
        if picture is not None or scikit_image or axes is not None:
            raise ConfigError(
                "--picture, --scikit-image and --axes are for one image, not for a folder."
            )
        _folder(image, whole, recursive=recursive, json=json)
        return

    from ruis import inspection, planes
    from ruis.arrays import with_range
    from ruis.inspection_text import arguments, paragraph

    read, number, count = planes.middle(Path(image), axes)
    if count > 1:
        tell(f"{image} holds {count} images; this is number {number + 1}.")
    read = with_range(read, whole)
    evidence = inspection.examine(read)
    result = evidence.inspection
    said = ["--axes", axes] if axes else []
    said += [f"--data-range={data_range}"] if data_range else []
    words = paragraph(result, image, said)
    other = inspection.scikit_image_sigma(read) if scikit_image else None
    if json:
        told = {} if other is None else {"sigma_scikit_image": other}
        which = {} if count == 1 else {"plane": number, "planes": count}
        print_json({"image": image, **which, **result.to_json(), **told, "summary": words})
    else:
        _show(image, result, other, arguments(image, said))
        say()
        say(textwrap.fill(words, 88, break_on_hyphens=False))
    if picture is not None:
        _draw(evidence, image, words, picture, overwrite=overwrite)
        tell(f"The picture is {picture}.")


def _show(name: str, found: Inspection, other: float | None, arguments: str) -> None:
    """Print the facts, one a line."""
    alpha = " and alpha" if found.alpha else ""
    low, high = found.data_range
    each = ", ".join(f"{sigma * 255:.1f}" for sigma in found.sigma_per_channel[:8])
    several = f" (channels: {each})" if found.channels > 1 else ""
    peer = "" if other is None else f"; scikit-image says {options.show_sigma(other)}"
    used = "" if found.bits is None else f", {found.bits} bits used"
    say(f"{name}: {found.columns}x{found.rows} pixels, {found.format}")
    say(f"  values    {found.dtype}, black {low:g}, white {high:g}{used}")
    say(f"  channels  {found.channels} ({found.colour}){alpha}, stored as {found.axes}")
    say(f"  metadata  {', '.join(found.metadata) or 'none'}")
    for note in found.notes:
        say(f"  note      {note}")
    part = (
        "" if found.white is None else f", {options.show_sigma(found.sigma_used)} of what is used"
    )
    say(
        f"  noise     {', '.join(found.kinds)}: sigma {options.show_sigma(found.sigma)}{part}"
        f"{several}{peer}"
    )
    if found.gain:
        say(f"  grows     variance = {found.gain:.3g} * brightness + {found.offset:.3g}")
    say(
        f"  alike     neighbours in rows {found.correlation[0]:+.2f}, "
        f"in columns {found.correlation[1]:+.2f}; 0 is white"
    )
    say(f"  clipped   {found.clipped_dark:.2%} dark, {found.clipped_bright:.2%} bright")
    fits = (
        f": ruis denoise {arguments}"
        if found.prescription.fits
        else "; it was not made for this noise"
    )
    say(f"  model     {found.model} ({found.why}){fits}")


def _draw(evidence: Evidence, name: str, words: str, path: Path, *, overwrite: bool) -> None:
    """Draw what the findings rest on."""
    import numpy as np

    from ruis.figures import noise_sheet, to_png
    from ruis.formats.atomic import new_file
    from ruis.noise.measure.finest import finest

    window = evidence.window
    rows, columns = window.shape[:2]
    wide = min(columns, 236)
    high = min(rows, round(wide * 196 / 368))
    top, left = (rows - high) // 2, (columns - wide) // 2
    window = window[top : top + high, left : left + wide]
    shown = window if window.shape[2] == 3 else window.mean(axis=2)
    signal = evidence.signal
    figure = noise_sheet(
        shown,
        finest(window.mean(axis=2)),
        evidence.correlation.flat,
        evidence.correlation.near,
        (signal.means, np.sqrt(np.maximum(signal.variances, 0)).tolist()),
        (signal.gain, signal.offset),
        titles=(
            "the middle of what was looked at",
            "its finest part, amplified",
            "a flat patch, amplified",
            "how alike the noise of neighbours is",
            "noise at each brightness, sigma x 255",
        ),
        axes=("brightness", ""),
        title=Path(name).name,
        text=words,
    )
    data = to_png(figure)
    with new_file(path, overwrite=overwrite) as file:
        file.write(data)


def _folder(
    name: str, data_range: tuple[float, float] | None, *, recursive: bool, json: bool
) -> None:
    """Inspect a folder: a line for each image, then what they have in common."""
    from ruis import inspection, planes
    from ruis.arrays import with_range
    from ruis.inspection_text import survey, survey_paragraph

    missed: list[Failure] = []
    paths = [one.path for one in each_once(found([name], None, missed, recursive=recursive))]
    results: dict[str, Inspection] = {}
    failed: list[dict[str, Any]] = [vars(one) for one in missed]
    with counted_images() as progress:
        for count, path in enumerate(paths, start=1):
            try:
                shown = path.relative_to(name).as_posix()
                image = with_range(planes.middle(path)[0], data_range)
                results[shown] = inspection.inspect(image)
            except (RuisError, OSError, MemoryError) as error:
                failed.append(
                    {
                        "input": str(path),
                        "error": type(error).__name__,
                        "message": sentence(error),
                    }
                )
            progress(count, len(paths))
    total = survey(results) if results else None
    words = survey_paragraph(total) if total else ""
    if json:
        print_json(
            {
                "folder": name,
                "total": None if total is None else {**vars(total), "mixed": total.mixed},
                "images": [{"image": path, **result.to_json()} for path, result in results.items()],
                "failed": failed,
                "summary": words,
            }
        )
    elif total:
        _table(results)
        say()
        say(textwrap.fill(words, 88, break_on_hyphens=False))
    for failure in failed:
        tell(f"ruis: {failure['message']}")
    raise typer.Exit(code_of_run(len(results), len(failed)))


def _table(results: dict[str, Inspection]) -> None:
    """Print a line for each image; where one uses but a part of its range, sigma of that as well."""
    part = any(one.white is not None for one in results.values())
    rows: list[tuple[str, ...]] = [
        ("image", "sigma", *(["of what is used"] if part else []), "noise", "model")
    ]
    for path, one in results.items():
        used = [options.show_sigma(one.sigma_used)] if part else []
        rows.append((path, options.show_sigma(one.sigma), *used, ", ".join(one.kinds), one.model))
    table(rows)
