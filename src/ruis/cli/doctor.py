"""`ruis doctor`: does it work here, and with what?"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import typer

from ruis.cli import options
from ruis.cli.console import print_json, say
from ruis.cli.exit_codes import DONE, NOTHING
from ruis.cli.quiet import prepare_engine
from ruis.errors import EngineUnavailableError, RuisError

if TYPE_CHECKING:
    from ruis.model_file import ModelFile

__all__ = ["doctor"]

PACKAGES = ("ruis", "numpy", "openvino", "pillow", "tifffile", "onnxruntime", "keras", "tensorflow")
AGREE = 1e-3
"""Engines may differ by so much, as a fraction of the data range; in float32 they differ by 1e-5."""


def doctor(json: options.Json = False, debug: options.Debug = False) -> None:
    """Check that ruis works here.

    ruis doctor
    ruis doctor --json

    A small image is denoised with every engine that is installed, and the results are compared;
    for what is missing, it is said how to install it. The exit code is 0 if images can be denoised, else 3.
    """
    report: dict[str, Any] = {
        "versions": _versions(),
        "processor": _processor(),
        "formats": _formats(),
        "models": _models(),
        "engines": _engines(),
    }
    broken = any(state != "whole" for state in report["models"].values())
    healthy = report["engines"]["openvino"]["state"] == "works" and not broken
    report["healthy"] = healthy
    if json:
        print_json(report)
    else:
        _show(report)
    raise typer.Exit(DONE if healthy else NOTHING)


def _versions() -> dict[str, str | None]:
    import platform
    from importlib.metadata import PackageNotFoundError, version

    found: dict[str, str | None] = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    if found["tensorflow"] is None:  # on Linux another distribution brings it
        try:
            found["tensorflow"] = version("tensorflow-cpu")
        except PackageNotFoundError:
            found["tensorflow"] = None
    return found


def _processor() -> dict[str, Any]:
    import platform

    from ruis.processor import has_bfloat16, threads

    return {
        "machine": f"{platform.system()} {platform.machine()}",
        "threads": threads(),
        "bfloat16": has_bfloat16(),
        "memory_gib": _memory(),
    }


def _memory() -> float | None:
    """Return the memory of the machine in GiB, where the system says it."""
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, ValueError, OSError):
        return None


def _formats() -> dict[str, list[str]]:
    from ruis.formats import FORMATS

    kinds = [FORMATS.load(name)() for name in FORMATS]
    return {
        "read": [kind.name for kind in kinds],
        "written": [kind.name for kind in kinds if kind.writable],
    }


def _models() -> dict[str, str]:
    """Say of each model that ships whether it is the file that shipped."""
    from ruis import zoo

    found = {}
    for name in sorted(zoo.SHIPPED):
        try:
            zoo.path_of(name)
            found[name] = "whole"
        except (RuisError, OSError) as error:
            found[name] = str(error)
    return found


def _model() -> ModelFile:
    """Return a model to test with: a small network that smooths, made on the spot."""
    import numpy as np

    from ruis import architectures
    from ruis.manifest import Manifest
    from ruis.model_file import ModelFile

    description = {"name": "unet", "widths": (8, 8), "blocks": 1}
    architecture = architectures.parse(description)
    rng = np.random.default_rng(0)
    weights = {
        name: rng.normal(0, 0.05, shape).astype(np.float32)
        for name, shape in architecture.tensors.items()
    }
    manifest = Manifest(name="self-test", architecture=description)
    return ModelFile(manifest, architecture, weights, "", "")


def _engines() -> dict[str, dict[str, Any]]:
    """Denoise the same small image with every engine, and compare."""
    import numpy as np

    from ruis.denoiser import Denoiser
    from ruis.engines import ENGINES

    model = _model()
    noisy = np.random.default_rng(1).random((96, 80), dtype=np.float32)
    found: dict[str, dict[str, Any]] = {}
    first = None
    for name in ENGINES:
        begun = time.perf_counter()
        try:
            prepare_engine(name)
            denoised = Denoiser(model, engine=name, precision="f32").denoise(noisy)
        except EngineUnavailableError as error:
            found[name] = {"state": "missing", "install": f'pip install "ruis[{error.extra}]"'}
            continue
        except Exception as error:  # noqa: BLE001 - whatever a library that does not fit raises when it is imported
            reason = (
                str(error) if isinstance(error, RuisError) else f"{type(error).__name__}: {error}"
            )
            found[name] = {"state": "broken", "reason": reason}
            continue
        first = denoised if first is None else first
        difference = float(np.abs(denoised - first).max())
        found[name] = {
            "state": "works" if difference <= AGREE else "broken",
            "largest_difference": difference,
            "seconds": round(time.perf_counter() - begun, 2),
            "bfloat16": ENGINES.load(name).supports("bf16"),
        }
        if not difference <= AGREE:  # also where it is no number
            found[name]["reason"] = f"differs from {next(iter(found))} by {difference:.2g}"
    return found


def _show(report: dict[str, Any]) -> None:
    versions = report["versions"]
    here = [f"{name} {found}" for name, found in versions.items() if found]
    say(f"versions   {', '.join(here)}")
    processor = report["processor"]
    bfloat16 = "with" if processor["bfloat16"] else "without"
    memory = f", {processor['memory_gib']} GiB" if processor["memory_gib"] else ""
    say(
        f"processor  {processor['machine']}, {processor['threads']} threads{memory}, "
        f"{bfloat16} bfloat16"
    )
    written = report["formats"]["written"]
    only_read = [name for name in report["formats"]["read"] if name not in written]
    say(f"formats    {', '.join(written)}; only read: {', '.join(only_read)}")
    models = [name if state == "whole" else state for name, state in report["models"].items()]
    say(f"models     {', '.join(models) or 'none ships'}")
    for name, engine in report["engines"].items():
        match engine["state"]:
            case "works":
                difference = engine["largest_difference"]
                agrees = f", differs by {difference:.0e}" if difference else ""
                text = f"works (self-test in {engine['seconds']} s{agrees})"
            case "missing":
                text = f"not installed: {engine['install']}"
            case _:
                text = f"does not work: {engine['reason']}"
        say(f"engine     {name}: {text}")
    if versions["keras"] is None:
        say('training   not installed: pip install "ruis[train]"')
    verdict = "Images can be denoised here." if report["healthy"] else "Images cannot be denoised."
    say(verdict)
