"""Trains in child processes that are killed, and goes on with what they leave; for test_kill.py.

Keras is imported once; each child is forked before anything was computed, which TensorFlow allows. It
prints a JSON document: the hash of the final weights, and what was done on the way.
"""

from __future__ import annotations

import hashlib
import json
import os
import select
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import numpy as np

EPOCHS, STEPS = 10, 3
PATIENT = 60.0
CALLS = {"open", "write", "flush", "fsync", "close", "replace", "unlink", "fchmod", "link"}


def recipe() -> Any:
    from ruis.recipe import Recipe

    return Recipe.parse(
        {
            "name": "killed",
            "data": [{"name": "ramps", "terms": "ours", "folder": "clean"}],
            "noise": "gaussian:0.1",
            "architecture": {"name": "plain", "filters": [3]},
            "validation_images": 1,
            "patch": 8,
            "batch": 2,
            "steps_per_epoch": STEPS,
            "epochs": EPOCHS,
            "warmup_steps": 2,
            "ema": 0.9,
            "precision": "f32",
        }
    )


def write_images(folder: Path) -> None:
    from ruis import formats
    from ruis.image import Image, ImageInfo

    (folder / "clean").mkdir()
    for number in range(3):
        ramp = (np.add.outer(np.arange(16), np.arange(20)) * (3 + number) + 40).astype(np.uint8)
        image = Image(ramp[..., None], ImageInfo(ramp.dtype, (0.0, 255.0)))
        formats.write(image, folder / "clean" / f"{number}.png")


def train(folder: Path, run: Path, begun: int, chosen: Any) -> None:
    """Train to the end; a byte goes to `begun` when the first step was taken."""
    from ruis import loop
    from ruis.run import publish
    from ruis.train import train as teach

    loop.TELL_SECONDS = 0.0
    told = []

    def tell(report: Any) -> None:
        if report.stage == "training" and not told:
            told.append(report)
            os.write(begun, b"1")

    finished = teach(chosen, folder, run, resume=True, progress=tell)
    publish(finished, run.with_suffix(".ruis"), overwrite=True)


def forked(work: Any) -> tuple[int, int]:
    """Return a child's id, and where it says that it trains."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        status = 1
        try:
            work(write)
            status = 0
        except BaseException:  # noqa: BLE001 - a forked child must not go on as its parent
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    os.close(write)
    return child, read


def ended(child: int, read: int) -> bool:
    """Wait for a child; True if it finished, False if it was killed, an error if it failed."""
    _, status = os.waitpid(child, 0)
    os.close(read)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return False
    assert os.waitstatus_to_exitcode(status) == 0, "a training failed"
    return True


def final_hash(run: Path) -> str:
    """Of everything that a training ends in but its clock."""
    from safetensors.numpy import load_file

    from ruis import model_file

    digest = hashlib.sha256(model_file.load(run.with_suffix(".ruis")).sha256.encode())
    state = load_file(run / f"checkpoint-{EPOCHS:06}.safetensors")
    for name in sorted(state):
        digest.update(state[name].tobytes())
    return digest.hexdigest()


def whole(folder: Path) -> dict[str, Any]:
    """Train without a kill, and tell how long it trains."""
    run = folder / "whole.run"
    child, read = forked(lambda begun: train(folder, run, begun, recipe()))
    os.read(read, 1)
    start = time.perf_counter()
    assert ended(child, read)
    return {"hash": final_hash(run), "seconds": time.perf_counter() - start}


def killed_at_random(folder: Path, kills: int, seconds: float, seed: int) -> dict[str, Any]:
    """Kill at random instants: some while the network is built, most while it trains."""
    rng = np.random.default_rng(seed)
    run, done, number = folder / "run-0.run", 0, 0
    hashes, epochs = [], []
    while done < kills:
        child, read = forked(lambda begun: train(folder, run, begun, recipe()))  # noqa: B023
        if rng.random() < 0.8:
            select.select([read], [], [], PATIENT)
        time.sleep(rng.uniform(0, seconds))
        os.kill(child, signal.SIGKILL)
        if ended(child, read):
            hashes.append(final_hash(run))
            number += 1
            run = folder / f"run-{number}.run"
        else:
            done += 1
            epochs.append(len(list_epochs(run)))
    child, read = forked(lambda begun: train(folder, run, begun, recipe()))
    assert ended(child, read)
    return {"hashes": [*hashes, final_hash(run)], "kills": done, "epochs": epochs}


def list_epochs(run: Path) -> list[str]:
    """Return the rows of the history that a killed run left."""
    table = run / "history.csv"
    return table.read_text().splitlines()[1:] if table.exists() else []


def killed_at_each_call(folder: Path) -> dict[str, Any]:
    """Kill before the first call of the checkpoint writer to the system, then the second, ..."""
    run, calls = folder / "calls.run", []
    chosen = recipe().changed(epochs=EPOCHS)
    for number in range(1, 200):
        child, read = forked(lambda begun: _with_fuse(folder, run, begun, chosen, number))  # noqa: B023
        finished = ended(child, read)
        if finished:
            break
        calls.append((run / "last-call.txt").read_text())
        if len(list_epochs(run)) >= EPOCHS - 2:  # the chain goes on in a new run
            child, read = forked(lambda begun: train(folder, run, begun, chosen))
            assert ended(child, read)
            calls.append(final_hash(run))
            for path in [*run.iterdir()]:
                path.unlink()
    return {"hash": final_hash(run), "calls": calls}


def _with_fuse(folder: Path, run: Path, begun: int, chosen: Any, number: int) -> None:
    """Train; the process kills itself before that call of a save."""
    from ruis.checkpoint import Checkpoint

    save, count = Checkpoint.save, [0]

    def fuse(frame: Any, event: str, called: Any) -> None:
        if event != "c_call" or called.__name__ not in CALLS:
            return
        home = getattr(called, "__module__", None) or type(called.__self__).__module__
        if home not in {"posix", "nt", "_io", "io"}:
            return
        count[0] += 1
        if count[0] == number:
            sys.setprofile(None)
            (run / "last-call.txt").write_text(called.__name__)
            os.kill(os.getpid(), signal.SIGKILL)

    def watched(self: Any, *args: Any) -> None:
        if self.epochs_done < 2:  # so that there is something to tidy away
            return save(self, *args)
        sys.setprofile(fuse)
        try:
            return save(self, *args)
        finally:
            sys.setprofile(None)
            count[0] = 10**6

    Checkpoint.save = watched
    train(folder, run, begun, chosen)


def main(folder: Path, kills: int) -> None:
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras  # noqa: F401 - once for all children
    import tensorflow as tf  # noqa: F401

    import ruis.train  # noqa: F401

    write_images(folder)
    expected = whole(folder)
    if kills:
        found = killed_at_random(folder, kills, expected["seconds"], seed=0)
    else:
        found = killed_at_each_call(folder)
    sys.stdout.write(json.dumps({"expected": expected["hash"], **found}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
