"""GIF: the first frame, read only."""

from __future__ import annotations

import struct
import warnings
from typing import ClassVar

from ruis.errors import CorruptImageError
from ruis.formats.base import Decoded, Format, Header, Source
from ruis.image import Colour, Metadata

__all__ = ["GIF"]


class GIF(Format):
    """The first frame of a GIF, read with Pillow and expanded from its palette.

    It is not written: 256 colours would bring noise of their own.
    """

    name: ClassVar[str] = "gif"
    title: ClassVar[str] = "GIF"
    suffixes: ClassVar[tuple[str, ...]] = (".gif",)
    media_type: ClassVar[str] = "image/gif"

    def recognises(self, start: bytes) -> bool:
        """Whether it is GIF87a or GIF89a."""
        return start[:6] in {b"GIF87a", b"GIF89a"}

    def header(self, source: Source, channel_axis: int | None = None) -> Header:
        """Read the size of the screen; the frame's mode is known when it is decoded."""
        if len(source.start) < 13:
            raise CorruptImageError("the file ends within its header.")
        columns, rows = struct.unpack("<HH", source.start[6:10])
        return Header(self.name, rows, columns, 4, "uint8", "rgb", alpha=True)

    def decode(self, source: Source, header: Header, channel_axis: int | None = None) -> Decoded:
        """Decode the first frame."""
        import numpy as np
        from PIL.GifImagePlugin import GifImageFile

        source.file.seek(0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's size warning: our limit was checked
            frame = GifImageFile(source.file)
            if frame.size != (header.columns, header.rows):
                raise CorruptImageError(f"the first frame of {frame.size} exceeds the screen.")
            frame.load()
        comment = frame.info.get("comment", b"")
        alpha = "transparency" in frame.info
        mode = "RGBA" if alpha else "L" if frame.mode in {"1", "L"} else "RGB"
        notes = (f"palette expanded to {mode}",)
        pixels = np.array(frame.convert(mode)).reshape(header.rows, header.columns, -1)
        animated = bool(getattr(frame, "is_animated", False))
        metadata = Metadata(description=comment.decode("utf-8", "replace") or None)
        colour: Colour = "gray" if mode == "L" else "rgb"
        return Decoded(pixels, colour, alpha, metadata=metadata, notes=notes, animated=animated)
