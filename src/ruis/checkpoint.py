"""How far a training is, on disk: history, the best weights, and where to go on.

`checkpoint-EPOCH.safetensors` holds weights, optimizer and history in one file, written whole at the
end of each epoch; `best-EPOCH.safetensors` the weights that did best so far. The best weights are
there before the checkpoint that names them, by their hash, and older files go only after it: a kill
at any instant leaves a checkpoint whose best weights are its own. The last two checkpoints are kept:
if the newer one is damaged, the run goes on from the other.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruis import run_folder
from ruis.errors import ConfigError, TrainingError
from ruis.formats.atomic import leftovers
from ruis.run_folder import keep

if TYPE_CHECKING:
    from ruis.recipe import Recipe

__all__ = ["Checkpoint", "Epoch", "weights_of"]

CHECKPOINT, BEST, HISTORY, HELD_OUT = (
    "checkpoint-{:06}.safetensors",
    "best-{:06}.safetensors",
    "history.csv",
    "held-out.txt",
)
KEPT = 2
"""How many checkpoints there are once there have been as many epochs."""


@dataclass(frozen=True)
class Epoch:
    """What one epoch came to.

    Parameters
    ----------
    epoch : int
        Its number, from 1.
    step : int
        Optimizer steps since the beginning.
    loss : float
        The mean training loss of the epoch.
    psnr : float
        On the validation images, in dB.
    seconds : float
        Of training since the beginning, validation not counted.
    megapixels_per_second : float
        The rate at which pixels were learnt from.
    """

    epoch: int
    step: int
    loss: float
    psnr: float
    seconds: float
    megapixels_per_second: float


class Checkpoint:
    """The run folder. Make one with :meth:`open`."""

    def __init__(
        self,
        folder: Path,
        history: list[Epoch],
        *,
        keep_last: bool = False,
        notes: tuple[str, ...] = (),
    ) -> None:
        self.folder = folder
        self.history = history
        self.keep_last = keep_last
        self.notes = notes
        self._best_hash = ""

    @classmethod
    def open(
        cls,
        folder: str | Path,
        recipe: Recipe,
        *,
        resume: bool,
        origin: str = "",
        keep_last: bool = False,
    ) -> Checkpoint:
        """Start a run folder, or find where an earlier run stopped.

        Parameters
        ----------
        folder : path
            The run's folder.
        recipe : Recipe
            What it follows.
        resume : bool
            Whether an earlier run is gone on with.
        origin : str
            The hash of the model that it began with; empty for fresh weights.
        keep_last : bool
            Whether the last epoch counts as the best, since validation does not tell.

        Returns
        -------
        Checkpoint
            With the earlier run's history.

        Raises
        ------
        ConfigError
            If there is a run already and `resume` is False, or it followed another recipe, or
            began with another model.
        TrainingError
            If the checkpoint is damaged.
        """
        folder = Path(folder)
        there = _checkpoints(folder)
        if there and not resume:
            raise ConfigError(
                f"{folder} holds an earlier run: go on with it (--resume), or move it away."
            )
        if there:
            run_folder.check(folder, recipe, origin)
            return cls._last_good(folder, keep_last=keep_last)
        run_folder.begin(folder, recipe, origin)
        return cls(folder, [], keep_last=keep_last)

    @classmethod
    def _last_good(cls, folder: Path, *, keep_last: bool) -> Checkpoint:
        """Return the newest checkpoint that is whole, with the best weights that it names."""
        notes: list[str] = []
        for path in _checkpoints(folder):
            try:
                _, metadata = _unpack(path)
                history = [Epoch(**done) for done in json.loads(metadata["history"])]
                run = cls(folder, history, keep_last=keep_last, notes=tuple(notes))
                best = folder / BEST.format(run.best.epoch)
                run._best_hash = _unpack(best)[1]["sha256"]
                if run._best_hash != metadata.get("best"):
                    raise TrainingError(f"{best} is damaged: it is not the one that {path} names.")
            except TrainingError as error:
                notes.append(str(error))
                continue
            if notes:
                run.notes = (*notes, f"going on from the checkpoint before it, {path.name}.")
            run._tidy()
            return run
        raise TrainingError(
            f"{notes[0]} No other checkpoint is whole: move {folder} away and begin anew."
        )

    def hold_out(self, names: Sequence[str]) -> None:
        """Write down which images are held out, or see that they are those that were.

        Parameters
        ----------
        names : sequence of str
            Of the images.

        Raises
        ------
        ConfigError
            If an earlier part of the run held out others: its figures would not compare, and it may have
            learnt from some of these.
        """
        path, said = self.folder / HELD_OUT, b"".join(os.fsencode(name) + b"\n" for name in names)
        if not self.history:
            keep(path, said)
        elif path.exists() and path.read_bytes() != said:
            raise ConfigError(
                f"the images are not those that the run in {self.folder} began with: others than {path} names "
                "would be held out, and figures would not compare. Give it the same images, or begin anew in "
                "another folder."
            )

    @property
    def epochs_done(self) -> int:
        """How many epochs the run has behind it."""
        return len(self.history)

    @property
    def seconds_done(self) -> float:
        """How long it trained for them."""
        return self.history[-1].seconds if self.history else 0.0

    @property
    def steps_done(self) -> int:
        """How many optimizer steps that were."""
        return self.history[-1].step if self.history else 0

    @property
    def best(self) -> Epoch:
        """The epoch that did best on the validation images, or the last one; see :meth:`open`."""
        return self._best_of(self.history)

    def _best_of(self, history: list[Epoch]) -> Epoch:
        return history[-1] if self.keep_last else max(history, key=lambda epoch: epoch.psnr)

    def save(self, model: Any, epoch: Epoch, judged: dict[str, Any] | None = None) -> None:
        """Record an epoch: the best weights first, then the checkpoint, then the history.

        Parameters
        ----------
        model : keras.Model
            With its optimizer: from both, training goes on.
        epoch : Epoch
            What is to be recorded.
        judged : dict of str to numpy.ndarray, optional
            The weights by which the epoch was judged. Default: those of the model.

        Raises
        ------
        TrainingError
            If a weight is no longer a finite number; the last good checkpoint stays.
        """
        import numpy as np

        weights = weights_of(model)
        bad = [path for path, array in weights.items() if not np.isfinite(array).all()]
        if bad:
            raise TrainingError(
                f"after epoch {epoch.epoch} {bad[0]} holds values that are not numbers. Begin "
                "anew with a lower learning rate; the last good checkpoint is kept."
            )
        self.history.append(epoch)
        if self.best is epoch:
            data, self._best_hash = _pack(judged or weights, {})
            keep(self.folder / BEST.format(epoch.epoch), data)
        state = {f"model/{path}": array for path, array in weights.items()}
        for index, variable in enumerate(model.optimizer.variables):
            state[f"optimizer/{index}"] = _array(variable)
        history = json.dumps([asdict(done) for done in self.history])
        data, _ = _pack(state, {"history": history, "best": self._best_hash})
        keep(self.folder / CHECKPOINT.format(epoch.epoch), data)
        self._tidy()

    def _tidy(self) -> None:
        """Write the table for people; let go of what no kept checkpoint names."""
        table = io.StringIO()
        rows = csv.DictWriter(table, [field.name for field in fields(Epoch)])
        rows.writeheader()
        rows.writerows(asdict(done) for done in self.history)
        keep(self.folder / HISTORY, table.getvalue().encode())
        kept = self.history[-KEPT:]
        needed = {CHECKPOINT.format(one.epoch) for one in kept}
        for count in range(len(self.history) - len(kept) + 1, len(self.history) + 1):
            needed.add(BEST.format(self._best_of(self.history[:count]).epoch))
        written = [
            path
            for pattern in (CHECKPOINT, BEST)
            for path in self.folder.glob(pattern.replace("{:06}", "*"))
        ]
        for path in (*written, *leftovers(self.folder)):
            if path.name not in needed:
                path.unlink(missing_ok=True)

    def restore(self, model: Any) -> None:
        """Put the checkpoint's weights and optimizer state into a compiled model."""
        if not self.history:
            return
        path = self.folder / CHECKPOINT.format(self.history[-1].epoch)
        state, _ = _unpack(path)
        model.optimizer.build(model.trainable_variables)
        try:
            for variable in model.variables:
                variable.assign(state[f"model/{variable.path}"])
            for index, variable in enumerate(model.optimizer.variables):
                variable.assign(state[f"optimizer/{index}"].reshape(variable.shape))
        except (KeyError, ValueError) as error:
            raise TrainingError(f"{path} is of another network.") from error

    def best_weights(self) -> dict[str, Any]:
        """Return the weights of the best epoch, by variable path."""
        return _unpack(self.folder / BEST.format(self.best.epoch))[0]


def weights_of(model: Any) -> dict[str, Any]:
    """Return the weights of a Keras model, by variable path."""
    return {variable.path: _array(variable) for variable in model.variables}


def _array(variable: Any) -> Any:
    import numpy as np

    return np.asarray(variable.numpy(), order="C")  # scalars stay scalars


def _pack(tensors: dict[str, Any], metadata: dict[str, str]) -> tuple[bytes, str]:
    """Lay tensors out as safetensors, with a hash of all in the metadata; return that, too."""
    from safetensors.numpy import save

    digest = _digest(tensors, metadata)
    return save(tensors, {**metadata, "sha256": digest}), digest


def _digest(tensors: dict[str, Any], metadata: dict[str, str]) -> str:
    """Return the hash of tensors and what is said of them."""
    digest = hashlib.sha256(json.dumps(metadata, sort_keys=True).encode())
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].tobytes())
    return digest.hexdigest()


def _unpack(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in sorted(file.keys())}
    except (OSError, SafetensorError) as error:
        raise TrainingError(f"{path} is damaged: {error}.") from error
    said = {key: value for key, value in metadata.items() if key != "sha256"}
    if _digest(tensors, said) != metadata.get("sha256"):
        raise TrainingError(f"{path} is damaged: its contents do not match its hash.")
    return tensors, metadata


def _checkpoints(folder: Path) -> list[Path]:
    """Return the checkpoints that are there, the newest one first."""
    return sorted(folder.glob(CHECKPOINT.replace("{:06}", "*")), reverse=True)
