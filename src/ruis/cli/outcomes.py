"""What came of each of many images, recorded for a script and told to a person."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruis.cli import options
from ruis.cli.console import duration, say, tell
from ruis.cli.failures import sentence
from ruis.inputs import Failure
from ruis.outputs import Job

__all__ = ["Outcomes", "Written", "reason"]


@dataclass(frozen=True)
class Written:
    """How an image was denoised that is written.

    `why` says why the model was chosen, if it was; `given`, whether sigma was; `uncertainty`, where that is.
    """

    model: str
    sigma: float
    megapixels: float
    seconds: float
    notes: tuple[str, ...] = ()
    why: str | None = None
    given: bool = False
    uncertainty: Path | None = None


@dataclass
class Outcomes:
    """What came of the images: those that were written, and those that failed.

    `quiet`: a document will tell of them at the end. `debug`: tracebacks are shown.
    """

    quiet: bool
    debug: bool
    outputs: list[dict[str, Any]] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    tried: set[Path] = field(default_factory=set)

    def written(self, job: Job, how: Written) -> None:
        """Record and tell what became of an image."""
        self.tried.add(job.input)
        interval = {"uncertainty": str(how.uncertainty)} if how.uncertainty else {}
        self.outputs.append(
            {
                "input": str(job.input),
                "output": str(job.output),
                "model": how.model,
                "chosen": how.why,
                "sigma": how.sigma,
                "sigma_given": how.given,
                "seconds": round(how.seconds, 3),
                "notes": how.notes,
                **interval,
            }
        )
        if not self.quiet:
            chosen = "" if how.why is None else f" (auto: {how.why})"
            given = " (given)" if how.given else ""
            say(
                f"{job.input} -> {job.output}: {how.model}{chosen}, "
                f"sigma {options.show_sigma(how.sigma)}{given}, "
                f"{duration(how.seconds)}, {how.megapixels / how.seconds:.2f} Mpx/s"
            )
            if how.uncertainty:
                say(f"  its uncertainty: {how.uncertainty}")
        for note in how.notes:
            tell(f"  {job.input}: {note}")

    def fail(self, job: Job, error: Exception) -> None:
        """Record an image that could not be denoised, and go on."""
        if self.debug:
            import traceback

            tell("".join(traceback.format_exception(error)))
        self.tried.add(job.input)
        failure = Failure.of(job.input, error, sentence(error))
        self.failed.append(failure)
        self.tell_failure(failure)

    def give_up(self, jobs: Iterable[Job], error: Exception) -> None:
        """Record, for a script, the images that were not tried: each would have met the same."""
        if self.quiet:
            left = [job for job in jobs if job.input not in self.tried]
            self.failed += [Failure.of(job.input, error, sentence(error)) for job in left]

    @staticmethod
    def tell_failure(failure: Failure) -> None:
        """Say at once that an image failed."""
        tell(f"ruis: {reason(failure)}")


def reason(failure: Failure) -> str:
    """Return the reason, with the input's name before it if it does not say it itself."""
    told = failure.input in failure.message
    return failure.message if told else f"{failure.input}: {failure.message}"
