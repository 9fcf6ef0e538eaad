"""The nodes of a Zarr folder, found by their metadata files, and a copy of it without its pixels."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruis.errors import CorruptImageError, UnsupportedFormatError

__all__ = ["Node", "copied", "is_node", "nodes"]

METADATA = ("zarr.json", ".zarray", ".zgroup", ".zattrs", ".zmetadata")
MEANT = frozenset(
    {
        "multiscales", "omero", "plate", "well", "labels", "image-label", "bioformats2raw.layout", "series", "ome",
        "_ARRAY_DIMENSIONS", "_FillValue", "missing_value", "scale_factor", "add_offset", "units",
        "valid_min", "valid_max", "valid_range",
    }
)  # fmt: skip
"""Attributes that say what the pixels are: OME-Zarr's, and those of xarray and CF."""

MAX_METADATA = 2**26
"""Bytes of the largest metadata file: a plate's consolidated one can be long."""


@dataclass(frozen=True)
class Node:
    """An array or a group.

    Parameters
    ----------
    path : str
        Where it is in the hierarchy: "A/1/0"; empty for the root.
    is_array : bool
        Whether it is an array.
    attributes : dict
        What its metadata says beside shape and storage.
    """

    path: str
    is_array: bool
    attributes: dict[str, Any]


def is_node(folder: Path) -> bool:
    """Say whether a folder has the metadata of a Zarr array or group."""
    return any((folder / name).is_file() for name in ("zarr.json", ".zarray", ".zgroup"))


def nodes(root: Path) -> list[Node]:
    """Return the nodes of a hierarchy, each group before what is in it.

    Raises
    ------
    CorruptImageError
        If a metadata file is no JSON, or not what it should be.
    """
    found: list[Node] = []
    waiting = [""]
    while waiting:
        path = waiting.pop()
        here = _node(root, path)
        if here is None:
            continue
        found.append(here)
        if not here.is_array:
            inside = sorted(one.name for one in os.scandir(root / path) if one.is_dir())
            waiting += [f"{path}/{name}" if path else name for name in reversed(inside)]
    return found


def _node(root: Path, path: str) -> Node | None:
    """Return what a folder is; None if it is no node, such as a folder of further metadata."""
    folder = root / path
    if (folder / "zarr.json").is_file():
        found = _json(folder / "zarr.json")
        attributes = found.get("attributes")
        kind = found.get("node_type")
        if kind not in {"array", "group"}:
            raise CorruptImageError(f"{path or 'the root'} is a node of the type {kind!r}.")
        return Node(path, kind == "array", attributes if isinstance(attributes, dict) else {})
    for name, is_array in ((".zarray", True), (".zgroup", False)):
        if (folder / name).is_file():
            attributes = folder / ".zattrs"
            return Node(path, is_array, _json(attributes) if attributes.is_file() else {})
    return None


def _json(path: Path) -> dict[str, Any]:
    if path.stat().st_size > MAX_METADATA:
        raise CorruptImageError(f"{path.name} has {path.stat().st_size} bytes.")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise CorruptImageError(f"{path.name} is no JSON: {str(error)[:100]}.") from error
    if not isinstance(found, dict):
        raise CorruptImageError(f"{path.name} is no JSON object.")
    return found


def copied(root: Path, into: Path, without_chunks: set[str], *, bare: bool = False) -> None:
    """Copy a hierarchy byte for byte, but of some arrays only what describes them.

    Parameters
    ----------
    root, into : Path
        From where, and to where; `into` is an empty folder.
    without_chunks : set of str
        The paths of the arrays whose chunks are not copied.
    bare : bool
        Whether what is not needed to understand the pixels is left out, and all else is not byte for byte what it was.

    Raises
    ------
    UnsupportedFormatError
        If there is a link: what it leads to is no part of the folder.
    """
    in_arrays: set[Path] = set()
    for current, folders, names in os.walk(root):
        here = Path(current)
        path = here.relative_to(root).as_posix()
        for name in (*folders, *names):
            if (here / name).is_symlink():
                raise UnsupportedFormatError(
                    f"{path}/{name} is a link; links are not followed.", source=str(root)
                )
        described = ("" if path == "." else path) in without_chunks
        if described:
            folders[:] = []
        if bare and (here.parent in in_arrays or _is_array(root, path)):
            in_arrays.add(here)
        if described or (bare and here not in in_arrays):
            names = [name for name in names if name in METADATA]
        for name in folders:
            (into / path / name).mkdir()
        for name in names:
            if bare and name in METADATA:
                (into / path / name).write_text(
                    json.dumps(_bare(name, _json(here / name)), indent=2), "utf-8"
                )
            else:
                shutil.copyfile(here / name, into / path / name)


def _is_array(root: Path, path: str) -> bool:
    node = _node(root, path)
    return node is not None and node.is_array


def _bare(name: str, found: dict[str, Any]) -> dict[str, Any]:
    """Return the content of a metadata file without attributes that are not needed to understand pixels."""
    if name == ".zattrs":
        return {key: value for key, value in found.items() if key in MEANT}
    if name == ".zmetadata":  # all of a hierarchy's files, consolidated
        inside = found.get("metadata")
        if isinstance(inside, dict):
            kept = {key: _bare(key.rpartition("/")[2], one) for key, one in inside.items()}
            return {**found, "metadata": kept}
    if name == "zarr.json":
        left = dict(found)
        if isinstance(left.get("attributes"), dict):
            left["attributes"] = _bare(".zattrs", left["attributes"])
        inside = left.get("consolidated_metadata")
        if isinstance(inside, dict) and isinstance(inside.get("metadata"), dict):
            kept = {key: _bare("zarr.json", one) for key, one in inside["metadata"].items()}
            left["consolidated_metadata"] = {**inside, "metadata": kept}
        return left
    return found
