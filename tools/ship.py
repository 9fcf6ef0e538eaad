"""Put a trained model into the package: score it, write its card, pin its hash.

    python tools/ship.py gray.ruis --data DATA --score testsets/BSD68 --noise gaussian:25/255
    python tools/ship.py photo.ruis --data DATA --pairs real/noisy,real/clean
    python tools/ship.py src/ruis/zoo/photo.ruis --limit "what it is not for, as its scores say"
    python tools/ship.py better.ruis --name gray --purpose "what it is for, in a sentence"
    python tools/ship.py gray.ruis --data DATA --calibrate testsets/BSD68 --calibration-noise gaussian:0..55/255

Scores are of the model as it ships, 16-bit weights included, and stand on the card with the command
that repeats them.
"""

from __future__ import annotations

import argparse
import hashlib
import re
from dataclasses import replace
from pathlib import Path

from ruis import model_file, noise, zoo
from ruis.denoiser import Denoiser
from ruis.evaluate import Evaluation, evaluate, noisy_pairs, real_pairs
from ruis.manifest import Score
from ruis.model_file import ModelFile
from ruis.uncertainty import calibrate

ROOT = Path(__file__).resolve().parents[1]
CARDS = ROOT / "docs" / "models"
TABLE = re.compile(r"SHIPPED: dict\[str, str\] = \{.*?\}\n", re.DOTALL)


def score(name: str, result: Evaluation, command: str) -> Score:
    """Round what an evaluation found."""
    mean = {key: round(value, 4) for key, value in result.mean.items()}
    print(f"{name}, {result.noise}: {mean}")
    return Score(images=name, noise=result.noise, command=command, **mean)


def scores(model: ModelFile, given: argparse.Namespace) -> list[Score]:
    """Evaluate on all that was asked for."""
    denoiser, found = Denoiser(model), []
    command = f"ruis evaluate --model {model.name}"
    for folder in given.score:
        for spec in given.noise:
            pairs = noisy_pairs(given.data / folder, noise.parse(spec), denoiser.channels, seed=0)
            result = evaluate(denoiser, pairs, noise=spec, seed=0)
            options = f"--clean DATA/{folder} --noise {spec} --seed 0"
            found.append(score(Path(folder).name, result, f"{command} {options}"))
    for folders in given.pairs:
        noisy, clean = folders.split(",")
        pairs = real_pairs(given.data / noisy, given.data / clean, denoiser.channels)
        options = f"--noisy DATA/{noisy} --clean DATA/{clean}"
        found.append(score(folders, evaluate(denoiser, pairs), f"{command} {options}"))
    return found


def renamed(model: ModelFile, given: argparse.Namespace) -> ModelFile:
    """Give the model the name and the purpose that were asked for, and the commands of its scores its name."""
    manifest = model.manifest
    name, purpose = given.name or manifest.name, given.purpose or manifest.purpose
    before, after = (f"--model {one} " for one in (manifest.name, name))
    kept = [
        one.model_copy(update={"command": one.command.replace(before, after)})
        for one in manifest.scores
    ]
    changed = {"name": name, "purpose": purpose, "scores": tuple(kept)}
    return replace(model, manifest=manifest.model_copy(update=changed))


def merged(before: tuple[Score, ...], found: list[Score]) -> tuple[Score, ...]:
    """Put new scores in the place of those of the same images and noise; the others stay."""
    fresh = {(one.images, one.noise): one for one in found}
    kept = [fresh.pop((one.images, one.noise), one) for one in before]
    return (*kept, *fresh.values())


def pin(name: str, path: Path) -> None:
    """Write the file's hash into the table of what ships."""
    home = Path(zoo.__file__)
    text = home.read_text(encoding="utf-8")  # as it is now: another may have been shipped since
    before = TABLE.search(text)
    assert before, f"{home} has no table of what ships"
    rows = dict(re.findall(r'"(.+?)": "(.+?)"', before[0]))
    rows[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    body = "".join(f'    "{key}": "{rows[key]}",\n' for key in sorted(rows))
    table = f"SHIPPED: dict[str, str] = {{\n{body}}}\n"
    home.write_text(text.replace(before[0], table), encoding="utf-8")


def main() -> None:
    """Ship one model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--data", type=Path, default=Path(), help="what folders are relative to")
    parser.add_argument("--score", nargs="*", default=[], metavar="FOLDER")
    parser.add_argument("--noise", nargs="*", default=["gaussian:25/255"])
    parser.add_argument("--pairs", nargs="*", default=[], metavar="NOISY,CLEAN")
    parser.add_argument("--name", help="ship it under this name, instead of its own")
    parser.add_argument("--purpose", help="instead of what it says")
    parser.add_argument("--limit", nargs="*", default=[], metavar="TEXT", help="add to its limits")
    parser.add_argument("--calibrate", metavar="FOLDER", help="clean images it did not learn from")
    parser.add_argument("--calibration-noise", default="gaussian:0..55/255", metavar="SPEC")
    given = parser.parse_args()
    model = renamed(model_file.load(given.model), given)
    limits = tuple(dict.fromkeys((*model.manifest.limits, *given.limit)))
    found = merged(model.manifest.scores, scores(model, given))
    manifest = model.manifest.model_copy(update={"limits": limits, "scores": found})
    if given.calibrate:
        denoiser, spec = Denoiser(model), given.calibration_noise
        pairs = noisy_pairs(given.data / given.calibrate, noise.parse(spec), denoiser.channels)
        table = calibrate(denoiser, pairs, noise=spec)
        manifest = manifest.model_copy(update={"calibration": table})
    path = zoo.FOLDER / f"{model.name}.ruis"
    shipped = model_file.save(path, manifest, model.weights, overwrite=True)
    pin(model.name, path)
    CARDS.mkdir(exist_ok=True)
    (CARDS / f"{model.name}.md").write_text(shipped.card, encoding="utf-8")
    print(f"{path}: {path.stat().st_size / 1e6:.1f} MB, {shipped.sha256[:12]}")


if __name__ == "__main__":
    main()
