"""A trained denoiser on disk: `NAME.ruis`.

One zip whose members are stored uncompressed: `manifest.json`, `weights.safetensors` and
`README.md`, the model card. Loading runs nothing that the file brings: the manifest is parsed
against a strict schema, the network is described by **our** registry, and the tensors must match
that description by name, shape and dtype, and be finite. There is no graph in the file
(`docs/decisions/0001-one-description-of-a-network.md`): engines make theirs from the description.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruis import architectures
from ruis.errors import ConfigError, ModelCorruptError, ModelNotFoundError, ModelVersionError
from ruis.formats.atomic import new_file
from ruis.manifest import Manifest, card

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from ruis.architectures.base import Architecture

__all__ = ["LARGEST_RADIUS", "ModelFile", "load", "save"]

SCHEMA = 2
"""The newest schema. 2 knows calibrations; a file without one is written with 1, which every version
reads (`docs/decisions/0015-uncertainty.md`)."""

MANIFEST, WEIGHTS, CARD = "manifest.json", "weights.safetensors", "README.md"
LARGEST = {MANIFEST: 2**20, WEIGHTS: 2**31, CARD: 2**20}
"""Bytes that a member may have at most."""

LARGEST_RADIUS = 1024
"""Pixels that a network may look far; the best tier of the U-Net looks 131."""


@dataclass(frozen=True, eq=False)
class ModelFile:
    """A model that was loaded and verified.

    Parameters
    ----------
    manifest : Manifest
        What the file says.
    architecture : Architecture
        The network's description, from our registry.
    weights : dict of str to numpy.ndarray
        Its tensors, float32.
    card : str
        The model card, Markdown.
    sha256 : str
        Of the whole weights: the model's identity.
    """

    manifest: Manifest
    architecture: Architecture
    weights: dict[str, NDArray[np.float32]]
    card: str
    sha256: str

    @property
    def name(self) -> str:
        """The model's name."""
        return self.manifest.name


def save(
    path: str | Path,
    manifest: Manifest,
    weights: Mapping[str, NDArray[Any]],
    *,
    overwrite: bool = False,
    half: bool = True,
) -> ModelFile:
    """Write a model file: whole, or not at all.

    Parameters
    ----------
    path : path
        Where to; ends in `.ruis`.
    manifest : Manifest
        Without hashes: they are computed here.
    weights : mapping of str to numpy.ndarray
        The tensors that the architecture has.
    overwrite : bool, default False
        Whether a file that is there already is replaced.
    half : bool, default True
        Store kernels as 16-bit floats: half the size, and a relative rounding of 5e-4 per weight.
        Biases and statistics stay as they are: they are few, and may be too large for 16 bits.

    Returns
    -------
    ModelFile
        As `load` would give it, rounding included.

    Raises
    ------
    ModelCorruptError
        If the weights do not fit the architecture, or are not finite.
    ImageWriteError
        If the file exists already, or the disk refuses.
    """
    import numpy as np
    from safetensors.numpy import save as pack

    architecture = architectures.parse(manifest.architecture)
    stored = {
        name: np.ascontiguousarray(array, np.float16 if half and array.ndim > 1 else np.float32)
        for name, array in weights.items()
    }
    _check(stored, architecture, str(path))
    members = {WEIGHTS: pack(stored), CARD: card(manifest, architecture).encode()}
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in members.items()}
    schema = 1 if manifest.calibration is None else SCHEMA
    manifest = manifest.model_copy(update={"sha256": hashes, "schema_version": schema})
    unknown = {"calibration"} if schema == 1 else None  # a version that knows 1 alone reads this
    content = manifest.model_dump_json(indent=2, exclude=unknown).encode()
    members = {MANIFEST: content, **members}
    with new_file(Path(path), overwrite=overwrite) as file, zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            # A fixed date: the same model gives the same bytes.
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)
    return load(path)


def load(path: str | Path, *, called: str | None = None) -> ModelFile:
    """Read and verify a model file.

    Parameters
    ----------
    path : path
        The file.
    called : str, optional
        What messages call it, where it is a copy of what a person named; default: its path.

    Raises
    ------
    ModelNotFoundError
        If there is no such file.
    ModelVersionError
        If it was written with a schema that this version does not know.
    ModelCorruptError
        If it is damaged, or is not what its manifest says.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelNotFoundError(f"there is no model file {path}.")
    where = called or str(path)
    try:
        with zipfile.ZipFile(path) as archive:
            members = _members(archive, where)
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError) as error:
        raise ModelCorruptError(f"{where} is no model file, or is damaged: {error}.") from error
    manifest = _manifest(members[MANIFEST], where)
    for name in (WEIGHTS, CARD):
        if hashlib.sha256(members[name]).hexdigest() != manifest.sha256.get(name):
            raise ModelCorruptError(f"{where}: {name} does not match its hash in the manifest.")
    try:
        architecture = architectures.parse(manifest.architecture)
        tensors = _tensors(members[WEIGHTS], where)
        _check(tensors, architecture, where)
    except ConfigError as error:
        raise ModelCorruptError(f"{where}: {error}") from error
    return ModelFile(
        manifest,
        architecture,
        {name: tensor.astype("float32") for name, tensor in tensors.items()},
        members[CARD].decode("utf-8", "replace"),
        manifest.sha256[WEIGHTS],
    )


def _members(archive: zipfile.ZipFile, where: str) -> dict[str, bytes]:
    """Read exactly the members that there must be, each within its bounds."""
    names = [info.filename for info in archive.infolist()]
    if sorted(names) != sorted(LARGEST):
        shown = ", ".join(sorted(names)[:5]) or "nothing"
        raise ModelCorruptError(
            f"{where} is no model file: it should hold {', '.join(LARGEST)}, and holds {shown}."
        )
    members = {}
    for info in archive.infolist():
        if info.compress_type != zipfile.ZIP_STORED or info.file_size > LARGEST[info.filename]:
            raise ModelCorruptError(f"{where}: {info.filename} is compressed or too large.")
        members[info.filename] = archive.read(info)
    return members


def _manifest(data: bytes, where: str) -> Manifest:
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ModelCorruptError(f"{where}: the manifest is not JSON: {error}.") from error
    version = content.get("schema_version") if isinstance(content, dict) else None
    if isinstance(version, int) and version > SCHEMA:
        raise ModelVersionError(
            f"{where} has schema {version}, and this version of ruis knows schemas up to {SCHEMA}: "
            "upgrade ruis."
        )
    try:
        manifest = Manifest.parse(content, what=f"the manifest of {where}")
    except ConfigError as error:
        raise ModelCorruptError(str(error)) from error
    if manifest.schema_version == 1 and manifest.calibration is not None:
        raise ModelCorruptError(f"{where}: a calibration belongs to schema 2, and this file has 1.")
    return manifest


def _tensors(data: bytes, where: str) -> dict[str, Any]:
    from safetensors import SafetensorError
    from safetensors.numpy import load as unpack

    try:
        tensors: dict[str, Any] = unpack(data)
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise ModelCorruptError(f"{where}: the weights are damaged: {error}.") from error
    return tensors


def _check(tensors: Mapping[str, Any], architecture: Architecture, where: str) -> None:
    """Hold tensors against the description: names, shapes, dtypes, finite values."""
    import numpy as np

    radius = architecture.geometry.radius
    if radius > LARGEST_RADIUS:  # a few weights could ask for tiles of gigabytes
        raise ModelCorruptError(
            f"{where}: the network looks {radius} pixels far; at most {LARGEST_RADIUS} is allowed."
        )
    wanted = architecture.tensors
    if set(tensors) != set(wanted):
        odd = min(set(tensors) ^ set(wanted))
        raise ModelCorruptError(f"{where}: the weights are not those of the network ({odd!r}).")
    for name, tensor in tensors.items():
        if tensor.shape != wanted[name]:
            raise ModelCorruptError(
                f"{where}: {name} has the shape {tensor.shape}, not {wanted[name]}."
            )
        if tensor.dtype not in (np.float16, np.float32):
            raise ModelCorruptError(f"{where}: {name} has the dtype {tensor.dtype}.")
        if not np.isfinite(tensor).all():
            raise ModelCorruptError(f"{where}: {name} holds values that are not numbers.")
