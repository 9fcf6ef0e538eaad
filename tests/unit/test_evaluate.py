from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile

from ruis import formats, noise
from ruis.denoiser import Denoiser
from ruis.errors import ChannelMismatchError, ConfigError, EmptyDatasetError
from ruis.evaluate import evaluate, noisy_pairs, real_pairs
from ruis.image import Image, ImageInfo


def write(path, pixels) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    colour = "rgb" if pixels.shape[2] == 3 else "gray"
    top = np.iinfo(pixels.dtype).max
    formats.write(Image(pixels, ImageInfo(pixels.dtype, (0, top), colour=colour)), path)


def picture(seed: int, channels: int = 1, dtype=np.uint8) -> np.ndarray:
    unit = np.random.default_rng(seed).uniform(0.3, 0.7, (40, 48, channels))
    return np.rint(unit * np.iinfo(dtype).max).astype(dtype)


@pytest.fixture
def nothing(small_model) -> Denoiser:
    return Denoiser(small_model(gain=0), precision="f32")


@pytest.fixture
def folder(tmp_path):
    for seed, name in enumerate(("b.png", "a.png")):
        write(tmp_path / "clean" / name, picture(seed))
    return tmp_path


def psnr_of(difference: np.ndarray) -> float:
    return float(-10 * np.log10(np.mean(difference.astype(np.float64) ** 2)))


def test_a_denoiser_that_does_nothing_scores_what_the_noise_is(nothing, folder):
    model = noise.parse("gaussian:0.05")
    result = evaluate(nothing, noisy_pairs(folder / "clean", model, 1, seed=7), seed=7)
    assert [scored.name for scored in result.images] == ["a.png", "b.png"]
    for place, (scored, seed) in enumerate(zip(result.images, (1, 0), strict=True)):
        clean = picture(seed) / np.float32(255)
        noisy = model.add(clean, np.random.default_rng([7, place]))
        rounded = np.rint(np.clip(noisy, 0, 1) * 255) / 255
        assert scored.noisy_psnr == pytest.approx(psnr_of(noisy - clean), abs=1e-3)
        assert scored.psnr == pytest.approx(psnr_of(rounded - clean), abs=1e-3)
        assert 0 < scored.ssim < 1
    assert result.mean["psnr"] == pytest.approx(np.mean([s.psnr for s in result.images]))
    assert result.megapixels == pytest.approx(2 * 40 * 48 / 1e6)


def test_each_image_has_noise_of_its_own_and_a_seed_repeats_it(nothing, folder):
    model = noise.parse("gaussian:0.05")

    def noisy(seed: int) -> list[np.ndarray]:
        pairs = noisy_pairs(folder / "clean", model, 1, seed=seed)
        return [(made := make()).noisy.pixels - made.clean for make in pairs]

    first, again, other = noisy(1), noisy(1), noisy(2)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.allclose(first[0], other[0])
    assert not np.allclose(first[0], first[1])


def test_noise_is_neither_clipped_nor_rounded(folder):
    (pair, _) = (make() for make in noisy_pairs(folder / "clean", noise.parse("gaussian:1"), 1))
    assert pair.noisy.pixels.min() < 0
    assert pair.noisy.pixels.max() > 1


def twelve_bits(folder) -> None:
    """The same image in the lowest 12 of 16 bits: white is 4095."""
    write(folder / "clean" / "twelve.png", picture(0, dtype=np.uint16) // 16)


def test_twelve_bits_in_sixteen_are_told_of(nothing, folder, tmp_path):
    model = noise.parse("gaussian:0.05")
    twelve_bits(tmp_path / "dark")
    found = evaluate(nothing, noisy_pairs(tmp_path / "dark" / "clean", model, 1))
    assert found.range_used == (0, pytest.approx(0.7 * 4095, rel=0.02))
    assert found.to_json_form()["range_used"] == found.range_used
    twelve_bits(folder)  # beside others that use their range
    assert evaluate(nothing, noisy_pairs(folder / "clean", model, 1)).range_used is None


def test_noise_and_psnr_are_counted_by_the_range_that_is_given(nothing, tmp_path):
    twelve_bits(tmp_path)
    model = noise.parse("gaussian:0.05")
    (make,) = noisy_pairs(tmp_path / "clean", model, 1, data_range=(0, 4095))
    pair = make()
    assert 0.29 < pair.clean.min() < pair.clean.max() < 0.71
    result = evaluate(nothing, [make])
    assert result.range_used is None
    assert result.images[0].noisy_psnr == pytest.approx(-20 * np.log10(0.05), abs=0.3)
    # Rounded to what the file holds, 1/4095, not to 1/255: as good as the noise itself.
    assert result.images[0].psnr == pytest.approx(result.images[0].noisy_psnr, abs=2e-4)

    write(
        tmp_path / "noisy" / "twelve.png", picture(0, dtype=np.uint16) // 16 + 41
    )  # a hundredth more
    pairs = real_pairs(tmp_path / "noisy", tmp_path / "clean", 1, data_range=(0, 4095))
    assert evaluate(nothing, pairs).images[0].psnr == pytest.approx(40, abs=0.1)


def test_colour_is_judged_as_gray_by_a_gray_model(nothing, tmp_path):
    write(tmp_path / "clean" / "a.png", picture(0, channels=3))
    pairs = noisy_pairs(tmp_path / "clean", noise.parse("gaussian:0.05"), 1)
    assert pairs[0]().clean.shape == (40, 48, 1)
    (note,) = evaluate(nothing, pairs).notes
    assert note.startswith("colour images were turned gray")


def test_gray_is_judged_in_colour_by_a_colour_model(tmp_path):
    for folder in ("clean", "noisy"):
        write(tmp_path / folder / "a.png", picture(0))
    for pairs in (
        noisy_pairs(tmp_path / "clean", noise.parse("gaussian:0.05"), 3),
        real_pairs(tmp_path / "noisy", tmp_path / "clean", 3),
    ):
        pair = pairs[0]()
        assert pair.clean.shape == (40, 48, 3)
        assert pair.notes == (
            "gray images were made 3 equal channels, for the model takes colours",
        )


def test_real_pairs_are_matched_and_compared(nothing, tmp_path):
    clean = picture(0, dtype=np.uint16)
    noisy = clean + np.uint16(655)  # 1 % brighter
    write(tmp_path / "clean" / "a.png", clean)
    write(tmp_path / "noisy" / "a.tif", noisy)
    result = evaluate(nothing, real_pairs(tmp_path / "noisy", tmp_path / "clean", 1))
    (scored,) = result.images
    assert scored.noisy_psnr == pytest.approx(40.0, abs=0.02)
    assert scored.psnr == pytest.approx(scored.noisy_psnr, abs=1e-3), "16 bits stay 16 bits"
    assert result.noise == "pairs"
    assert result.seed is None


def test_a_pair_of_fits_files_is_judged_in_one_range(nothing, tmp_path):
    """White is the power of two above the pixels, which noise moves: here from 1024 to 2048."""
    sky = np.random.default_rng(0).uniform(900, 1010, (40, 48, 1)).astype(np.float32)
    noisy = sky + np.random.default_rng(1).normal(0, 40, sky.shape).astype(np.float32)
    for name, pixels in (("clean", sky), ("noisy", noisy)):
        (tmp_path / name).mkdir()
        formats.write(Image(pixels, ImageInfo(pixels.dtype, (0, 1))), tmp_path / name / "a.fits")
    ranges = {formats.read(tmp_path / n / "a.fits").info.data_range for n in ("clean", "noisy")}
    assert ranges == {(0, 1024), (0, 2048)}
    result = evaluate(nothing, real_pairs(tmp_path / "noisy", tmp_path / "clean", 1))
    (scored,) = result.images
    assert scored.noisy_psnr == pytest.approx(psnr_of((noisy - sky) / 1024), abs=0.01)


def test_pairs_of_different_sizes_are_refused(nothing, tmp_path):
    write(tmp_path / "clean" / "a.png", picture(0))
    write(tmp_path / "noisy" / "a.png", picture(0)[:-1])
    with pytest.raises(EmptyDatasetError, match="no pair"):
        evaluate(nothing, real_pairs(tmp_path / "noisy", tmp_path / "clean", 1))


def test_without_images_there_is_nothing_to_judge(tmp_path):
    with pytest.raises(EmptyDatasetError):
        noisy_pairs(tmp_path, noise.parse("gaussian:0.1"), 1)


def test_channels_that_do_not_fit_are_refused(nothing, tmp_path, small_model):
    write(tmp_path / "clean" / "a.png", picture(0))
    pairs = noisy_pairs(tmp_path / "clean", noise.parse("gaussian:0.1"), 1)
    with pytest.raises((ChannelMismatchError, ConfigError)):
        evaluate(Denoiser(small_model(channels=3)), pairs)


def test_sigma_and_strength_reach_the_denoiser(small_model, folder):
    denoiser = Denoiser(small_model(), precision="f32")
    pairs = noisy_pairs(folder / "clean", noise.parse("gaussian:0.05"), 1)
    blind, told, none = (
        evaluate(denoiser, pairs, **settings).mean["psnr"]
        for settings in ({}, {"sigma": 0.5}, {"strength": 0.0})
    )
    assert len({blind, told, none}) == 3


def test_what_was_told_and_what_came_of_it_is_kept(small_model, folder):
    pairs = noisy_pairs(folder / "clean", noise.parse("gaussian:0.05"), 1)
    blind = Denoiser(small_model(sigma_channel=False), precision="f32")
    found = evaluate(blind, pairs, sigma=0.5, strength=0.5)
    assert (found.sigma, found.strength) == (0.5, 0.5)
    assert found.notes == ("the model 'small' is blind: sigma was not used",)  # of two images, once
    assert not evaluate(blind, pairs).notes
    assert not evaluate(blind, pairs, sigma=0.0).notes  # it was: nothing was removed


def test_the_document_is_what_scripts_rely_on(nothing, folder):
    told = []
    pairs = noisy_pairs(folder / "clean", noise.parse("gaussian:0.05"), 1, seed=3)
    result = evaluate(
        nothing, pairs, noise="gaussian", seed=3, progress=lambda *args: told.append(args)
    )
    document = json.loads(json.dumps(result.to_json_form()))
    assert list(document) == [
        "model", "noise", "seed", "mean", "images", "seconds", "megapixels_per_second", "range_used",
        "sigma", "strength", "notes",
    ]  # fmt: skip
    assert set(document["mean"]) == {"psnr", "ssim", "noisy_psnr"}
    assert set(document["images"][0]) == {"name", "psnr", "ssim", "noisy_psnr"}
    assert (document["model"], document["noise"], document["seed"]) == ("small", "gaussian", 3)
    assert told == [(1, 2), (2, 2)]


def stack(path, count: int, seed: int = 0) -> np.ndarray:
    path.parent.mkdir(parents=True, exist_ok=True)
    pages = np.stack([picture(seed + page)[..., 0] for page in range(count)])
    if path.suffix == ".npy":
        np.save(path, pages)
    else:
        tifffile.imwrite(path, pages, photometric="minisblack", metadata={"axes": "ZYX"})
    return pages


def test_the_pictures_of_a_stack_count_one_by_one(nothing, tmp_path):
    pages = stack(tmp_path / "clean" / "b.tif", 3)
    write(tmp_path / "clean" / "a.png", picture(9))
    pairs = noisy_pairs(tmp_path / "clean", noise.parse("gaussian:0.1"), 1, seed=4)
    made = [make() for make in pairs]
    assert [one.name for one in made] == ["a.png", "b.tif[0]", "b.tif[1]", "b.tif[2]"]
    for place, one in enumerate(made[1:], start=1):
        assert np.array_equal(np.rint(one.clean[..., 0] * 255), pages[place - 1])
        alone = noise.parse("gaussian:0.1").add(one.clean, np.random.default_rng([4, place]))
        assert np.array_equal(one.noisy.pixels, alone)
    assert [one.name for one in evaluate(nothing, pairs).images] == [one.name for one in made]


@pytest.mark.parametrize(("suffix", "axes"), [(".tif", None), (".npy", "ZYX")])
def test_two_stacks_are_pairs_in_their_order(nothing, tmp_path, suffix, axes):
    clean = stack(tmp_path / "clean" / f"a{suffix}", 3)
    noisy = stack(tmp_path / "noisy" / f"a{suffix}", 3, seed=7)
    pairs = real_pairs(tmp_path / "noisy", tmp_path / "clean", 1, axes=axes)
    scored = evaluate(nothing, pairs).images
    assert [one.name for one in scored] == [f"a{suffix}[{place}]" for place in range(3)]
    for one, first, second in zip(scored, clean, noisy, strict=True):
        assert one.psnr == pytest.approx(psnr_of(first / 255 - second / 255), abs=1e-3)


def test_stacks_of_different_depths_are_no_pair(tmp_path):
    stack(tmp_path / "clean" / "a.tif", 3)
    stack(tmp_path / "noisy" / "a.tif", 2)
    with pytest.raises(EmptyDatasetError, match=r"they hold 3 and 2 pictures"):
        real_pairs(tmp_path / "noisy", tmp_path / "clean", 1)
