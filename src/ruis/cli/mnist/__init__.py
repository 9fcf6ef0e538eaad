"""`ruis mnist`: the article on convolutional autoencoders, one command for each of its steps."""

from __future__ import annotations

from collections.abc import Callable

import typer

from ruis.cli.mnist.looking import denoise, features, show
from ruis.cli.mnist.measuring import anomaly, compare, study
from ruis.cli.mnist.report import report
from ruis.cli.mnist.train import train

TEXT = """The article on convolutional autoencoders, executable.

ruis mnist report --quick -o article/       the whole article as one page, in two minutes
ruis mnist train --preset article-notebook --data mnist.npz -o digits.ruis
"""

__all__ = ["app", "commands"]

commands: tuple[Callable[..., None], ...] = (
    show,
    train,
    denoise,
    compare,
    features,
    study,
    anomaly,
    report,
)
app = typer.Typer(
    name="mnist",
    help=TEXT,
    rich_markup_mode=None,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
