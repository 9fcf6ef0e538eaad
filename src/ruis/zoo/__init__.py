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
    from collections.abc import Collection

    from ruis.model_file import ModelFile

__all__ = ["AUTO", "SHIPPED", "check_known", "file_of", "find", "path_of", "suited"]

SHIPPED: dict[str, str] = {
    "documents": "a19697c47481610430dcbccb947694d00cdc7c37645cb0635ceceb6084889737",
    "gray": "7c525b3decaf932c98af2de2eb5923f8002986b636d4afff469b99a5feee28a4",
    "gray-fast": "50962a16550d6c5a3e9f099d75c6288926c80597b516e3531d6d66162761cd07",
    "gray-medium": "1c107814c9d700616ef6bc29e4537b661dbc0c665209d0a497c0c5e72df0e9df",
    "photo": "7a35b20d1b5e38525ba50963149ab46b919d35039b3e2e56f557184657d40fce",
    "photo-fast": "2f770fa65b1468c967adfec7ff9bfcfbe51bbd9725d624112a6ee4d986a4164a",
    "white-color": "b3b4c9b4daa4f00f9b9d3c13f6bde195b0d7c64b816a834b9882462367becea8",
    "white-color-fast": "41746a146e4ff70068d0641b3e24976ea07c2f6909685b70010087fe62517ccc",
    "white-color-medium": "32eee1b157f052700c01d249105fddf01fce70bc7ef471439eb7d55282bb319d",
}
"""Name -> SHA-256 of the file `NAME.ruis` beside this module."""

AUTO = ("auto", "medium", "fast")
"""What stands for a model in place of its name: the one that suits an image, or a smaller one."""

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
    raise _not_found(text, pulled)


def check_known(name_or_path: str | Path) -> None:
    """Look whether there is such a model, or a word that stands for one, without opening any.

    Raises
    ------
    ModelNotFoundError
        If not; the message names what there is.
    """
    from ruis.zoo import store

    text = str(name_or_path)
    if text not in (*AUTO, *SHIPPED) and not Path(text).is_file():
        pulled = store.names()
        if text not in pulled:
            raise _not_found(text, pulled, words=AUTO)


def _not_found(
    text: str, pulled: Collection[str], words: tuple[str, ...] = ()
) -> ModelNotFoundError:
    hint = UnknownNameError("model", text, [*SHIPPED, *pulled, *words])
    near = f" Did you mean {hint.nearest!r}?" if hint.nearest else ""
    also = f", none that was pulled ({', '.join(pulled)})" if pulled else ""
    if words:
        chosen = f", none of the words for one that suits the image ({', '.join(words)})"
    else:
        chosen = " (only denoising chooses one by the image)" if text in AUTO else ""
    return ModelNotFoundError(
        f"{text!r} is no model that ships ({', '.join(sorted(SHIPPED))}){also}{chosen} and no model file."
        f"{near}"
    )


def suited(channels: int, *, white: bool = False, tier: str = "auto") -> str:
    """Return the name of the shipped model for an image.

    Parameters
    ----------
    channels : int
        Three are taken as colour; any other number is denoised channel by channel.
    white : bool, default False
        Whether the noise is white, which a model of its own removes better from colour images.
    tier : {"auto", "medium", "fast"}
        "fast" for a small network, "medium" for one between it and the usual one, which "auto" is,
        and which is taken where no other ships.
    """
    usual = "gray" if channels != 3 else "white-color" if white else "photo"
    wanted = f"{usual}-{tier}"
    return wanted if wanted in SHIPPED else usual
