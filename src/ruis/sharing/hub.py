"""The Hugging Face Hub; `HF_ENDPOINT` and the usual token of huggingface_hub are obeyed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ruis.errors import (
    ConfigError,
    EngineUnavailableError,
    ModelFileError,
    ModelNotFoundError,
    TransferError,
)
from ruis.sharing.base import Fetched

if TYPE_CHECKING:
    from ruis.model_file import ModelFile

__all__ = ["Place", "fetch", "send"]

PATTERN = re.compile(
    r"hf:(?P<repository>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./-]+?))?(?:/(?P<file>[\w.-]+\.ruis))?"
)


@dataclass(frozen=True)
class Place:
    """Where on the Hub a model is.

    Parameters
    ----------
    repository : str
        OWNER/NAME.
    revision : str, optional
        A branch, tag or commit.
    file : str, optional
        The model file in it.
    """

    repository: str
    revision: str | None = None
    file: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read hf:OWNER/NAME[@REVISION][/FILE.ruis].

        Raises
        ------
        ConfigError
            If it is none.

        Examples
        --------
        >>> Place.parse("hf:someone/grain@main/grain.ruis")
        Place(repository='someone/grain', revision='main', file='grain.ruis')
        """
        found = PATTERN.fullmatch(text)
        if not found:
            raise ConfigError(f"a model on the Hub is hf:OWNER/NAME[@REVISION], not {text!r}.")
        return cls(**found.groupdict())


def fetch(place: Place, room: Path) -> Fetched:
    """Fetch the model file of a repository.

    Raises
    ------
    ModelNotFoundError
        If there is no such repository, revision or file.
    TransferError
        If the Hub cannot be reached.
    """
    hub = _library()
    with _told(place.repository):
        api = hub.HfApi(endpoint=os.environ.get("HF_ENDPOINT"))
        info = api.model_info(place.repository, revision=place.revision, files_metadata=True)
        files = {one.rfilename: one for one in info.siblings or ()}
        name = _chosen(place, sorted(files))
        path = hub.hf_hub_download(
            place.repository,
            name,
            revision=info.sha,
            local_dir=room,
            endpoint=os.environ.get("HF_ENDPOINT"),
        )
    lfs = files[name].lfs
    source = f"hf:{place.repository}@{info.sha}/{name}"
    return Fetched(Path(path), source, lfs.sha256 if lfs else None)


def send(path: Path, model: ModelFile, place: Place, *, licence: str | None, private: bool) -> str:
    """Put the file and its card into a repository, in one commit; the repository is made if new.

    Raises
    ------
    TransferError
        If the Hub cannot be reached, or refuses.
    """
    hub = _library()
    name = place.file or f"{model.name}.ruis"
    source = f"hf:{place.repository}"
    with _told(place.repository):
        api = hub.HfApi(endpoint=os.environ.get("HF_ENDPOINT"))
        api.create_repo(place.repository, private=private, exist_ok=True)
        commit = api.create_commit(
            place.repository,
            operations=[
                hub.CommitOperationAdd(name, path),
                hub.CommitOperationAdd("README.md", _card(model, source, licence).encode()),
            ],
            commit_message=f"Add {name}, weights {model.sha256[:12]}",
            revision=place.revision,
        )
    return f"{source}@{commit.oid}/{name}"


def _library() -> Any:
    try:
        import huggingface_hub
        from huggingface_hub.utils import disable_progress_bars
    except ImportError as error:
        raise EngineUnavailableError("The Hugging Face Hub", "hub") from error
    disable_progress_bars()
    return huggingface_hub


@contextmanager
def _told(repository: str) -> Iterator[None]:
    """Turn what the library raises, which has no common root, into errors of ours."""
    try:
        yield
    except ModelFileError:
        raise
    except Exception as error:
        reason = str(error).strip().partition("\n")[0]
        if type(error).__name__ in {
            "RepositoryNotFoundError",
            "RevisionNotFoundError",
            "EntryNotFoundError",
            "RemoteEntryNotFoundError",
            "GatedRepoError",
        }:
            raise ModelNotFoundError(f"hf:{repository}: {reason}") from error
        raise TransferError(f"hf:{repository}: {type(error).__name__}: {reason}") from error


def _chosen(place: Place, files: list[str]) -> str:
    """Return the model file that is meant."""
    models = [file for file in files if file.endswith(".ruis")]
    wanted = [place.file] if place.file else models
    if len(wanted) == 1 and wanted[0] in models:
        return str(wanted[0])
    if place.file or not models:
        shown = f"it holds {', '.join(models)}" if models else "it holds no .ruis file"
        raise ModelNotFoundError(f"hf:{place.repository} has no {place.file or 'model'}: {shown}.")
    raise ModelNotFoundError(
        f"hf:{place.repository} holds several models; say which: hf:{place.repository}/"
        f"{{{','.join(models)}}}."
    )


def _card(model: ModelFile, source: str, licence: str | None) -> str:
    """Return the model card as the Hub shows it: its facts first, then how to use it."""
    facts = ["library_name: ruis", "pipeline_tag: image-to-image"]
    facts += [f"license: {licence}"] if licence else []
    facts += ["tags:", "- denoising", "- image-restoration", "- autoencoder"]
    use = (
        "## How to use it\n\n```console\n"
        f'$ pip install "ruis[hub]"\n$ ruis models pull {source}\n'
        f"$ ruis denoise photo.jpg --model {model.name}\n```\n"
    )
    return "\n".join(["---", *facts, "---", "", model.card.rstrip(), "", use])
