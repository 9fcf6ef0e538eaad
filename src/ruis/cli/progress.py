"""Progress for a person who waits: one line on standard error, and only on a terminal."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ruis.cli.console import duration, is_terminal

__all__ = ["ImagesLine", "Update", "counted_images", "progress_line", "seconds_left"]

Update = Callable[[float, str], None]
"""Called with the fraction that is done, 0..1, and what there is to say."""


@contextmanager
def progress_line() -> Iterator[Update | None]:
    """Show a line with a bar as long as the block lasts.

    Yields
    ------
    callable or None
        Redraws the line; None where nobody would see it.
    """
    if not is_terminal(sys.stderr) or os.environ.get("TERM") == "dumb":
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    # What is printed meanwhile must go around the line. If standard output is no terminal, it
    # leads elsewhere, and must go there.
    progress = Progress(
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TextColumn("{task.description}", markup=False),
        console=Console(stderr=True, highlight=False, markup=False),
        redirect_stdout=is_terminal(sys.stdout),
        transient=True,
    )
    with progress:
        task = progress.add_task("", total=1.0)
        yield lambda fraction, text: progress.update(task, completed=fraction, description=text)


@contextmanager
def counted_images() -> Iterator[Callable[[int, int], None]]:
    """Show a line that counts images, with the time left, as long as the block lasts.

    Yields
    ------
    callable
        To be called with (images done, images in all).
    """
    begun = time.perf_counter()
    with progress_line() as update:

        def count(done: int, total: int) -> None:
            if update:
                left = seconds_left(begun, done / total)
                update(done / total, f"{done} of {total} images{left}")

        yield count


def seconds_left(begun: float, fraction: float) -> str:
    """Estimate the time left since `begun` on `time.perf_counter`, as a phrase; "" at first."""
    if fraction <= 0:
        return ""
    left = (time.perf_counter() - begun) * (1 - fraction) / fraction
    return f", {duration(left, rough=True)} left"


class ImagesLine:
    """The moving line of many images: which one, which tile, how fast, how long to go.

    Parameters
    ----------
    update : callable or None
        What redraws the line; None where nobody would see it.
    total : int
        How many images there are.
    """

    def __init__(self, update: Update | None, total: int) -> None:
        self.update = update
        self.total = total
        self.count = 0
        self.megapixels = 0.0
        self.begun = time.perf_counter()

    def start(self, name: str) -> None:
        """Go on to the next image."""
        self.name = f"{self.count + 1} of {self.total}: {name}"
        if self.total == 1:
            self.name = name
        if self.update:
            fraction = self.count / self.total
            self.update(fraction, self.name + seconds_left(self.begun, fraction))
        self.count += 1

    def tiles(self, megapixels: float, *, named: bool = True) -> Callable[[int, int], None] | None:
        """Return what shall be called after each tile of an image; `named` if tiles are counted."""
        update, before = self.update, self.megapixels
        if update is None:
            return None

        def tell_tiles(done: int, all_tiles: int) -> None:
            share = done / all_tiles
            fraction = (self.count - 1 + share) / self.total
            self.megapixels = before + share * megapixels
            rate = self.megapixels / (time.perf_counter() - self.begun)
            tile = f", tile {done} of {all_tiles}" if named and all_tiles > 1 else ""
            left = seconds_left(self.begun, fraction)
            update(fraction, f"{self.name}{tile}, {rate:.2f} Mpx/s{left}")

        return tell_tiles
