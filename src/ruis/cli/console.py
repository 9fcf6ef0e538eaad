"""What is said to a person or a script: results on standard output, messages on standard error."""

from __future__ import annotations

import math
import sys
from typing import Any

import typer

__all__ = ["duration", "is_terminal", "print_json", "say", "table", "tell", "to_json"]


def say(text: str = "") -> None:
    """Print a result."""
    typer.echo(text)


def tell(text: str) -> None:
    """Print a message."""
    typer.echo(text, err=True)


def is_terminal(stream: Any) -> bool:
    """Whether a person looks at this stream."""
    return bool(stream.isatty())


def print_json(document: dict[str, Any]) -> None:
    """Print one JSON document; numbers that JSON does not have (infinite PSNR) become null."""
    say(to_json(document))


def to_json(document: dict[str, Any]) -> str:
    """Write a JSON document; numbers that JSON does not have (infinite PSNR) become null."""
    import json

    return json.dumps(_finite(document), indent=2, allow_nan=False)


def _finite(value: Any) -> Any:
    match value:
        case float() if not math.isfinite(value):
            return None
        case dict():
            return {key: _finite(one) for key, one in value.items()}
        case list() | tuple():
            return [_finite(one) for one in value]
    return value


def table(rows: list[tuple[str, ...]], *, last_apart: bool = False) -> None:
    """Print a table: the first row is its head, the first column is text, the others figures.

    Parameters
    ----------
    rows : list of tuple of str
        The cells.
    last_apart : bool
        Whether the last row sums up the others.
    """
    if not is_terminal(sys.stdout):
        widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
        for first, *others in rows:
            cells = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
            say("  ".join([first.ljust(widths[0]), *cells]))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table

    head, *body = rows
    drawn = Table(box=box.SIMPLE, pad_edge=False)
    for place, title in enumerate(head):
        drawn.add_column(title, justify="right" if place else "left", overflow="fold")
    for place, row in enumerate(body):
        drawn.add_row(*row, end_section=last_apart and place == len(body) - 2)
    Console(markup=False, highlight=False).print(drawn)


def duration(seconds: float, *, rough: bool = False) -> str:
    """Write a time for people: 0.42 s (1 s if it is rough), 12 s, 3 min 20 s, 1 h 05 min."""
    if not math.isfinite(seconds):
        return "?"
    if seconds < 10 and not rough:
        return f"{seconds:.2f} s"
    whole = math.ceil(seconds) if rough else round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"
