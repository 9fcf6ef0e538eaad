"""This room denoises many images on many processes, each exactly once, whatever is killed meanwhile.

May touch: files, processes, the clock, object stores; Dask and fsspec on first use.
Must not: reach pixels but through `Denoiser`; let a worker write the manifest; guess that a run goes on.
"""

from __future__ import annotations

from ruis.batch.driver import run
from ruis.batch.manifest import Manifest
from ruis.batch.planning import Plan, plan
from ruis.batch.settings import Settings
from ruis.batch.summary import Summary
from ruis.batch.turns import Progress

__all__ = ["Manifest", "Plan", "Progress", "Settings", "Summary", "plan", "run"]
