"""`ruis anomaly`: learn what normal images look like, then name the odd ones and show where."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ruis.cli import options
from ruis.cli.console import duration, print_json, say, table, tell
from ruis.cli.exit_codes import code_of_run
from ruis.cli.failures import DEBUG, sentence
from ruis.cli.heat_picture import heat_picture
from ruis.cli.outputs import check_new_file
from ruis.cli.progress import progress_line, seconds_left
from ruis.cli.quiet import load_keras_quietly
from ruis.cli.teller import Teller
from ruis.errors import ConfigError, EmptyDatasetError, EngineUnavailableError
from ruis.inputs import Failure, each_once, found
from ruis.outputs import Job, enter

if TYPE_CHECKING:
    from ruis.anomaly import AnomalyDetector
    from ruis.image import Image
    from ruis.model_file import ModelFile
    from ruis.recipe import Recipe
    from ruis.run import Run

__all__ = ["app", "commands"]

MINUTES = 2.0
NOISE = "gaussian:0..0.1"
"""Light, so that the network learns what is behind the grain, and not to copy it."""

NETWORK: dict[str, Any] = {
    "name": "convolutional-autoencoder",
    "filters": (16, 16, 16),
    "kernel": 6,
    "pooling": "none",
    "stride": 2,
    "upsampling": "transposed",
    "activation": "elu",
    "output_activation": "linear",
}
"""A quarter as many numbers in the code as pixels: what is normal fits into it. Pooling and ReLU
before a sigmoid, the architecture's defaults, often end in one gray for everything."""

LARGEST_PATCH, MULTIPLE = 64, 8


def fit(
    normal: Annotated[
        Path, typer.Argument(metavar="NORMAL_DIR", help="A folder of normal images.")
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DETECTOR.json", help="The file to write.")
    ],
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="A model that ships, or a .ruis file; default: one is taught, DETECTOR.ruis.",
        ),
    ] = None,
    score: Annotated[
        Literal["peak", "mse", "mae"],
        typer.Option(
            help="peak: the worst place, for small defects; mse, mae: the mean, for images that "
            "are odd as a whole."
        ),
    ] = "peak",
    threshold: Annotated[
        str,
        typer.Option(
            metavar="RULE",
            help="quantile=0.99 (of the normal scores), sd=3 (above their mean), or "
            "contamination=0.05 (so many of NORMAL_DIR are odd).",
        ),
    ] = "quantile=0.99",
    smoothing: Annotated[
        float,
        typer.Option(
            min=0, max=1000, metavar="PIXELS", help="About the size of the smallest defect."
        ),
    ] = 2.0,
    border: Annotated[
        int,
        typer.Option(
            min=0,
            max=1000,
            metavar="PIXELS",
            help="Leave so many out along each edge of heat maps, a quarter of the image at most.",
        ),
    ] = 4,
    minutes: Annotated[
        float | None,
        typer.Option(min=0, metavar="N", help=f"Teach for so many minutes; default: {MINUTES:g}."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Of the teaching; default: 0.")
    ] = None,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Learn what is normal.

    ruis anomaly fit normal/ -o parts.json
    ruis anomaly fit normal/ -o parts.json --minutes 10 --threshold sd=3
    ruis anomaly fit normal/ -o parts.json --model parts.ruis --score mse

    Without --model, a small autoencoder is taught on the images first, and kept in DETECTOR.ruis
    beside the detector: it draws what it knows, and what it cannot draw is odd.
    """
    from ruis.anomaly import AnomalyDetector, Threshold
    from ruis.dataset import find as images_in
    from ruis.dataset import headers
    from ruis.denoiser import Denoiser
    from ruis.run import publish
    from ruis.zoo import find

    rule = Threshold.read(threshold)
    if model is not None and (minutes is not None or seed is not None):
        raise ConfigError("--minutes and --seed are for teaching; with --model nothing is taught.")
    paths = images_in(normal)
    count = sum(header.frames for header in headers(paths))
    if count < 2:
        raise EmptyDatasetError(f"{normal} holds {count} image; give two or more, better fifty.")
    taught = output.with_suffix(".ruis")
    check_new_file(output, "a detector", (".json",), overwrite=overwrite)
    if model is None:
        check_new_file(taught, "a model file", (".ruis",), overwrite=overwrite)
    if model is None:
        recipe = _recipe(
            normal.resolve(), output.stem, MINUTES if minutes is None else minutes, seed or 0
        )
        tell(
            f"Teaching an autoencoder on {count} images for "
            f"{duration(60 * (recipe.minutes or 0), rough=True)} (--minutes changes that)."
        )
        run = _teach(recipe, normal.resolve().parent)
        used = _kept_aside(run)
    else:
        run, used = None, find(model)
    settings: Any = {"score": score, "smoothing": smoothing, "border": border}
    denoiser = Denoiser(used, precision="f32")  # a threshold shall hold on another processor
    detector = AnomalyDetector(denoiser, threshold=rule, **settings)
    with progress_line() as update:
        detector.fit(_read_each(paths, update))
    if run is not None:  # not before all went well: an older detector beside it may need its own
        publish(run, taught, overwrite=overwrite)
    detector.save(output, model=taught if model is None else model, overwrite=overwrite)
    _show_fit(detector, output, used, as_json=json)


def _recipe(normal: Path, name: str, minutes: float, seed: int) -> Recipe:
    """Make a recipe that suits the images."""
    from ruis.recipe import Recipe
    from ruis.survey import channels_and_patch

    channels, patch = channels_and_patch(normal)
    made = {
        "name": re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "normal",
        "purpose": f"Reproduces images like those in {normal.name}, and nothing else.",
        "limits": ("for finding what is odd in such images, not for removing noise",),
        "data": ({"name": normal.name, "terms": "the trainer's own", "folder": normal.name},),
        "architecture": {**NETWORK, "channels": channels},
        "noise": NOISE,
        "patch": min(patch, LARGEST_PATCH) // MULTIPLE * MULTIPLE,
        "batch": 16,
        "steps_per_epoch": 100,
        "learning_rate": 3e-3,
        "warmup_steps": 20,
        "minutes": minutes,
        "seed": seed,
    }
    return Recipe.parse(made, what="the recipe of the autoencoder")


def _teach(recipe: Recipe, root: Path) -> Run:
    """Teach a network; a few minutes are not worth a checkpoint."""
    from ruis.train import train

    load_keras_quietly()
    with TemporaryDirectory(prefix="ruis-") as folder, progress_line() as update:
        return train(recipe, root, folder, progress=Teller(update))


def _kept_aside(run: Run) -> ModelFile:
    """Return the model of a training, which no file holds yet."""
    from ruis.run import publish

    with TemporaryDirectory(prefix="ruis-") as folder:
        return publish(run, Path(folder) / "taught.ruis")


def _read_each(paths: list[Path], update: Any) -> Iterator[Image]:
    """Read one image after the other."""
    import time

    from ruis import planes

    begun = time.perf_counter()
    for count, path in enumerate(paths):
        if update:
            left = seconds_left(begun, count / len(paths))
            update(count / len(paths), f"{count} of {len(paths)} images{left}")
        yield from planes.read(path)


def _show_fit(detector: AnomalyDetector, output: Path, model: ModelFile, *, as_json: bool) -> None:
    """Print what was learnt, and what to do next."""
    normal, odd = detector.normal_, int(detector.labels_.sum())
    if as_json:
        print_json(
            {
                "detector": str(output),
                "model": model.name,
                "weights_sha256": model.sha256,
                "score": detector.score,
                "rule": str(detector.threshold),
                "threshold": detector.threshold_,
                "images": normal.count,
                "odd": odd,
                "mean": normal.mean,
                "sd": normal.sd,
            }
        )
        return
    low, middle, high = (normal.quantiles[level] for level in ("0", "0.5", "1"))
    say(f"{output}: what is normal in {normal.count} images")
    say(f"  model      {model.name}, {model.architecture.name}")
    say(f"  scores     {detector.score}: {low:.4g} to {high:.4g}, half of them below {middle:.4g}")
    say(f"  threshold  {detector.threshold_:.4g} ({detector.threshold}); {odd} of these are above")
    say(f"Use it:  ruis anomaly score {output} IMAGE... --heat-maps DIR")


def score(
    ctx: typer.Context,
    detector: Annotated[
        Path, typer.Argument(metavar="DETECTOR.json", help="From ruis anomaly fit.")
    ],
    inputs: Annotated[
        list[str], typer.Argument(metavar="INPUT", help="Images, folders of images, patterns.")
    ],
    heat_maps: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write a picture of where each image is odd: a.jpg.png."),
    ] = None,
    sort: Annotated[bool, typer.Option("--sort", help="The oddest first.")] = False,
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="Also enter the folders inside of folders.")
    ] = False,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Say which images are odd, and show where.

    ruis anomaly score parts.json photo.jpg
    ruis anomaly score parts.json new/ --sort --heat-maps odd/

    A heat map is the image in gray, and coloured where it is hotter than normal images are.
    """
    from ruis.anomaly import AnomalyDetector

    missed: list[Failure] = []
    gathered = each_once(found(inputs, heat_maps, missed, recursive=recursive))
    jobs = [_job(one.path, one.name, heat_maps) for one in gathered]
    _check_races(jobs)
    work = _Work(
        AnomalyDetector.load(detector), heat_maps, overwrite, debug=bool(ctx.meta.get(DEBUG))
    )
    for failure in missed:
        work.fail(failure)
    try:
        work.do(jobs)
    finally:
        if sort:
            work.scored.sort(key=lambda one: -one["score"])
        if json:
            print_json(work.document(detector))
        elif work.scored:
            work.show()
    raise typer.Exit(code_of_run(len(work.scored), len(work.failed)))


def _job(path: Path, name: Path, folder: Path | None) -> Job:
    """Say where the heat map of an image goes: a.jpg and a.tif have one each."""
    return Job(path, (folder or Path()) / name.with_name(f"{name.name}.png"), folder)


def _check_races(jobs: list[Job]) -> None:
    """Refuse two heat maps of one name."""
    seen: dict[Path, Job] = {}
    for job in jobs:
        if job.folder is not None and job.output in seen:
            raise ConfigError(
                f"the heat maps of {seen[job.output].input} and {job.input} would both be "
                f"{job.output}; score them separately, or give their common folder with "
                "--recursive."
            )
        seen[job.output] = job


@dataclass
class _Work:
    """What is the same for all images, and what came of them."""

    detector: AnomalyDetector
    folder: Path | None
    overwrite: bool
    debug: bool
    scored: list[dict[str, Any]] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)

    def do(self, jobs: list[Job]) -> None:
        """Score one image after the other, past those that fail."""
        import time

        begun = time.perf_counter()
        with progress_line() as update:
            for count, job in enumerate(jobs):
                if update:
                    left = seconds_left(begun, count / len(jobs))
                    name = f"{count + 1} of {len(jobs)}: {job.input.name}{left}"
                    update(count / len(jobs), name)
                self.attempt(job)

    def attempt(self, job: Job) -> None:
        """Score one image, or record why it failed."""
        try:
            self.one(job)
        except (EngineUnavailableError, BrokenPipeError):
            raise
        except Exception as error:  # noqa: BLE001 - one image shall not end a night's work
            if self.debug:
                import traceback

                tell("".join(traceback.format_exception(error)))
            self.fail(Failure.of(job.input, error, sentence(error)))

    def one(self, job: Job) -> None:
        """Score one image."""
        from ruis.formats import read, write

        image = read(job.input)
        finding = self.detector.examine(image)
        if self.folder is not None:
            enter(job)
            drawn = heat_picture(image, finding.heat_map, self.detector.normal_.heat)
            write(drawn, job.output, overwrite=self.overwrite)
        self.scored.append(
            {
                "input": str(job.input),
                "score": finding.score,
                "odd": finding.odd,
                "heat_map": None if self.folder is None else str(job.output),
            }
        )

    def fail(self, failure: Failure) -> None:
        """Record an image that could not be scored, say so, and go on."""
        self.failed.append(failure)
        told = failure.input in failure.message
        tell(f"ruis: {failure.message}" if told else f"ruis: {failure.input}: {failure.message}")

    def document(self, detector: Path) -> dict[str, Any]:
        """Return everything, for a script."""
        return {
            "detector": str(detector),
            "score": self.detector.score,
            "threshold": self.detector.threshold_,
            "images": self.scored,
            "failed": [asdict(one) for one in self.failed],
        }

    def show(self) -> None:
        """Print the table."""
        limit = self.detector.threshold_
        rows: list[tuple[str, ...]] = [("image", "score", "threshold", "verdict")]
        for one in self.scored:
            verdict = "odd" if one["odd"] else "normal"
            rows.append((one["input"], f"{one['score']:.4g}", f"{limit:.4g}", verdict))
        table(rows)
        odd = sum(one["odd"] for one in self.scored)
        failed = f", {len(self.failed)} failed" if self.failed else ""
        tell(f"{odd} of {len(self.scored)} images are odd{failed}.")


commands = (fit, score)
TEXT = """Find images that are unlike normal ones, and show where.

ruis anomaly fit good/ -o parts.json        teaches a network and sets the threshold
ruis anomaly score parts.json new/ --heat-maps odd/
"""

app = typer.Typer(
    name="anomaly",
    help=TEXT,
    rich_markup_mode=None,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
