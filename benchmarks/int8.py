"""What 8-bit integers would bring: a model that ships, quantised by NNCF, beside bfloat16 and float32.

    python benchmarks/int8.py --model gray-fast --data DATA [--images 20] [--json FILE]

Needs `pip install nncf`. The network is calibrated on crops of training photographs with noise of all
strengths that it has learnt, and judged on other training photographs (every twentieth, none of them in
the calibration), so that the test sets are not looked at: PSNR at sigma 5, 15, 25 and 50, and megapixels
per second of the network alone on 512x512 pixels, in turns.
"""

from __future__ import annotations

import argparse
import json
import logging
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import door
import numpy as np
from numpy.typing import NDArray

from ruis import dataset, examples, noise, processor, zoo
from ruis.engines.openvino import OpenVINOEngine
from ruis.engines.openvino_graph import OpenVINOLayers
from ruis.model_file import ModelFile

SIGMAS = (5, 15, 25, 50)
SIDE, CROP, CALIBRATION = 512, 256, 128
EVERY = 20

Batch = NDArray[np.float32]
Run = Callable[[Batch], Batch]


def network(model: ModelFile, shape: tuple[int, ...]) -> Any:
    """The network as OpenVINO's model, for one shape."""
    import openvino

    layers = OpenVINOLayers(model.weights)
    result = layers.finish(model.architecture.connect(layers, layers.start(shape)))
    return openvino.Model([result], [layers.input])


def calibration(model: ModelFile, samples: list[dataset.Sample]) -> list[Batch]:
    """Noisy crops, told sigma half of the time, as in training."""
    patches = examples.Patches(
        samples,
        noise.parse("gaussian:0..55/255"),
        patch=CROP,
        batch=1,
        takes_sigma=model.architecture.takes_sigma,
        sigma_given=0.5,
        seed=3,
    )
    return [patches.batch(0, step)[0] for step in range(CALIBRATION)]


def quantised(model: ModelFile, crops: list[Batch], *, ends: bool) -> Run:
    """The network in 8-bit integers; `ends`: also its first and last convolution."""
    import nncf
    import openvino

    nncf.set_log_level(logging.ERROR)
    whole = network(model, (-1, -1, -1, crops[0].shape[3]))
    ignored = None if ends else nncf.IgnoredScope(names=_ends(whole))
    made = nncf.quantize(
        whole,
        nncf.Dataset(crops),
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=len(crops),
        fast_bias_correction=True,
        ignored_scope=ignored,
    )
    settings = {"INFERENCE_NUM_THREADS": str(processor.threads()), "NUM_STREAMS": "1"}
    compiled: dict[tuple[int, ...], Any] = {}

    def run(batch: Batch) -> Batch:
        if batch.shape not in compiled:
            fixed = made.clone()
            fixed.reshape(list(batch.shape))
            compiled[batch.shape] = openvino.Core().compile_model(fixed, "CPU", settings)
        return compiled[batch.shape]([batch])[0]

    return run


def _ends(whole: Any) -> list[str]:
    """The names of the first and the last convolution."""
    names = [one.get_friendly_name() for one in whole.get_ordered_ops() if "Convolution" in one.get_type_name()]  # fmt: skip
    return [names[0], names[-1]]


def scores(run: Run, model: ModelFile, judges: list[dataset.Sample]) -> dict[int, float]:
    """PSNR in dB on the judges, blind."""
    found = {}
    for sigma in SIGMAS:
        held_out = examples.Validation(
            judges,
            noise.parse(f"gaussian:{sigma}/255"),
            multiple=model.architecture.geometry.multiple,
            takes_sigma=model.architecture.takes_sigma,
            seed=1,
        )
        found[sigma] = held_out.psnr(run)
    return found


def rates(runs: dict[str, Run], channels: int, rounds: int) -> dict[str, float]:
    """Megapixels per second, all in turns."""
    batch = np.random.default_rng(0).random((1, SIDE, SIDE, channels), np.float32)
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        run(batch)
    for _ in range(rounds):
        for name, run in runs.items():
            begun = time.perf_counter()
            run(batch)
            seconds[name].append(time.perf_counter() - begun)
    return {name: SIDE**2 / 1e6 / statistics.median(taken) for name, taken in seconds.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="gray-fast")
    parser.add_argument("--data", type=Path, required=True, help="the folder with train/bsds500")
    parser.add_argument("--images", type=int, default=20, help="that judge")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    model = zoo.find(options.model)
    channels = model.architecture.channels
    samples = dataset.load(clean=options.data / "train/bsds500", channels=channels)
    judges = samples[::EVERY][: options.images]
    learnt = [one for index, one in enumerate(samples) if index % EVERY]
    crops = calibration(model, learnt)
    runs: dict[str, Run] = {
        precision: OpenVINOEngine(model.architecture, model.weights, precision=precision).run
        for precision in ("f32", "bf16")
        if OpenVINOEngine.supports(precision)
    }
    runs["int8"] = quantised(model, crops, ends=True)
    runs["int8 but the ends"] = quantised(model, crops, ends=False)
    fast = rates(runs, model.architecture.input_channels, options.rounds)
    print(f"| {model.name} | " + " | ".join(f"sigma {s}" for s in SIGMAS) + " | Mpx/s |")
    print("|---|" + "---|" * (len(SIGMAS) + 1))
    report = {}
    for name, run in runs.items():
        found = scores(run, model, judges)
        report[name] = {"psnr": found, "megapixels_per_second": fast[name]}
        figures = " | ".join(f"{found[sigma]:.3f}" for sigma in SIGMAS)
        print(f"| {name} | {figures} | {fast[name]:.2f} |")
    print(f"\n{len(judges)} photographs; {processor.describe()}")
    if options.json:
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    door.run(main)
