"""`ruis mnist show`, `denoise` and `features`: what goes in, what comes out, what is seen inside."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ruis.cli import options
from ruis.cli.console import print_json, say, table, tell
from ruis.cli.mnist.options import (
    DEFAULT_PRESET,
    Asked,
    Data,
    Epochs,
    Folder,
    Model,
    Noise,
    PresetName,
    Seed,
    Settings,
    asked,
    new_folder,
    pictures,
    write_figures,
)
from ruis.cli.mnist.train import taught
from ruis.cli.quiet import load_keras_quietly
from ruis.errors import ConfigError, RuisError

if TYPE_CHECKING:
    from ruis.autoencoder import Autoencoder
    from ruis.denoiser import Denoiser

__all__ = ["denoise", "features", "show"]

Digit = Annotated[
    int, typer.Option(min=0, max=9, metavar="0..9", help="Which digit to look at closely.")
]


def show(
    output: Folder = Path("mnist-show"),
    data: Data = "package",
    preset: PresetName = DEFAULT_PRESET,
    epochs: Epochs = None,
    noise: Noise = None,
    seed: Seed = 0,
    settings: Settings = None,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Show the first ten digits, clean and noisy, and what a preset would teach.

    ruis mnist show --preset keras-io -o show/
    """
    names = ("digits", "noisy", "cubes")
    order = asked(data, preset, epochs, noise, seed, settings)
    folder = new_folder(output, pictures(*names), overwrite=overwrite)
    load_keras_quietly()

    from ruis import architectures, figures
    from ruis import features as inside
    from ruis.mnist.data import unit
    from ruis.mnist.lessons import add_noise
    from ruis.mnist.texts import get

    words = get("en").words
    digits, chosen = order.digits, order.preset
    first = unit(digits.x_test[:10])
    labels = [str(n) for n in digits.y_test[:10]]
    architecture = architectures.parse(chosen.architecture)
    shapes = inside.shapes(architecture, (28, 28))
    drawn = {
        "digits": figures.image_rows([(words.clean, first)], [labels]),
        "noisy": figures.image_rows([(words.noisy, add_noise(first, chosen.noise, seed))]),
        "cubes": figures.cubes(shapes),
    }
    write_figures(drawn, folder, overwrite=overwrite)
    if json:
        print_json(
            {
                "data": digits.source,
                "train": len(digits.x_train),
                "test": len(digits.x_test),
                "preset": chosen.model_dump(mode="json"),
                "layers": [{"name": name, "shape": shape} for name, shape in shapes],
                "folder": str(folder),
            }
        )
        return
    say(
        f"{digits.source}: {len(digits.x_train)} digits to learn from, {len(digits.x_test)} to test"
    )
    say(f"{chosen.name}: {chosen.source}")
    rows: list[tuple[str, ...]] = [("layer", "rows x columns x channels")]
    table(rows + [(name, "x".join(map(str, shape))) for name, shape in shapes])
    say(
        f"  {chosen.reconstruct} epochs of reconstructing, {chosen.denoise} of denoising "
        f"{chosen.noise}, batches of {chosen.batch}"
    )
    say(f"Look at them:  {folder}")


def denoise(
    output: Folder = Path("mnist-denoised"),
    model: Model = None,
    data: Data = "package",
    preset: PresetName = DEFAULT_PRESET,
    epochs: Epochs = None,
    noise: Noise = None,
    seed: Seed = 0,
    settings: Settings = None,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Denoise the test digits, and show the first ten, noisy over denoised.

    ruis mnist denoise --model digits.ruis --data mnist.npz -o denoised/

    What is shown and scored is the model's output on the noisy digits. Without --noise they have
    the noise that the model learnt.
    """
    _check_taught(model, preset, epochs, settings)
    order = asked(data, preset, epochs, noise, seed, settings, quickly=model is None)
    folder = new_folder(output, pictures("denoised"), overwrite=overwrite)
    denoiser, name = _denoiser(order, model)
    spec = noise or denoiser.model.manifest.noise

    from ruis.noise import parse as check_noise

    try:
        check_noise(spec)
    except RuisError as error:
        raise ConfigError(
            f"{name} did not learn from noise that was added ({spec}): give --noise SPEC."
        ) from error

    import numpy as np

    from ruis.mnist import drawings
    from ruis.mnist.data import unit
    from ruis.mnist.lessons import add_noise, score
    from ruis.mnist.texts import get

    clean = unit(order.digits.x_test)
    noisy = add_noise(clean, spec, seed)
    # bfloat16 would gain nothing on 28x28 pixels, and the scores are to be those of the weights.
    made = np.stack([denoiser.denoise(image, channel_axis=2) for image in noisy])
    scores = score(lambda images: made, clean, noisy)
    ten = drawings.denoised(get("en"), clean[:10], noisy[:10], made[:10])
    write_figures({"denoised": ten}, folder, overwrite=overwrite)
    if json:
        print_json({"model": name, "noise": spec, "seed": seed, **asdict(scores)})
        return
    say(f"{name} on {spec}, seed {seed}, {scores.images} test digits")
    table(
        [
            ("", "PSNR dB", "SSIM"),
            ("noisy", f"{scores.noisy_psnr:.2f}", f"{scores.noisy_ssim:.4f}"),
            ("denoised", f"{scores.psnr:.2f}", f"{scores.ssim:.4f}"),
        ]
    )
    say(f"Look at the first ten:  {folder / 'denoised.png'}")


def features(
    output: Folder = Path("mnist-features"),
    model: Model = None,
    digit: Digit = 4,
    data: Data = "package",
    preset: PresetName = DEFAULT_PRESET,
    epochs: Epochs = None,
    noise: Noise = None,
    seed: Seed = 0,
    settings: Settings = None,
    overwrite: options.Overwrite = False,
    json: options.Json = False,
    debug: options.Debug = False,
) -> None:
    """Show what a network looks for: its filters, and its feature maps of a digit.

    ruis mnist features --model digits.ruis --digit 7 -o features/

    Also what padding, stride, ReLU and the three poolings do to that digit. For other images than
    digits: ruis features.
    """
    _check_taught(model, preset, epochs, settings)
    order = asked(data, preset, epochs, noise, seed, settings, quickly=model is None)
    folder = new_folder(output, pictures("cubes", "filters"), overwrite=overwrite)
    autoencoder = _autoencoder(order, model)

    from ruis.mnist import drawings
    from ruis.mnist.results import looks, steps
    from ruis.mnist.texts import get

    texts = get("en")
    looked = looks(autoencoder, order.digits, digit)
    drawn = {**drawings.of_looks(looked, texts), **drawings.of_steps(steps(looked), texts)}
    write_figures(drawn, folder, overwrite=overwrite)
    if json:
        layers = [{"name": name, "shape": shape} for name, shape in looked.shapes]
        print_json({"digit": digit, "layers": layers, "folder": str(folder)})
        return
    rows: list[tuple[str, ...]] = [("layer", "rows x columns x channels", "weights")]
    rows += [
        (name, "x".join(map(str, shape)), str(looked.weights.get(name, 0)))
        for name, shape in looked.shapes
    ]
    table(rows)
    say(f"Look at them:  {folder}  ({len(drawn)} figures)")


def _quickly(order: Asked) -> Any:
    """Teach a network that is good enough to be looked at."""
    tell("No --model: a network is taught first, quickly; `ruis mnist train` makes a better one.")
    return taught(order)


def _check_taught(
    model: Path | None, preset: str, epochs: str | None, settings: list[str] | None
) -> None:
    """Refuse to say how to teach what is taught already."""
    asked = {"--preset": preset != DEFAULT_PRESET, "--epochs": epochs, "--set": settings}
    given = [name for name, value in asked.items() if value]
    if model is not None and given:
        raise ConfigError(f"--model is taught already: leave out {' and '.join(given)}.")


def _denoiser(order: Asked, model: Path | None) -> tuple[Denoiser, str]:
    """Return the denoiser of a model file, or of a network that is taught now."""
    from ruis.denoise import load
    from ruis.denoiser import Denoiser

    if model is not None:
        denoiser = load(model, precision="f32")
        size = denoiser.model.architecture.geometry.size
        if denoiser.channels != 1 or (size and size != (28, 28)):
            raise ConfigError(f"{model} was not made for gray images of 28x28 pixels.")
        return denoiser, str(model)
    lesson = _quickly(order)
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        made = lesson.save(Path(folder) / "quick.ruis")
    return Denoiser(made, precision="f32"), lesson.preset.name


def _autoencoder(order: Asked, model: Path | None) -> Autoencoder:
    from ruis.autoencoder import Autoencoder
    from ruis.zoo import find

    if model is None:
        autoencoder: Autoencoder = _quickly(order).autoencoder
        return autoencoder
    found = find(model)
    architecture = found.architecture
    if (
        architecture.takes_sigma
        or architecture.channels != 1
        or architecture.fixed_size not in {None, (28, 28)}
    ):
        raise ConfigError(
            f"{model} is no autoencoder for gray images of 28x28 pixels; for other models: "
            "ruis features."
        )
    load_keras_quietly()
    return Autoencoder.of(found)
