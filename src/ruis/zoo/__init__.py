"""This room: the models that have a name: those that ship, with their cards, and those pulled.

May touch: model files, its own folder, and the folder of pulled models.
Must not: touch the network, or load a model before it is asked for.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from ruis.errors import ModelCorruptError, ModelNotFoundError, UnknownNameError

if TYPE_CHECKING:
    from ruis.model_file import ModelFile

__all__ = ["SHIPPED", "file_of", "find", "path_of", "suited"]

SHIPPED: dict[str, str] = {
    "documents": "b6bd9ef922439f3cca5f276fe396f9d1bc4cc3e79c8c64c40ae599320283ef35",
    "gray": "a1538854b0b8160685476708119eeaf6b57dec50a89b9351f4a95c0284ff13c4",
    "gray-fast": "1d0fb7caf3a119126f8f9791f2b2400883fc0bc112d8e8117b14393288f0cacf",
    "photo": "c2c36dd3232def3cc5c6d9fdf2ed2c61bc032adcd2d7ff2fdb749aeb47173652",
    "photo-fast": "9977707750a03e0ce81718163cc98addccf915e5f51a1d33755d121643475dbe",
    "white-color": "61767098419e588506cc5d01776a1a30b22422fc288b8d7d44a6a0871ab62796",
    "white-color-fast": "d7c62df7aa81ecb842488c823a43bdd28eaa4a8bd5c1d10c2f8267fa54ef4333",
}
"""Name -> SHA-256 of the file `NAME.ruis` beside this module."""

FOLDER = Path(__file__).parent


def path_of(name: str) -> Path:
    """Return the file of a shipped model, its hash checked.

    Raises
    ------
    UnknownNameError
        If no model of this name ships.
    ModelCorruptError
        If the file is not the one that shipped.
    """
    if name not in SHIPPED:
        raise UnknownNameError("model", name, SHIPPED)
    path = FOLDER / f"{name}.ruis"
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != SHIPPED[name]:
        raise ModelCorruptError(f"{path} is not the file that shipped: install ruis again.")
    return path


def find(name_or_path: str | Path) -> ModelFile:
    """Load a model by name, shipped or pulled, or a model file by path.

    Raises
    ------
    ModelNotFoundError
        If it is neither; the message names the models that there are.
    ModelFileError
        If the file cannot be used.
    """
    from ruis import model_file

    return model_file.load(file_of(name_or_path))


def file_of(name_or_path: str | Path) -> Path:
    """Return the file of a model by name, its hash checked, or the path itself.

    Raises
    ------
    ModelNotFoundError
        If it is neither; the message names the models that there are.
    ModelCorruptError
        If the file is not the one that shipped, or that was pulled.
    """
    from ruis.zoo import store

    text = str(name_or_path)
    if text in SHIPPED:
        return path_of(text)
    pulled = store.names()
    if text in pulled:
        return store.path_of(text)
    if Path(text).is_file():
        return Path(text)
    hint = UnknownNameError("model", text, [*SHIPPED, *pulled])
    near = f" Did you mean {hint.nearest!r}?" if hint.nearest else ""
    also = f", none that was pulled ({', '.join(pulled)})" if pulled else ""
    raise ModelNotFoundError(
        f"{text!r} is no model that ships ({', '.join(sorted(SHIPPED))}){also} and no model file."
        f"{near}"
    )


def suited(channels: int, *, white: bool = False, fast: bool = False) -> str:
    """Return the name of the shipped model for an image.

    Parameters
    ----------
    channels : int
        Three are taken as colour; any other number is denoised channel by channel.
    white : bool, default False
        Whether the noise is white, which a model of its own removes better from colour images.
    fast : bool, default False
        Whether a small network is wanted.
    """
    best = "gray" if channels != 3 else "white-color" if white else "photo"
    usual = "photo" if channels == 3 else "gray"
    wanted = (f"{best}-fast", f"{usual}-fast", usual) if fast else (best, usual)
    return next(name for name in wanted if name in SHIPPED)
