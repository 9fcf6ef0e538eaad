"""Each kind of image goes through the command with a shipped model, and comes out right."""

import io

import numpy as np
import pytest
import tifffile
from PIL import Image as Picture
from PIL import ImageCms, ImageOps
from typer.testing import CliRunner

import ruis
from ruis.cli import app

ORIENTATION, MAKE, SOFTWARE = 0x0112, 0x010F, 0x0131


def noisy(rows, columns, channels, sigma=0.08, seed=0):
    """A soft picture with noise, as fractions of the range."""
    rng = np.random.default_rng(seed)
    wave = 0.5 + 0.25 * np.sin(np.add.outer(np.arange(rows) / 9, np.arange(columns) / 14))
    tint = np.linspace(0.8, 1.1, channels)
    clean = wave[..., None] * tint
    return clean, np.clip(clean + rng.normal(0, sigma, clean.shape), 0, 1)


def denoise(source, target, *options):
    done = CliRunner().invoke(app, ["denoise", str(source), "-o", str(target), *options])
    assert done.exit_code == 0, done.output
    return done


def pixels_of(path):
    with Picture.open(path) as picture:
        return np.asarray(picture)


def closer(clean, before, after, factor=0.6):
    """After is much closer to clean than before."""
    assert np.abs(after - clean).mean() < factor * np.abs(before - clean).mean()


def test_a_16_bit_rgb_tiff_keeps_its_16_bits(tmp_path):
    clean, pixels = noisy(90, 130, 3)
    stored = np.rint(pixels * 65535).astype(np.uint16)
    description = "a slide, scanned"
    tifffile.imwrite(
        tmp_path / "in.tif", stored, photometric="rgb", description=description,
        resolution=(300, 300), resolutionunit=2,
    )  # fmt: skip
    denoise(tmp_path / "in.tif", tmp_path / "out.tif")
    with tifffile.TiffFile(tmp_path / "out.tif") as file:
        page = file.pages[0]
        result = page.asarray()
        assert description in page.description
        assert page.tags["XResolution"].value[0] / page.tags["XResolution"].value[1] == 300
        assert "ruis" in page.tags["Software"].value
    assert (result.dtype, result.shape) == (np.uint16, stored.shape)
    assert len(np.unique(result)) > 1000, "no banding: 8 bits would leave 256 values"
    closer(clean, stored / 65535, result / 65535)


def test_a_palette_png_comes_out_in_colour(tmp_path):
    _, pixels = noisy(60, 80, 3)
    picture = Picture.fromarray(np.rint(pixels * 255).astype(np.uint8)).quantize(64)
    picture.save(tmp_path / "in.png")
    denoise(tmp_path / "in.png", tmp_path / "out.png")
    with Picture.open(tmp_path / "out.png") as result:
        assert (result.mode, result.size) == ("RGB", picture.size)
        difference = np.asarray(result, float) - np.asarray(picture.convert("RGB"), float)
    assert np.abs(difference.mean(axis=(0, 1))).max() < 2, "no colour shift"


def test_alpha_passes_through_untouched(tmp_path):
    clean, pixels = noisy(60, 80, 3)
    alpha = np.random.default_rng(1).integers(0, 256, (60, 80, 1), np.uint8)
    stored = np.concatenate([np.rint(pixels * 255).astype(np.uint8), alpha], axis=2)
    Picture.fromarray(stored).save(tmp_path / "in.png")
    denoise(tmp_path / "in.png", tmp_path / "out.png")
    result = pixels_of(tmp_path / "out.png")
    assert np.array_equal(result[..., 3:], alpha)
    closer(clean, pixels, result[..., :3] / 255)


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_a_turned_jpeg_with_exif_and_icc_looks_the_same_way_up(orientation, tmp_path):
    _, pixels = noisy(96, 64, 3, sigma=0.05)
    exif = Picture.Exif()
    exif[ORIENTATION], exif[MAKE] = orientation, "Maker"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = Picture.fromarray(np.rint(pixels * 255).astype(np.uint8))
    picture.save(tmp_path / "in.jpg", quality=95, exif=exif, icc_profile=profile)
    denoise(tmp_path / "in.jpg", tmp_path / "out.jpg")
    with Picture.open(tmp_path / "in.jpg") as given:
        before = ImageOps.exif_transpose(given)
    with Picture.open(tmp_path / "out.jpg") as result:
        after = ImageOps.exif_transpose(result)
        assert result.info["icc_profile"] == profile
        assert result.getexif()[MAKE] == "Maker"
        assert "ruis" in result.getexif()[SOFTWARE]
    assert after.size == before.size
    difference = np.asarray(after, float) - np.asarray(before, float)
    assert np.abs(difference).mean() < 20, "turned wrongly it would be 40 and more"


def test_stripping_takes_exif_and_leaves_the_profile(tmp_path):
    exif = Picture.Exif()
    exif[MAKE] = "Maker"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Picture.new("RGB", (40, 30), "gray").save(tmp_path / "in.jpg", exif=exif, icc_profile=profile)
    denoise(tmp_path / "in.jpg", tmp_path / "out.jpg", "--strip-metadata")
    with Picture.open(tmp_path / "out.jpg") as result:
        assert not result.getexif()
        assert result.info["icc_profile"] == profile


def test_a_float_tiff_keeps_values_above_1(tmp_path):
    clean, pixels = noisy(64, 96, 1, sigma=0.05)
    stored = (4 * pixels[..., 0]).astype(np.float32)  # a bright scene: up to 4
    tifffile.imwrite(tmp_path / "in.tif", stored)
    denoise(tmp_path / "in.tif", tmp_path / "out.tif")
    result = tifffile.imread(tmp_path / "out.tif")
    assert (result.dtype, result.shape) == (np.float32, stored.shape)
    assert result.max() > 2
    closer(4 * clean[..., 0], stored, result)


@pytest.mark.parametrize("shape", [(1, 1), (3, 5000), (1, 3000), (5000, 3), (2, 2), (65, 1)])
@pytest.mark.parametrize("channels", [1, 3])
def test_any_size_comes_out_in_the_same_size(shape, channels, tmp_path):
    _, pixels = noisy(*shape, channels)
    stored = np.rint(pixels * 255).astype(np.uint8)
    Picture.fromarray(stored[..., 0] if channels == 1 else stored).save(tmp_path / "in.png")
    denoise(tmp_path / "in.png", tmp_path / "out.png")
    result = pixels_of(tmp_path / "out.png")
    assert result.shape[:2] == shape
    array = stored[..., 0] if channels == 1 else stored
    assert np.array_equal(result, ruis.denoise(array)), "the same as from Python"
    if max(shape) > 1000:
        assert result.std() < stored.std(), "noise went"


def test_a_1_bit_and_a_cmyk_image_come_out_right(tmp_path):
    _, pixels = noisy(60, 80, 4)
    stored = np.rint(pixels * 255).astype(np.uint8)
    Picture.fromarray(stored, "CMYK").save(tmp_path / "in.jpg", quality=95)
    denoise(tmp_path / "in.jpg", tmp_path / "out.jpg")
    with Picture.open(tmp_path / "out.jpg") as result, Picture.open(tmp_path / "in.jpg") as given:
        assert result.mode == "CMYK"
        assert abs(np.asarray(result, float).mean() - np.asarray(given, float).mean()) < 3
    Picture.fromarray(stored[..., 0] > 127).save(tmp_path / "bits.png")
    denoise(tmp_path / "bits.png", tmp_path / "bits.out.png")
    with Picture.open(tmp_path / "bits.out.png") as result:
        assert result.mode == "L"


def test_five_channels_say_that_they_are_denoised_one_by_one(tmp_path):
    image, _ = noisy(40, 50, 5)
    tifffile.imwrite(
        tmp_path / "in.tif",
        image.astype(np.float32),
        photometric="minisblack",
        planarconfig="contig",
    )
    done = denoise(tmp_path / "in.tif", tmp_path / "out.tif")
    assert "5 channels, denoised one by one with 'gray'" in done.output
    assert tifffile.imread(tmp_path / "out.tif").shape == image.shape


def test_a_faint_16_bit_image_is_not_harmed_by_bfloat16():
    """Sigma 0.002 is half a step of 8 bits: bfloat16 alone would add as much rounding again."""
    rng = np.random.default_rng(0)
    clean = 0.7 + 0.1 * np.sin(np.add.outer(np.arange(192) / 20, np.arange(192) / 30))
    stored = np.rint((clean + rng.normal(0, 0.002, clean.shape)) * 65535).astype(np.uint16)
    errors = {
        precision: np.square(ruis.load("gray", precision=precision).denoise(stored) / 65535 - clean)
        for precision in ("auto", "f32")
    }
    assert 10 * np.log10(errors["auto"].mean() / errors["f32"].mean()) < 0.02


def test_the_bytes_of_a_broken_file_leave_nothing_behind(tmp_path):
    good = io.BytesIO()
    Picture.new("L", (64, 64)).save(good, "PNG")
    (tmp_path / "in.png").write_bytes(good.getvalue()[:60])
    done = CliRunner().invoke(app, ["denoise", str(tmp_path / "in.png")])
    assert done.exit_code == 3
    assert "in.png" in done.output
    assert [path.name for path in tmp_path.iterdir()] == ["in.png"]
