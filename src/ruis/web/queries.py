"""What may stand behind the question mark, per route; anything else is refused, not overlooked."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ruis.web.denoising import Wish

__all__ = ["DenoiseQuery", "NoQuery", "PreviewQuery"]

NUMBER = r"(0(\.[0-9]{1,9})?|1(\.0{1,9})?|\.[0-9]{1,9})"
OF_255 = r"((25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])(\.[0-9]{1,9})?/255)"
SIGMA = f"^(auto|{NUMBER}|{OF_255})$"


class NoQuery(BaseModel):
    """Nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DenoiseQuery(NoQuery):
    """How an image shall be denoised."""

    model: Annotated[
        str,
        Field(
            max_length=100,
            description="auto: by the image's channels and noise; fast: the same, with small "
            "networks; medium: with one between, but for photographs; or a name from /v1/models.",
            examples=["auto"],
        ),
    ] = "auto"
    sigma: Annotated[
        str,
        Field(
            pattern=SIGMA,
            description="The noise's standard deviation, as a fraction of the data range: auto, "
            "0.1 or 25/255.",
            examples=["25/255"],
        ),
    ] = "auto"
    strength: Annotated[
        float,
        Field(
            ge=0,
            le=1,
            allow_inf_nan=False,
            description="How much of the noise goes: 0 nothing, 1 all.",
        ),
    ] = 1.0
    format: Annotated[
        Literal["same", "png", "jpeg", "tiff", "webp", "bmp", "pnm", "npy"],
        Field(description="What the answer is written as."),
    ] = "same"
    metadata: Annotated[
        Literal["strip", "keep"],
        Field(description="Whether EXIF, GPS and texts stay in the image."),
    ] = "strip"

    @property
    def wish(self) -> Wish:
        """What is asked of the image."""
        above, slash, below = self.sigma.partition("/")
        sigma = None if self.sigma == "auto" else float(above) / (float(below) if slash else 1.0)
        keep = self.metadata == "keep"
        return Wish(self.model, sigma, self.strength, self.format, keep)


class PreviewQuery(NoQuery):
    """How a preview shall be made."""

    side: Annotated[
        int, Field(ge=16, le=8192, description="The longest side of the preview, in pixels.")
    ] = 4096
    black: Annotated[
        float | None,
        Field(allow_inf_nan=False, description="The value that is black, if the file's is not."),
    ] = None
    white: Annotated[
        float | None,
        Field(allow_inf_nan=False, description="The value that is white, if the file's is not."),
    ] = None
