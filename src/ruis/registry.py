"""Tables of names: a name leads to "module:attribute", imported on first use.

A package with siblings (noise models, formats, architectures, engines) keeps one literal table in
its `__init__.py`. Other distributions add rows through an entry-point group of the same name.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import Any

from ruis.errors import ConfigError, UnknownNameError

__all__ = ["Registry"]


class Registry(Mapping[str, str]):
    """A read-only table from names to "module:attribute".

    Parameters
    ----------
    kind : str
        What the table holds, in the singular, for error messages: "noise model".
    group : str
        The entry-point group through which others add rows: "ruis.noise".
    table : mapping of str to str
        Our own rows. They cannot be replaced by an entry point.
    """

    def __init__(self, kind: str, group: str, table: Mapping[str, str]) -> None:
        self.kind = kind
        self.group = group
        self.own = dict(table)
        self._rows: dict[str, str] | None = None

    def _all(self) -> dict[str, str]:
        """Our rows and those of other distributions, looked up once."""
        if self._rows is None:
            from importlib.metadata import entry_points

            others = {point.name: point.value for point in entry_points(group=self.group)}
            self._rows = {**others, **self.own}
        return self._rows

    def __getitem__(self, name: str) -> str:
        if name in self.own:
            return self.own[name]
        if name in self._all():
            return self._all()[name]
        raise UnknownNameError(self.kind, name, self._all())

    def __contains__(self, name: object) -> bool:
        return name in self.own or name in self._all()

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def check(self, name: str) -> None:
        """Look whether a row has this name, without importing what it stands for.

        Raises
        ------
        UnknownNameError
            If none has; the error suggests the nearest one.
        """
        self[name]

    def load(self, name: str) -> Any:
        """Import and return what `name` stands for.

        Raises
        ------
        UnknownNameError
            If no row has this name; the error suggests the nearest one.
        """
        module, _, attribute = self[name].partition(":")
        return getattr(importlib.import_module(module), attribute)

    def record(self, data: Mapping[str, Any]) -> Any:
        """Build the record that `{"name": ..., **fields}` describes.

        Raises
        ------
        ConfigError
            If `data` has no name, or a field is unknown or wrong.
        """
        name = data.get("name")
        if not isinstance(name, str):
            raise ConfigError(f"a {self.kind} needs a name; known: {', '.join(self)}.")
        return self.load(name).parse(dict(data), what=f"{self.kind} {name!r}")
