"""Models of noise: add it to clean pixels (one file each), and measure it (`estimate`, `blocks`).

This room: adds noise to float32 arrays, from specs such as "gaussian:25/255".
May touch: NumPy, and `ruis.record`, `ruis.registry`, `ruis.errors`; Pillow in memory for JPEG.
Must not: touch a file, a clock, a network or global randomness; import one model from another.
"""

from __future__ import annotations

import math
import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BeforeValidator, PlainSerializer

from ruis.errors import ConfigError
from ruis.record import Record
from ruis.registry import Registry

__all__ = [
    "NOISE",
    "Amount",
    "AnyNoise",
    "NoiseModel",
    "Share",
    "WholeAmount",
    "between",
    "fixed",
    "has_sigma",
    "parse",
    "read_number",
    "written",
]

NOISE = Registry(
    "noise model",
    "ruis.noise",
    {
        "camera": "ruis.noise.camera:Camera",
        "clip": "ruis.noise.clip:Clip",
        "composition": "ruis.noise.composition:Composition",
        "gaussian": "ruis.noise.gaussian:Gaussian",
        "jpeg": "ruis.noise.jpeg:Jpeg",
        "one-of": "ruis.noise.one_of:OneOf",
        "poisson": "ruis.noise.poisson:Poisson",
        "poisson-gaussian": "ruis.noise.poisson_gaussian:PoissonGaussian",
        "quantisation": "ruis.noise.quantisation:Quantisation",
        "region": "ruis.noise.region:Region",
        "salt-and-pepper": "ruis.noise.salt_and_pepper:SaltAndPepper",
        "speckle": "ruis.noise.speckle:Speckle",
    },
)


# -- settings that may be a number or a range --------------------------------------------------


def read_number(value: Any) -> float:
    """Read 0.1, "0.1" or "25/255"."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError("must be a number, a fraction such as 25/255, or a range of these")
    try:
        if isinstance(value, str):
            above, slash, below = value.partition("/")
            number = float(above) / float(below) if slash else float(above)
        else:
            number = float(value)
    except (ValueError, ZeroDivisionError, OverflowError):
        raise ValueError("must be a number such as 0.1 or 25/255, or a range: 0..55/255") from None
    if not math.isfinite(number):
        raise ValueError("must be finite")
    return number


def _amount(value: Any) -> float | tuple[float, float]:
    """Read a number, or a range written "0..55/255" or [0, "55/255"]."""
    if isinstance(value, str) and ".." in value:
        low, _, high = value.partition("..")
        if "/" in high and "/" not in low:  # the divisor belongs to both ends
            low = f"{low}/{high.partition('/')[2]}"
        value = (low, high)
    if isinstance(value, (list, tuple)):
        if len(value) != 2:
            raise ValueError("a range has two ends, the lowest first")
        ends = (read_number(value[0]), read_number(value[1]))
        if ends[0] > ends[1]:
            raise ValueError("a range starts with its lowest end")
        return ends if ends[0] < ends[1] else ends[0]
    return read_number(value)


def _whole_amount(value: Any) -> int | tuple[int, int]:
    """Read a whole number, or a range of whole numbers."""
    amount = _amount(value)
    ends = amount if isinstance(amount, tuple) else (amount,)
    if any(end != round(end) for end in ends):
        raise ValueError("must be a whole number, or a range of whole numbers such as 30..90")
    return (round(ends[0]), round(ends[1])) if len(ends) == 2 else round(ends[0])


Amount = Annotated[float | tuple[float, float], BeforeValidator(_amount)]
"""A number, or a range (low, high) from which a number is drawn uniformly."""

WholeAmount = Annotated[int | tuple[int, int], BeforeValidator(_whole_amount)]
"""A whole number, or a range (low, high), both ends included, from which one is drawn uniformly."""


def between(low: float, high: float = math.inf) -> AfterValidator:
    """Return the check that an amount, or both ends of its range, are within `low` and `high`."""

    def check(amount: Any) -> Any:
        ends = amount if isinstance(amount, tuple) else (amount,)
        if any(end is not None and not low <= end <= high for end in ends):
            upper = f" and at most {high:g}" if math.isfinite(high) else ""
            raise ValueError(f"must be at least {low:g}{upper}")
        return amount

    return AfterValidator(check)


def _share(amount: Any) -> Any:
    """Check that an amount, or both ends of its range, are fractions."""
    top = max(amount) if isinstance(amount, tuple) else amount
    if top > 1:
        hint = f": {top:g} of the 255 levels of 8 bits are {top:g}/255" if top <= 255 else ""
        raise ValueError(f"is a fraction of the data range, 0 to 1{hint}")
    return amount


Share = Annotated[Amount, between(0), AfterValidator(_share)]
"""A fraction of the data range, or a range of them."""


def fixed(amount: float | tuple[float, float]) -> float:
    """Return the amount of a sampled model, in which ranges have become numbers."""
    if isinstance(amount, tuple):
        raise ConfigError(f"{amount} is a range: call sample(rng) first.")
    return amount


EXACT = 1e-12
"""Relative; what is read again from a text as near as this is the same number."""


def written(value: float) -> str:
    """Write a number as shortly as it is read again: 0.1, 30, 25/255.

    Parameters
    ----------
    value : float
        Any number.

    Examples
    --------
    >>> written(25 / 255), written(0.123456789)
    ('25/255', '0.123456789')
    """
    levels = _decimal(value * 255)
    return min(_decimal(value), f"{levels}/255", key=len)


def _decimal(value: float) -> str:
    """Write a number with four digits, or with as many as it has."""
    short = f"{value:.4g}"
    return short if math.isclose(float(short), value, rel_tol=EXACT) else repr(value)


def _show(value: Any) -> str:
    """Write a setting in the way in which :func:`parse` reads it."""
    match value:
        case (float() as low, float() as high):
            if written(high).endswith("/255"):
                return f"{_decimal(low * 255)}..{written(high)}"  # one divisor for both ends
            return f"{written(low)}..{written(high)}"
        case (int() as low, int() as high):
            return f"{low}..{high}"
        case tuple():
            return ":".join(_show(one) for one in value)
        case float():
            return written(value)
    return str(value)


# -- the base of all models --------------------------------------------------------------------


class NoiseModel(Record):
    """What noise is, as settings; it adds itself to clean pixels.

    A setting given as a range makes the model a family: :meth:`sample` draws one member.
    A new model is one file, one final subclass and one row in ``NOISE``; it gives ``name`` a
    ``Literal`` type and its own name as default, says an ``example``, and implements
    :meth:`_add_fixed`.
    """

    example: ClassVar[str]
    """A spec of such a model, for people and for the exam that all models take."""

    name: str

    @final
    def add(self, clean: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
        """Return clean pixels with noise.

        Parameters
        ----------
        clean : numpy.ndarray
            Shape (..., rows, columns, channels), float32, in fractions of the data range. Not
            modified.
        rng : numpy.random.Generator
            The only source of chance. Settings that are ranges are drawn once for the whole array.

        Returns
        -------
        numpy.ndarray
            The same shape, float32; neither clipped nor quantised, except by models that do so by
            nature (salt-and-pepper, quantisation, jpeg, camera).

        Raises
        ------
        ConfigError
            If the array is not of floats, or has fewer than three axes.
        """
        if not np.issubdtype(clean.dtype, np.floating):
            raise ConfigError(
                f"noise is added to floats in fractions of the data range, not to {clean.dtype}; "
                "divide by the range first."
            )
        if clean.ndim < 3:
            raise ConfigError(
                f"noise needs the axes (rows, columns, channels); these pixels have the shape "
                f"{clean.shape}. Add a last axis of 1 to a gray image."
            )
        model = self.sample(rng)
        noisy = model._add_fixed(clean.astype(np.float32, copy=False), rng)  # noqa: SLF001 - ours
        return noisy.astype(np.float32, copy=False)

    def sample(self, rng: np.random.Generator) -> NoiseModel:
        """Return the same model with every range replaced by a number drawn from it."""
        drawn: dict[str, Any] = {}
        for field in type(self).model_fields:
            match getattr(self, field):
                case (int() as low, int() as high):
                    drawn[field] = int(rng.integers(low, high, endpoint=True))
                case (float() as low, float() as high):
                    drawn[field] = float(rng.uniform(low, high))
        return self.model_copy(update=drawn) if drawn else self

    def sigma_map(self, clean: NDArray[np.float32]) -> NDArray[np.float32] | float | None:
        """Return the standard deviation that the noise has at each pixel.

        Parameters
        ----------
        clean : numpy.ndarray
            Shape (..., rows, columns, channels), float32.

        Returns
        -------
        numpy.ndarray, float or None
            In fractions of the data range: an array of the same shape, one number where it is the
            same everywhere, or None where it is not defined, also while a setting is a range.
        """
        return None

    def to_json_form(self) -> dict[str, Any]:
        """Return the mapping from which :func:`parse` builds an equal model, ready for JSON."""
        return self.model_dump(mode="json", exclude_none=True)

    def __str__(self) -> str:
        """Write the model as a spec for people, without settings that have their default."""
        settings = ",".join(
            f"{field}={_show(getattr(self, field))}"
            for field, info in type(self).model_fields.items()
            if field != "name" and getattr(self, field) != info.default
        )
        return f"{self.name}:{settings}" if settings else self.name

    @abstractmethod
    def _add_fixed(
        self, clean: NDArray[np.float32], rng: np.random.Generator
    ) -> NDArray[np.float32]:
        """Add noise; every setting is a number here."""


# -- from specs to models ----------------------------------------------------------------------


def parse(spec: str | Mapping[str, Any] | Sequence[Any] | NoiseModel) -> NoiseModel:
    """Build a noise model from what a person or a file says.

    Parameters
    ----------
    spec : str, mapping, sequence or NoiseModel
        - a text: ``NAME:SETTINGS``, the settings as ``key=value`` or in order, separated by
          commas; a value may be a fraction (``25/255``) or a range (``0..55/255``: both ends are
          divided). ``A+B`` adds A, then B. ``3*A|B`` draws one of A and B, A three times as
          often. Parentheses group.
        - a mapping: ``{"name": "gaussian", "sigma": [0, "55/255"]}``.
        - a sequence of specs: all of them, in order.
        - a model: returned as it is.

    Raises
    ------
    UnknownNameError
        If no model, or no setting, has such a name; the nearest one is suggested.
    ConfigError
        If a setting is missing or makes no sense.

    Examples
    --------
    >>> parse("gaussian:25/255")
    Gaussian(name='gaussian', sigma=0.09803921568627451)
    >>> str(parse("gaussian:0..55/255"))
    'gaussian:sigma=0..55/255'
    >>> parse("poisson:peak=30+jpeg:quality=50") == parse(
    ...     [{"name": "poisson", "peak": 30}, {"name": "jpeg", "quality": 50}]
    ... )
    True
    >>> parse("gausian:0.1")
    Traceback (most recent call last):
    ruis.errors.UnknownNameError: There is no noise model 'gausian'. Did you mean 'gaussian'? ...
    """
    try:
        return _parse(spec)
    except RecursionError:
        raise ConfigError("This noise model is nested too deeply.") from None


def has_sigma(model: NoiseModel) -> bool:
    """Say whether a formula tells the sigma of what a model adds, at least sometimes.

    Parameters
    ----------
    model : NoiseModel
        May have ranges, and parts of which one is drawn.

    Examples
    --------
    >>> has_sigma(parse("gaussian:0..55/255")), has_sigma(parse("jpeg:50"))
    (True, False)
    """
    rng, gray = np.random.default_rng(0), np.full((8, 8, 1), 0.5, np.float32)
    return any(model.sample(rng).sigma_map(gray) is not None for _ in range(100))


def _parse(spec: Any) -> NoiseModel:
    """Do what :func:`parse` says."""
    if isinstance(spec, NoiseModel):
        return spec
    if isinstance(spec, str):
        return _parse_text(spec)
    if isinstance(spec, Mapping):
        name = spec.get("name")
        if not isinstance(name, str):
            raise ConfigError(f"A noise model needs a 'name' (given: {dict(spec)!r}).")
        return _model(name, spec)
    if isinstance(spec, Sequence) and not isinstance(spec, (bytes, bytearray)):
        return _model("composition", {"models": spec})
    raise ConfigError(f"This is no noise model: {spec!r}.")


def _model(name: str, settings: Mapping[str, Any]) -> NoiseModel:
    """Look the name up and let the class check its settings."""
    kind: type[NoiseModel] = NOISE.load(name)
    return kind.parse(dict(settings), what=f"noise model {name!r}")


def _split(text: str, at: str) -> list[str]:
    """Split where the pattern matches outside parentheses."""
    pattern = re.compile(at)
    parts, depth, start = [], 0, 0
    for index, character in enumerate(text):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth < 0:
            break
        if depth == 0 and pattern.match(text, index):
            parts.append(text[start:index])
            start = index + 1
    if depth:
        raise ConfigError(f"Parentheses do not match in the noise model {text!r}.")
    return [part.strip() for part in [*parts, text[start:]]]


def _parse_text(text: str) -> NoiseModel:
    """Read one of several (|), each with a weight (*), each some in order (+)."""
    options = _split(text, r"\|")
    if len(options) > 1:
        weight = r"(?:([\d./]+(?:[eE][+-]?\d+)?)\s*\*)?(.*)"
        weighted = [re.fullmatch(weight, one, re.DOTALL) for one in options]
        return _model(
            "one-of",
            {
                "models": [_parse_text(match[2].strip()) for match in weighted if match],
                "weights": [match[1] or "1" for match in weighted if match],
            },
        )
    parts = _split(text, r"\+(?=\s*[^\W\d]|\s*\(|\s*$)")  # not the plus of 1e+3
    if len(parts) > 1:
        return _model("composition", {"models": parts})
    if text.startswith("(") and text.endswith(")"):
        return _parse_text(text[1:-1].strip())
    return _parse_one(text)


def _parse_one(text: str) -> NoiseModel:
    """Read NAME:SETTINGS."""
    name, colon, rest = (part.strip() for part in text.partition(":"))
    if not name:
        raise ConfigError(f"A noise model is missing in {text!r}; write for example gaussian:0.1.")
    fields = [field for field in NOISE.load(name).model_fields if field != "name"]
    settings: dict[str, Any] = {}
    for place, setting in enumerate(rest.split(",") if colon else ()):
        key, equals, value = (part.strip() for part in setting.partition("="))
        if not equals:
            if place >= len(fields):
                raise ConfigError(f"Too many settings in the noise model {text!r}.")
            key, value = fields[place], key
        if key in settings:
            raise ConfigError(f"{key!r} is given twice in the noise model {text!r}.")
        settings[key] = value
    return _model(name, settings)


AnyNoise = Annotated[
    NoiseModel,
    BeforeValidator(parse),
    PlainSerializer(lambda model: model.to_json_form(), return_type=dict[str, Any]),
]
"""The type of a record's field that holds any noise model, given as any spec."""
