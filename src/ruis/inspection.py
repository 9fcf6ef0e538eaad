"""What an image is, what noise is in it, and what suits it: a shipped model, or a training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from ruis.caution import black_cautions, far_from_black
from ruis.choice import choose
from ruis.errors import EngineUnavailableError
from ruis.intensity import Intensity
from ruis.noise.estimate import estimate_sigma
from ruis.noise.measure.correlation import Correlation, measure_correlation
from ruis.noise.measure.impulses import impulse_share
from ruis.noise.measure.jpeg_blocks import measure_blocks
from ruis.noise.measure.levels import measure_levels
from ruis.noise.measure.signal import SignalDependence, measure_signal_dependence
from ruis.noise.measure.stripes import Stripes, measure_stripes
from ruis.prescription import Prescription, prescribe
from ruis.survey import peak, white_shown
from ruis.views import Views

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ruis.image import Image

__all__ = ["Evidence", "Inspection", "examine", "inspect", "scikit_image_sigma"]

METADATA = ("exif", "icc", "xmp", "resolution", "description", "software")

FEW = 8
"""So many channels are looked at closely, of images that have more."""

FAINT = 1.2 / 255
IN_JPEG = 0.5
IMPULSES = 0.003
STRIPED = 0.25
"""Noise is called faint up to this sigma, fine or coarse, and up to a half of it where blocks of JPEG are seen, which takes most of
what is fine (`docs/decisions/0020-a-camera-s-noise-measured.md`); impulses are told from this share of pixels on (clean
photographs gave 0.0035 at most), and stripes from this share of sigma on."""


@dataclass(frozen=True)
class Inspection:
    """What was found out about an image; what the file said, and what was measured.

    Parameters
    ----------
    format : str or None
        The name of the format it was read from.
    rows, columns, channels : int
        Its size; alpha is not counted.
    colour : str
        What the channels mean.
    alpha : bool
        Whether there is an alpha channel.
    dtype : str
        Of the stored values.
    data_range : tuple of float
        The stored values that mean black and white.
    axes : str
        The axes as stored.
    metadata : tuple of str
        The kinds of metadata that the file has.
    notes : tuple of str
        What reading changed.
    sigma : float
        The standard deviation of the noise as a fraction of the data range.
    sigma_per_channel : tuple of float
        The same for each channel.
    model, why : str
        The shipped model that suits it, and what decided.
    kind : str
        The noise in one word: "faint", "white", "signal-dependent", "camera" (colours that
        neighbours share), "correlated" (the same without colours), "striped", "impulses".
    kinds : tuple of str
        All that were found, the one that matters most first; "jpeg" among them where blocks of
        JPEG are seen.
    gain, offset : float
        The variance of the noise is gain * brightness + offset, in fractions of the range; gain is
        0 where it does not grow with the brightness.
    gain_per_channel, offset_per_channel : tuple of float
        The same for each channel.
    impulse_share : float
        The share of pixels that are impulses, 0..1.
    stripes : Stripes
        How strong stripes along rows and columns are.
    correlation : tuple of float
        How alike the noise of neighbours in a row is, and in a column, -1..1; 0 is white.
    coarse_ratio : float
        Sigma judged from means of 2x2 pixels over sigma: about 1 for white noise, more where
        neighbours share theirs.
    jpeg_blocks : float
        How far blocks of JPEG stand out; 0 where none are seen.
    bits : int or None
        The bits that the stored values really use; None for floats.
    clipped_dark, clipped_bright : float
        The shares of values at the ends of the data range, 0..1.
    white : float or None
        The stored value up to which values go, in two digits, if that is far from what the data range
        calls white: 12 bits in the lower part of 16, floats in electrons.
    sigma_used : float
        Sigma as a fraction of the range up to `white`; `sigma` itself where that is None.
    prescription : Prescription
        What to do about the noise.
    """

    format: str | None
    rows: int
    columns: int
    channels: int
    colour: str
    alpha: bool
    dtype: str
    data_range: tuple[float, float]
    axes: str
    metadata: tuple[str, ...]
    notes: tuple[str, ...]
    sigma: float
    sigma_per_channel: tuple[float, ...]
    model: str
    why: str
    kind: str
    kinds: tuple[str, ...]
    gain: float
    offset: float
    gain_per_channel: tuple[float, ...]
    offset_per_channel: tuple[float, ...]
    impulse_share: float
    stripes: Stripes
    correlation: tuple[float, float]
    coarse_ratio: float
    jpeg_blocks: float
    bits: int | None
    clipped_dark: float
    clipped_bright: float
    white: float | None
    sigma_used: float
    prescription: Prescription

    def to_json(self) -> dict[str, Any]:
        """Return all of it as what JSON knows."""
        found = asdict(self)
        found["stripes"]["direction"] = self.stripes.direction
        found |= found.pop("prescription")
        return found


@dataclass(frozen=True, eq=False)
class Evidence:
    """What an inspection rests on, for those who draw it.

    Parameters
    ----------
    inspection : Inspection
        What was found.
    signal : SignalDependence
        The points of brightness and variance, all channels together, and the line through them.
    correlation : Correlation
        The autocorrelation of the noise, and the flattest block.
    window : numpy.ndarray
        The middle of the image, shape (rows, columns, channels), float32 fractions of the range.
    """

    inspection: Inspection
    signal: SignalDependence
    correlation: Correlation
    window: NDArray[np.float32]


def inspect(image: Image) -> Inspection:
    """Measure the noise of an image, and gather what its file says.

    Parameters
    ----------
    image : Image
        Any image. Of more than a megapixel, sixteen windows are looked at.

    Returns
    -------
    Inspection
        What was found.

    Examples
    --------
    >>> import numpy as np
    >>> from ruis.arrays import as_image
    >>> noise = np.random.default_rng(0).normal(0.5, 0.1, (256, 256)).astype(np.float32)
    >>> found = inspect(as_image(noise)[0])
    >>> found.kind, round(found.sigma, 2), found.model
    ('white', 0.1, 'gray')
    """
    return examine(image).inspection


def examine(image: Image) -> Evidence:
    """Measure the noise of an image, and return what the findings rest on as well.

    Parameters
    ----------
    image : Image
        Any image.
    """
    info, choice, views = image.info, choose(image), Views.of(image)
    white, used = _used(views.unit, image)
    planes = views.planes[:FEW]
    signals = [_signal(plane, used) for plane in planes]
    all_of_them = [window for plane in planes for window in plane]
    together = signals[0] if len(views.planes) == 1 else _signal(all_of_them, used)
    sigmas = tuple(estimate_sigma(plane) for plane in views.planes)
    sigma = (sum(one**2 for one in sigmas) / len(sigmas)) ** 0.5
    impulses = max(impulse_share(plane) for plane in planes)
    stripes = _stripes(views.across(), views.down(), used)
    correlation = measure_correlation(views.gray)
    levels = measure_levels(views.stored, info.data_range)
    blocks = measure_blocks(views.gray).strength
    kinds = _kinds(
        sigma,
        together,
        impulses,
        stripes,
        coarse=choice.seen.coarse,
        white=choice.seen.white,
        colour=info.colour == "rgb",
        jpeg=blocks > 0,
        faint=FAINT * used * (IN_JPEG if blocks > 0 else 1),
    )
    inspection = Inspection(
        **_as_stored(image),
        sigma=sigma,
        sigma_per_channel=sigmas,
        model=choice.model,
        why=choice.why,
        kind=kinds[0],
        kinds=kinds,
        gain=together.gain,
        offset=together.offset,
        gain_per_channel=tuple(one.gain for one in signals),
        offset_per_channel=tuple(one.offset for one in signals),
        impulse_share=impulses,
        stripes=stripes,
        correlation=(correlation.horizontal, correlation.vertical),
        coarse_ratio=choice.seen.coarse / choice.seen.sigma if choice.seen.sigma else 1.0,
        jpeg_blocks=blocks,
        bits=levels.bits,
        clipped_dark=levels.dark,
        clipped_bright=levels.bright,
        white=white,
        sigma_used=sigma / used,
        prescription=prescribe(
            kinds,
            sigma=sigma / used,
            gain=together.gain / used,
            offset=together.offset / used**2,
            impulses=impulses,
            direction=stripes.direction,
            length=correlation.length(stripes.direction or "horizontal"),
            clipped=max(levels.dark, levels.bright),
            jpeg_file=info.format == "jpeg",
            more=black_cautions(image),
        ),
    )
    return Evidence(inspection, together, correlation, views.middle())


def _as_stored(image: Image) -> dict[str, Any]:
    """Return what an inspection says without measuring anything."""
    info = image.info
    return {
        "format": info.format,
        "rows": image.rows,
        "columns": image.columns,
        "channels": image.channels,
        "colour": info.colour,
        "alpha": info.alpha,
        "dtype": str(info.dtype),
        "data_range": info.data_range,
        "axes": info.axes,
        "metadata": tuple(name for name in METADATA if getattr(info.metadata, name) is not None),
        "notes": info.notes,
    }


def _used(unit: Sequence[NDArray[Any]], image: Image) -> tuple[float | None, float]:
    """Return what counts as white where the dtype's does not, and the share of the range below it.

    Of signed integers, the least that the dtype can hold is hardly ever black: there, the values between which
    the image lies count as black and white.
    """
    import numpy as np

    info = image.info
    low, high = info.data_range
    if info.dtype.kind == "i" and (ends := far_from_black(image)) is not None:
        return ends[1], (ends[1] - ends[0]) / (high - low)
    white = white_shown(peak(np.concatenate([window.ravel() for window in unit])), info)
    return white, 1.0 if white is None else (white - low) / (high - low)


def _signal(windows: Sequence[NDArray[np.float32]], used: float) -> SignalDependence:
    """Measure where brightness is a fraction of what is used, and say it in fractions of the range."""
    if used == 1:
        return measure_signal_dependence(windows)
    found = measure_signal_dependence([window / used for window in windows])
    return SignalDependence(
        found.gain * used,
        found.offset * used**2,
        tuple(mean * used for mean in found.means),
        tuple(variance * used**2 for variance in found.variances),
    )


def _stripes(
    across: Sequence[NDArray[np.float32]], down: Sequence[NDArray[np.float32]], used: float
) -> Stripes:
    """Measure, as :func:`_signal` does."""
    if used == 1:
        return measure_stripes(across, down)
    found = measure_stripes([one / used for one in across], [one / used for one in down])
    return replace(found, rows=found.rows * used, columns=found.columns * used)


def scikit_image_sigma(image: Image) -> float:
    """Estimate sigma as scikit-image does, from the finest diagonal wavelets of the whole image.

    Parameters
    ----------
    image : Image
        Any image.

    Returns
    -------
    float
        A fraction of the data range, the mean over channels.

    Raises
    ------
    EngineUnavailableError
        If PyWavelets, which it needs, is not installed.

    References
    ----------
    D. L. Donoho, I. M. Johnstone, "Ideal spatial adaptation by wavelet shrinkage", Biometrika, 1994,
    doi:10.1093/biomet/81.3.425.
    """
    from skimage.restoration import estimate_sigma as estimate

    unit = Intensity(image.info.dtype, image.info.data_range).to_unit(
        image.pixels[..., : image.channels]
    )
    try:
        return float(estimate(unit, average_sigmas=True, channel_axis=-1))
    except ImportError as error:
        raise EngineUnavailableError("scikit-image's estimate of sigma", "mnist") from error


def _kinds(
    sigma: float,
    signal: SignalDependence,
    impulses: float,
    stripes: Stripes,
    *,
    coarse: float,
    white: bool,
    colour: bool,
    jpeg: bool,
    faint: float,
) -> tuple[str, ...]:
    """Name the noise, what matters most first."""
    kinds = []
    if impulses > IMPULSES:
        kinds.append("impulses")
    if max(stripes.rows, stripes.columns) > STRIPED * sigma:
        kinds.append("striped")
    if max(sigma, coarse) <= faint:
        kinds.append("faint")
    elif not white:
        kinds.append("camera" if colour else "correlated")
    else:
        kinds.append("signal-dependent" if signal.depends else "white")
    return (*kinds, "jpeg") if jpeg else tuple(kinds)
