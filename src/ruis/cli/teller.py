"""Tells a person how training goes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ruis.cli.console import duration, tell
from ruis.cli.progress import Update

if TYPE_CHECKING:
    from ruis.loop import Report

__all__ = ["Teller"]


class Teller:
    """Tells how training goes: on one moving line, or in one line per epoch.

    Parameters
    ----------
    update : callable or None
        Redraws the line, where there is one.
    done, parts : int
        Which of several trainings this is, for the fraction of all.
    what : str
        Said first.
    """

    def __init__(
        self, update: Update | None, done: int = 0, parts: int = 1, what: str = ""
    ) -> None:
        self.update = update
        self.done, self.parts = done, parts
        self.what = f"{what}: " if what else ""
        self.stage = ""

    def __call__(self, report: Report) -> None:
        """Tell what is reported."""
        if report.note:
            tell(f"Note: {self.what}{report.note}")
            return
        text = self.what + _described(report)
        if self.update:
            self.update((self.done + report.fraction) / self.parts, text)
        elif report.stage == "validated":
            tell(text)
        elif report.stage not in (self.stage, "training"):
            tell(f"{self.what}{report.stage} ...")
        self.stage = report.stage


def _described(report: Report) -> str:
    """Write what is known so far."""
    if not report.epoch:
        return report.stage
    parts = [f"epoch {report.epoch}, step {report.step}"]
    if math.isfinite(report.loss):
        parts.append(f"loss {report.loss:.3g}")
    if math.isfinite(report.megapixels_per_second):
        parts.append(f"{report.megapixels_per_second:.2f} Mpx/s")
    if math.isfinite(report.psnr):
        parts.append(f"validation {report.psnr:.2f} dB (best {report.best_psnr:.2f})")
    if math.isfinite(report.seconds_left) and report.fraction < 1:
        parts.append(f"{duration(report.seconds_left, rough=True)} left")
    return ", ".join(parts)
