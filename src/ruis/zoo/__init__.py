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
    "documents": "dd97253ddb991c68b1703ddbc4b047880f0c61047505e9b1d6f70e801b731e03",
    "gray": "e569cc09b6c73ffb9b1e0a5f9c87c72da4efab57e4f7085dd3e27ec6aebd190f",
    "gray-fast": "11b37b384a596e50cb9157e0989cd343a3e361fb7db94e583b2ddc00bac40248",
    "photo": "d9c58d67353fd275e346ce7a73c1f592b0bda406749c823e572d4118fdb2b1df",
    "photo-fast": "79ec83ea12082acc94a74eb1738e8d78e04eee0d081155d477983b38bc9fca39",
    "white-color": "6589f229c4d857513d2302b75e16a620eddaf0b75a2937e106f5627816700af1",
    "white-color-fast": "5b940f91168ec5dd2f1f448851b68dfa4cd0eb502e269de194a6878983672c22",
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
