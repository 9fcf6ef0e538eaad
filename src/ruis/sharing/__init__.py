"""This room: models on their way between people - folders, URLs and the Hugging Face Hub.

May touch: the network, and the folder of pulled models; huggingface_hub, on first use.
Must not: run or change a model; keep a file that was not verified.
"""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ruis.errors import ConfigError, ModelCorruptError
from ruis.sharing.base import Fetched, Progress
from ruis.zoo import AUTO, SHIPPED, store

if TYPE_CHECKING:
    from ruis.zoo.store import Pulled

__all__ = ["Fetched", "Progress", "pull", "push"]

HUB, WEB = "hf:", ("https://", "http://")
RESERVED = {*AUTO, "show", "pull", "push", "remove"}
"""What `--model` takes beside names, and what `ruis models` does."""
PINNED = 64
"""Hexadecimal digits of a SHA-256."""


def pull(
    source: str,
    *,
    name: str | None = None,
    sha256: str | None = None,
    unpinned: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Pulled:
    """Fetch a model, verify it, and keep it under a name that `--model` knows.

    Parameters
    ----------
    source : str
        `hf:OWNER/NAME[@REVISION][/FILE.ruis]`, a URL, a `.ruis` file, or a folder that holds one.
    name : str, optional
        What to call it; default: its own name.
    sha256 : str, optional
        The hash that the file must have. A URL needs it; `URL#sha256=...` says it too.
    unpinned : bool, default False
        Whether a URL may go without.
    overwrite : bool, default False
        Whether another model that was pulled under this name is replaced.
    progress : callable, optional
        Called with (bytes fetched, bytes in all; 0 where it is not known).

    Returns
    -------
    Pulled
        Its name, source and hash.

    Raises
    ------
    ConfigError
        If a URL is not pinned, or the name is taken.
    ModelNotFoundError
        If there is no model.
    TransferError
        If it cannot be fetched.
    ModelFileError
        If it is not what it should be; nothing is kept.

    Examples
    --------
    >>> pull("hf:someone/film-grain", name="grain")  # doctest: +SKIP
    Pulled(name='grain', source='hf:someone/film-grain@...', sha256='...')
    """
    from ruis import model_file

    source, sha256 = _pinned(source, sha256)
    if source.startswith(WEB) and sha256 is None and not unpinned:
        raise ConfigError(
            f"{source} could be another file tomorrow: say --sha256 HASH (ask whoever made it), or "
            "--unpinned to take what is there; the hash is then told."
        )
    folder = store.folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise ConfigError(
            f"{folder} cannot be the folder of pulled models: a file is in its place. Name "
            f"another with {store.VARIABLE}."
        ) from error
    with tempfile.TemporaryDirectory(dir=folder, prefix=".pull-") as room:
        fetched = _fetch(source, Path(room), progress)
        with fetched.file.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        for wanted, who in ((sha256, "was asked for"), (fetched.sha256, "its source announces")):
            if wanted is not None and wanted != digest:
                raise ModelCorruptError(
                    f"{source} has the hash {digest}, not the {wanted} that {who}; nothing is kept."
                )
        model = model_file.load(fetched.file, called=source)
        called = name or model.name
        if called in SHIPPED:
            raise ConfigError(f"a model {called!r} ships with ruis; choose another with --name.")
        if called in RESERVED:
            raise ConfigError(
                f"{called!r} means something else to ruis; choose another with --name."
            )
        pulled = store.Pulled.parse(
            {"name": called, "source": fetched.source, "sha256": digest}, what="a pulled model"
        )
        store.add(pulled, fetched.file, overwrite=overwrite)
    return pulled


def push(
    model: str | Path,
    target: str,
    *,
    licence: str | None = None,
    private: bool = False,
    overwrite: bool = False,
) -> str:
    """Put a model where others can pull it.

    Parameters
    ----------
    model : str or path
        A model by name, or a model file.
    target : str
        `hf:OWNER/NAME`, or a folder, which may be one that a web server shows.
    licence : str, optional
        For the Hub: the identifier of a licence, "apache-2.0".
    private : bool, default False
        For the Hub: whether only its owner sees it, if it is new.
    overwrite : bool, default False
        For a folder: whether a file that is there already is replaced.

    Returns
    -------
    str
        What to give to `pull`.

    Raises
    ------
    ConfigError
        If the target is no place that can be written.
    ModelFileError
        If the model cannot be used, or cannot be sent.
    ImageWriteError
        If a file is there already, or the disk refuses.
    """
    from ruis import model_file, zoo

    path = zoo.file_of(model)
    loaded = model_file.load(path)
    if target.startswith(WEB):
        raise ConfigError(f"{target}: a URL is only read; push to a folder that a server shows.")
    if target.startswith(HUB):
        from ruis.sharing import hub

        repository = hub.Place.parse(target)
        return hub.send(path, loaded, repository, licence=licence, private=private)
    from ruis.sharing import disk

    if licence or private:
        raise ConfigError("--license and --private are for the Hub (hf:OWNER/NAME).")
    return disk.send(path, loaded, Path(target), overwrite=overwrite)


def _pinned(source: str, sha256: str | None) -> tuple[str, str | None]:
    """Return the source without its pin, and the pin."""
    bare, mark, said = source.partition("#sha256=")
    if mark and sha256 and said.lower() != sha256.lower():
        raise ConfigError("the URL and --sha256 say different hashes.")
    pin = (said if mark else sha256 or "").strip().lower()
    if (mark or sha256) and (len(pin) != PINNED or set(pin) - set("0123456789abcdef")):
        raise ConfigError(f"a SHA-256 has {PINNED} hexadecimal digits, not {pin!r}.")
    return bare, pin or None


def _fetch(source: str, room: Path, progress: Progress | None) -> Fetched:
    if source.startswith(HUB):
        from ruis.sharing import hub

        return hub.fetch(hub.Place.parse(source), room)
    if source.startswith(WEB):
        from ruis.sharing import web

        return web.fetch(source, room, progress)
    from ruis.sharing import disk

    return disk.fetch(Path(source), room)
