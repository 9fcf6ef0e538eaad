import io
import struct
import subprocess
import sys
import threading
import time
import tracemalloc
import zlib

import numpy as np
import pytest
import skimage
from PIL import Image as Pillow
from PIL.PngImagePlugin import PngInfo

from ruis import processor
from ruis.errors import CorruptImageError, ImageTooLargeError
from ruis.formats import Limits, encode, left_behind, read, read_bytes
from ruis.formats.png import PNG
from ruis.image import Image, ImageInfo, Metadata

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(name, content):
    return (
        struct.pack(">I", len(content))
        + name
        + content
        + struct.pack(">I", zlib.crc32(name + content))
    )


def png(columns, rows, depth, kind, lines, *extra):
    """A file made by hand, so that no library agrees with itself."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", columns, rows, depth, kind, 0, 0, 0))
    data = zlib.compress(b"".join(b"\0" + line for line in lines))
    return SIGNATURE + header + b"".join(extra) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def saved(image, **options):
    file = io.BytesIO()
    image.save(file, "PNG", **options)
    return file.getvalue()


def test_sixteen_bit_rgb_keeps_every_bit():
    line = struct.pack(">6H", 1, 256, 65535, 0x1234, 0, 40000)
    image = read_bytes(png(2, 1, 16, 2, [line]))
    assert image.pixels.dtype == np.uint16
    assert image.pixels.tolist() == [[[1, 256, 65535], [0x1234, 0, 40000]]]
    assert image.info.data_range == (0.0, 65535.0)


def test_sixteen_bit_rgb_is_written_big_endian():
    pixels = np.array([[[1, 2, 0x1234]]], np.uint16)
    content = encode(Image(pixels, ImageInfo(pixels.dtype, (0, 65535), "rgb")), "png", record="")
    start = content.index(b"IDAT") + 4
    assert zlib.decompress(content[start:-16])[1:] == b"\0\1\0\2\x12\x34"


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16"])
def test_files_of_pillow_are_read_as_pillow_reads_them(mode):
    rng = np.random.default_rng(1)
    channels = {"LA": 2, "RGB": 3, "RGBA": 4}.get(mode, 1)
    if mode == "I;16":
        array = rng.integers(0, 65536, (9, 11), dtype=np.uint16)
        original = Pillow.fromarray(array)
    else:
        array = rng.integers(0, 256, (9, 11, channels), dtype=np.uint8)
        original = Pillow.fromarray(array.squeeze(), mode)
    pixels = read_bytes(saved(original)).pixels
    np.testing.assert_array_equal(pixels, array.reshape(9, 11, channels))


def test_palette_becomes_rgb_and_says_so():
    palette = chunk(b"PLTE", bytes([255, 0, 0, 0, 255, 0, 0, 0, 255]))
    image = read_bytes(png(3, 1, 8, 3, [bytes([2, 0, 1])], palette))
    assert image.pixels.tolist() == [[[0, 0, 255], [255, 0, 0], [0, 255, 0]]]
    assert (image.info.colour, image.info.alpha) == ("rgb", False)
    assert "palette expanded to RGB" in image.info.notes


def test_palette_with_transparency_becomes_rgba():
    palette = chunk(b"PLTE", bytes([255, 0, 0, 0, 255, 0]))
    transparency = chunk(b"tRNS", bytes([7]))
    image = read_bytes(png(2, 1, 1, 3, [bytes([0b01000000])], palette, transparency))
    assert image.pixels.tolist() == [[[255, 0, 0, 7], [0, 255, 0, 255]]]
    assert image.info.alpha
    assert "palette expanded to RGBA" in image.info.notes


@pytest.mark.parametrize(
    ("depth", "line", "values"),
    [
        (1, [0b10100000], [255, 0, 255]),
        (2, [0b00011011], [0, 85, 170]),
        (4, [0x0F, 0x80], [0, 255, 136]),
    ],
)
def test_few_bits_of_gray_span_the_whole_range(depth, line, values):
    image = read_bytes(png(3, 1, depth, 0, [bytes(line)]))
    assert image.pixels[0, :, 0].tolist() == values
    assert f"{depth}-bit gray expanded to 8 bits" in image.info.notes


def test_a_transparent_gray_becomes_alpha():
    image = read_bytes(png(2, 1, 8, 0, [bytes([5, 9])], chunk(b"tRNS", b"\0\5")))
    assert image.pixels.tolist() == [[[5, 0], [9, 255]]]
    assert image.channels == 1
    assert image.info.alpha


def test_interlaced_files_are_read():
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 1, 8, 0, 0, 0, 1))
    first_and_sixth_pass = zlib.compress(bytes([0, 5, 0, 9]))
    content = SIGNATURE + header + chunk(b"IDAT", first_and_sixth_pass) + chunk(b"IEND", b"")
    assert read_bytes(content).pixels[0, :, 0].tolist() == [5, 9]


def test_gamma_changes_no_value():
    extra = chunk(b"gAMA", struct.pack(">I", 100000))
    assert read_bytes(png(2, 1, 8, 0, [bytes([5, 9])], extra)).pixels[0, :, 0].tolist() == [5, 9]


def test_transparent_pixels_keep_their_colour():
    pixels = np.array([[[10, 20, 30, 0]]], np.uint8)
    info = ImageInfo(pixels.dtype, (0, 255), "rgb", alpha=True)
    assert read_bytes(encode(Image(pixels, info), "png")).pixels.tolist() == pixels.tolist()


def test_texts_and_profile_written_by_pillow_are_found():
    info = PngInfo()
    info.add_text("Software", "GIMP 2.10", zip=True)
    info.add_itxt("Description", "Zürich – 東京", zip=True)
    info.add_itxt("XML:com.adobe.xmp", "<x/>")
    image = Pillow.fromarray(np.zeros((2, 2), np.uint8))
    content = saved(image, pnginfo=info, dpi=(300, 300), icc_profile=b"profile" * 30)
    metadata = read_bytes(content).info.metadata
    assert metadata.software == "GIMP 2.10"
    assert metadata.description == "Zürich – 東京"
    assert metadata.xmp == b"<x/>"
    assert metadata.icc == b"profile" * 30
    assert metadata.resolution == pytest.approx((300, 300), rel=1e-4)


def test_pillow_reads_the_metadata_that_is_written():
    pixels = np.zeros((2, 2, 3), np.uint16)
    metadata = Metadata(icc=b"p" * 200, resolution=(100, 200), description="東京", software="A")
    content = encode(
        Image(pixels, ImageInfo(pixels.dtype, (0, 65535), "rgb", metadata=metadata)), "png"
    )
    image = Pillow.open(io.BytesIO(content))
    image.load()
    assert image.info["icc_profile"] == b"p" * 200
    assert image.info["dpi"] == pytest.approx((100, 200), rel=1e-3)
    assert image.text["Description"] == "東京"
    assert image.text["Software"] == "A; ruis"


def test_a_bomb_is_refused_by_its_header_at_once():
    content = png(60_000, 60_000, 16, 6, [b""])
    read_bytes(png(1, 1, 8, 0, [b"\0"]))  # imports are not what is measured
    tracemalloc.start()
    before = time.perf_counter()
    with pytest.raises(ImageTooLargeError, match=r"bomb\.png: 60000x60000 pixels \(3600\.0 Mpx\)"):
        read_bytes(content, name="bomb.png")
    assert time.perf_counter() - before < 0.05
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


def test_a_bomb_within_the_limits_is_refused_before_it_is_unpacked():
    content = png(10_000, 10_000, 8, 2, [b"few"])
    read_bytes(png(1, 1, 8, 0, [b"\0"]))
    tracemalloc.start()
    with pytest.raises(CorruptImageError, match="cannot hold 10000x10000"):
        read_bytes(content)
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


def test_a_profile_that_unpacks_to_gigabytes_is_ignored(capfd):
    bomb = zlib.compress(bytes(2**27))
    extra = chunk(b"iCCP", b"x\0\0" + bomb), chunk(b"zTXt", b"Comment\0\0" + bomb)
    before = time.process_time()  # what others do meanwhile does not count
    image = read_bytes(png(1, 1, 8, 0, [b"\7"], *extra))
    assert time.process_time() - before < 2
    assert image.pixels.item() == 7
    assert image.info.metadata == Metadata()
    assert image.info.notes == ("broken iCCP chunk ignored", "broken zTXt chunk ignored")
    assert capfd.readouterr().err == ""  # libpng would have complained here


def test_a_damaged_pixel_is_refused():
    content = bytearray(png(64, 1, 8, 0, [bytes(range(64))]))
    content[content.index(b"IDAT") + 20] ^= 0xFF
    with pytest.raises(CorruptImageError, match=r"x\.png"):
        read_bytes(bytes(content), name="x.png")


def test_a_missing_end_mark_is_refused():
    with pytest.raises(CorruptImageError, match="end mark"):
        read_bytes(png(2, 1, 8, 0, [bytes([5, 9])])[:-12])


def test_a_real_photograph(tmp_path):
    path = f"{skimage.__path__[0]}/data/astronaut.png"
    with Pillow.open(path) as expected:
        np.testing.assert_array_equal(read(path).pixels, np.asarray(expected))


@pytest.mark.parametrize("layout", ["gray", "gray+alpha", "rgb", "rgb+alpha"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_a_large_image_is_compressed_in_strips_that_everybody_reads(monkeypatch, layout, dtype):
    colour, _, alpha = layout.partition("+")
    rng, channels = np.random.default_rng(3), {"gray": 1, "rgb": 3}[colour] + bool(alpha)
    smooth = np.linspace(0, 60000, 83 * 57).reshape(83, 57, 1) + rng.normal(
        0, 300, (83, 57, channels)
    )
    pixels = (smooth.clip(0, 65535) / (257 if dtype == "uint8" else 1)).astype(dtype)
    pixels[40:60] = rng.integers(0, 1 << 8 * pixels.itemsize, pixels[40:60].shape, dtype)
    image = Image(pixels, ImageInfo(pixels.dtype, (0, 1), colour, alpha=bool(alpha)))
    small = encode(image, "png")
    monkeypatch.setattr("ruis.formats.png.LARGE", 0)
    for strip, band in [
        (1 << 20, 1 << 16),
        (1000, 300),
        (1, 1),
    ]:  # one strip; some; each row by itself
        monkeypatch.setattr("ruis.formats.png.strips.STRIP", strip)
        monkeypatch.setattr("ruis.formats.png.strips.BAND", band)
        content = encode(image, "png")
        assert content[:33] == small[:33]
        strips = -(-83 // max(1, strip // pixels[0].nbytes))
        assert content.count(b"IDAT") == strips
        np.testing.assert_array_equal(read_bytes(content).pixels, pixels)
        if not (dtype == "uint16" and channels > 1):  # of which Pillow reads 8 bits
            shown = np.asarray(Pillow.open(io.BytesIO(content)))
            np.testing.assert_array_equal(shown, pixels.squeeze())


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 9000, 3), (9000, 1, 1), (700, 3000, 1)])
def test_strips_of_any_shape(monkeypatch, shape):
    if shape[0] * shape[1] < 2**21:
        monkeypatch.setattr("ruis.formats.png.LARGE", 0)
    pixels = np.random.default_rng(5).integers(0, 256, shape, np.uint8)
    image = Image(pixels, ImageInfo(pixels.dtype, (0, 255), "rgb" if shape[2] == 3 else "gray"))
    content = encode(image, "png")
    np.testing.assert_array_equal(read_bytes(content).pixels, pixels)
    with processor.shared(1):  # by one processor, the same file
        assert encode(image, "png") == content


def test_who_compresses_stops_where_it_cannot_be_written():
    class Full(io.BytesIO):
        def writelines(self, parts):
            next(iter(parts))
            raise OSError(28, "No space left on device")

    pixels = np.random.default_rng(6).integers(0, 256, (4000, 4000, 1), np.uint8)
    image, before = Image(pixels, ImageInfo(pixels.dtype, (0, 255))), threading.active_count()
    with pytest.raises(OSError, match="No space left") as failed:
        PNG().encode(image, Full())
    assert threading.active_count() == before, failed


def test_a_large_file_is_also_written_where_no_thread_can_begin(tmp_path):
    """As at the end of Python, when it waits for threads that still write."""
    script = (
        "import threading, time, numpy as np, ruis, sys\n"
        "from ruis.image import Image, ImageInfo\n"
        "image = Image(np.zeros((2000, 2000, 1), np.uint8), ImageInfo(np.dtype('uint8'), (0, 255)))\n"
        "def late():\n"
        "    threading.main_thread().join()\n"
        "    time.sleep(0.1)\n"
        "    ruis.write(image, sys.argv[1])\n"
        "threading.Thread(target=late).start()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "late.png")], capture_output=True, check=True
    )
    assert done.stderr == b""
    assert read(tmp_path / "late.png").pixels.shape == (2000, 2000, 1)


def test_the_filter_of_strips_is_libpngs():
    """Byte by byte: what libpng compresses with Paeth's filter in all rows."""
    from imagecodecs import png_encode

    from ruis.formats.png.strips import compressed

    pixels = np.random.default_rng(4).integers(0, 256, (70, 90, 3), np.uint8)
    content, at, by_libpng = png_encode(pixels, filter=128), len(SIGNATURE), b""
    while at < len(content):
        length = int.from_bytes(content[at : at + 4], "big")
        by_libpng += (
            content[at + 8 : at + 8 + length] if content[at + 4 :].startswith(b"IDAT") else b""
        )
        at += length + 12
    ours = b"".join(compressed(pixels, 1, zlib.Z_RLE))
    assert zlib.decompress(ours) == zlib.decompress(by_libpng)


def test_zero_columns_are_refused():
    with pytest.raises(CorruptImageError, match="empty"):
        read_bytes(png(0, 1, 8, 0, [b""]), limits=Limits())


TITLE = (b"tEXt", b"Title\0A boat")
AUTHOR = (b"iTXt", "Author\0\0\0nl\0\0Zo\u00eb".encode())
GAMMA = (b"gAMA", struct.pack(">I", 45455))


def with_texts(*more):
    return read_bytes(
        png(2, 1, 8, 0, [b"\1\2"], *(chunk(*one) for one in (GAMMA, TITLE, AUTHOR, *more)))
    )


def test_texts_that_nobody_reads_and_gamma_are_carried_over():
    content = encode(with_texts(), "png")
    for one in (GAMMA, TITLE, AUTHOR):
        assert chunk(*one) in content
    assert content.index(b"gAMA") < content.index(b"IDAT")
    assert Pillow.open(io.BytesIO(content)).text["Author"] == "Zo\u00eb"
    again = encode(read_bytes(content), "png")
    assert again == content, "nothing is written twice"
    left = encode(with_texts(), "png", strip_metadata=True)
    assert chunk(*GAMMA) in left
    assert b"Title" not in left and b"Author" not in left  # noqa: PT018


def test_which_colours_are_meant_is_carried_over():
    wide = (b"cICP", bytes((9, 16, 0, 1)))  # BT.2020, PQ
    content = encode(with_texts(wide), "png", strip_metadata=True)
    assert chunk(*wide) in content
    assert content.index(b"cICP") < content.index(b"IDAT")


def test_a_comment_beside_a_description_is_another_text():
    description, comment = (b"tEXt", b"Description\0d"), (b"tEXt", b"Comment\0c")
    both = with_texts(description, comment)
    assert both.info.metadata.description == "d"
    assert encode(both, "png").count(chunk(*comment)) == 1
    alone = encode(with_texts(comment), "png")
    assert chunk(*description[:1], b"Description\0c") in alone
    assert chunk(*comment) not in alone


def test_other_formats_are_told_of_texts_and_not_of_gamma():
    assert left_behind(with_texts(), "a.jpg") == (
        "texts of PNG (title, author, ...) are not kept in JPEG",
    )
    assert left_behind(read_bytes(png(2, 1, 8, 0, [b"\1\2"], chunk(*GAMMA))), "a.jpg") == ()


def test_texts_of_megabytes_are_left_out_and_that_is_said():
    image = with_texts((b"tEXt", b"Novel\0" + b"x" * 2**21))
    assert "texts of more than a megabyte are left out" in image.info.notes
    content = encode(image, "png")
    assert chunk(*TITLE) in content
    assert b"Novel" not in content
