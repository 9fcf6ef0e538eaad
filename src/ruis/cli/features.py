"""`ruis features`: what does a model look at, and what does it make of an image?"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ruis.cli import options
from ruis.cli.console import print_json, say, table, tell
from ruis.cli.progress import progress_line
from ruis.cli.quiet import load_keras_quietly
from ruis.errors import ConfigError, ImageWriteError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from ruis.image import Image
    from ruis.model_file import ModelFile

    Drawings = dict[str, Callable[[], Figure]]

__all__ = ["features"]

SIDE = 256
"""Of a larger image the middle is shown, so many pixels a side: in a figure there is no room for
more, and all maps of all layers of a photograph would fill the memory."""

MAPS, KERNELS = 64, (16, 16)
"""The most maps, and channels and filters, that a figure shows."""

CUBES = 20
"""Of a network of more layers, only those that change the shape are drawn as cubes."""


def features(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A model that ships, or a .ruis file.")
    ],
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="The image to show it.")],
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", metavar="DIR", help="The folder for the figures; made if it is new."
        ),
    ],
    layer: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Draw only this layer, and its filters; may be given several times.",
        ),
    ] = None,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Draw what a model looks for in an image.

    ruis features mine.ruis digit.png -o figures/
    ruis features gray photo.jpg -o figures/ --layer stem --layer denoised

    Writes shapes (the network as cubes), filters (of the first convolution) and maps-LAYER for each
    layer, all as .png and .svg, and lists the layers with their shapes. With --layer the filters of
    that layer are drawn as well, as filters-LAYER. Of a large image the middle is shown.
    """
    if output.exists() and not output.is_dir():
        raise ConfigError(f"-o {output} is a file: give a folder.")
    from ruis import formats, zoo

    chosen, shown = zoo.find(model), _middle(formats.read(image))
    if chosen.architecture.channels == 1 < shown.channels:
        tell(
            f"{image}: its {shown.channels} channels are turned into gray, as the model {chosen.name!r} is for gray."
        )
    load_keras_quietly()
    looked = _Looked(chosen, shown, layer)
    drawings = looked.drawings()
    paths = _write(drawings, output, overwrite=overwrite)
    if json:
        print_json(
            {
                "model": model,
                "image": image,
                "layers": [
                    {"name": name, "rows": rows, "columns": columns, "maps": maps}
                    for name, (rows, columns, maps) in looked.shapes
                ],
                "outputs": [str(path) for path in paths],
            }
        )
        return
    rows: list[tuple[str, ...]] = [("layer", "rows", "columns", "maps", "filter")]
    rows += [(name, *map(str, shape), looked.filter_of(name)) for name, shape in looked.shapes]
    table(rows)
    say(f"{len(paths) // 2} figures, each as .png and .svg, in {output}{os.sep}")


class _Looked:
    """A model that was shown an image.

    Parameters
    ----------
    model : ModelFile
        The model.
    image : Image
        The image.
    layers : list of str, optional
        The only layers to draw.
    """

    def __init__(self, model: ModelFile, image: Image, layers: list[str] | None) -> None:
        from ruis import features

        self.shapes = features.shapes(model.architecture, (image.rows, image.columns))
        known = [name for name, _ in self.shapes[1:]]
        for name in layers or ():
            if name not in known:
                raise UnknownNameError("layer", name, known)
        self.kernels = features.filters(model)
        self.maps = features.feature_maps(model, image, layers=layers)
        self.name = model.name
        self.asked = layers or ()

    def filter_of(self, layer: str) -> str:
        """Say how large a layer's filters are, if it has any."""
        kernel = self.kernels.get(layer)
        return "" if kernel is None else "x".join(map(str, kernel.shape[:3]))

    def drawings(self) -> Drawings:
        """Return what is to be drawn: the name of the file -> what draws it."""
        from ruis import figures

        drawn = self.shapes
        if len(drawn) > CUBES:
            pairs = zip(drawn[1:], drawn, strict=False)
            drawn = drawn[:1] + [one for one, before in pairs if one[1] != before[1]]
        code = min(drawn[1:-1] or drawn, key=lambda one: one[1][0] * one[1][1] * one[1][2])[0]
        found: Drawings = {"shapes": partial(figures.cubes, drawn, title=self.name, highlight=code)}
        first = next(iter(self.kernels), None)
        if first is not None:
            found["filters"] = partial(_filters, first, self.kernels[first])
        for layer, maps in self.maps.items():
            plain = layer.replace("/", "-")
            if layer in self.kernels and layer in self.asked and layer != first:
                kernel = self.kernels[layer]
                found[f"filters-{plain}"] = partial(_filters, layer, kernel)
            found[f"maps-{plain}"] = partial(_maps, layer, maps)
        return found


def _filters(layer: str, kernel: NDArray[Any]) -> Figure:
    from ruis import figures

    height, width, channels, count = kernel.shape
    title = f"{layer}: {count} filter{'s' * (count > 1)} of {height} × {width} × {channels}"
    if channels > KERNELS[0] or count > KERNELS[1]:
        title += f", the first {min(count, KERNELS[1])} on {min(channels, KERNELS[0])} channels"
    return figures.filters(kernel, title, labels=("channels in", "filters"), limit=KERNELS)


def _maps(layer: str, maps: NDArray[Any]) -> Figure:
    from ruis import figures

    rows, columns, count = maps.shape
    title = f"{layer}: {count} map{'s' * (count > 1)} of {rows} × {columns}"
    if count > MAPS:
        title += f", the first {MAPS}"
    return figures.feature_maps(maps, title=title, limit=MAPS)


def _middle(image: Image) -> Image:
    """Return the middle of an image that is too large to show, and say so."""
    if max(image.rows, image.columns) <= SIDE:
        return image
    top, left = (max(0, (side - SIDE) // 2) for side in (image.rows, image.columns))
    window = image.pixels[top : top + SIDE, left : left + SIDE]
    rows, columns = window.shape[:2]
    tell(f"{image.info.source}: the middle is shown, {columns}x{rows} pixels.")
    return image.with_pixels(window)


def _write(drawings: Drawings, folder: Path, *, overwrite: bool) -> list[Path]:
    """Draw and write one figure after the other, once it is known that none is in the way."""
    from ruis import figures

    for name in drawings if not overwrite else ():
        for path in (folder / f"{name}.png", folder / f"{name}.svg"):
            if os.path.lexists(path):
                raise ImageWriteError("exists already; --overwrite replaces it.", source=str(path))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImageWriteError(f"cannot be made: {error.strerror}.", source=str(folder)) from error
    paths: list[Path] = []
    with progress_line() as update:
        for count, (name, draw) in enumerate(drawings.items(), start=1):
            if update:
                update(count / len(drawings), f"{name}, {count} of {len(drawings)} figures")
            paths += figures.save(draw(), folder / name, overwrite=overwrite)
    return paths
