"""Record: the one way in which anything is configured.

A noise model, an architecture's parameters, a recipe, a manifest is one frozen pydantic model with
units in its field docs. Its JSON or TOML form is the same mapping; a key that does not exist is an
error that names the nearest one.
"""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from ruis.errors import ConfigError, UnknownNameError

__all__ = ["Record"]


class Record(BaseModel):
    """A frozen, closed, typed set of settings.

    Use :meth:`parse` on data from outside: its errors are ours, with the place and the value.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def parse(cls, data: Any, *, what: str | None = None) -> Self:
        """Check `data` and build the record.

        Parameters
        ----------
        data : mapping
            Keys are field names.
        what : str, optional
            What the data describes, for messages: "recipe gray.toml". Default: the class' name.

        Raises
        ------
        UnknownNameError
            If a key is unknown; the error suggests the nearest known key.
        ConfigError
            If a value is missing or wrong; the message names the key and the value.
        """
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise _ours(cls, error, what or cls.__name__) from None


def _ours(cls: type[Record], error: ValidationError, what: str) -> ConfigError:
    """Translate one of pydantic's complaints into a sentence of ours: a key that is wrong explains one that is missing."""
    said = error.errors(include_url=False)
    first = next((one for one in said if one["type"] == "extra_forbidden"), said[0])
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden" and len(first["loc"]) == 1:
        return UnknownNameError("setting", str(first["loc"][0]), cls.model_fields, where=what)
    where = f" at {place!r}" if place else ""
    whole = not place and isinstance(first["input"], dict)  # nobody wants to read all of it again
    value = "" if whole or first["type"] == "missing" else f" (given: {first['input']!r})"
    return ConfigError(f"{what}{where}: {first['msg'].removeprefix('Value error, ')}{value}.")
