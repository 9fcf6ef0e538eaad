"""Each step of the camera, and what its noise looks like in the end."""

from __future__ import annotations

import numpy as np
import pytest

from ruis.noise import parse
from ruis.noise.camera import steps
from ruis.noise.camera.demosaic import demosaic_bilinear, demosaic_malvar, mosaic
from ruis.resample import resized

UP = np.linspace(0, 1, 1001, dtype=np.float32)


def noise_of(spec: str, clean: np.ndarray, seed: int = 0) -> np.ndarray:
    return parse(spec).add(clean, np.random.default_rng(seed)) - clean


def flat(level: float, channels: int = 3, size: int = 128) -> np.ndarray:
    return np.full((size, size, channels), level, np.float32)


def test_the_tone_curve_is_that_of_srgb_and_undoes_itself():
    known = {0.0: 0.0, 0.04045: 0.0031308, 0.5: 0.2140411, 1.0: 1.0}
    for display, light in known.items():
        assert steps.srgb_to_linear(np.float32([display])) == pytest.approx(light, abs=1e-5)
    assert np.allclose(steps.linear_to_srgb(steps.srgb_to_linear(UP)), UP, atol=1e-6)
    assert (np.diff(steps.srgb_to_linear(UP)) > 0).all()


@pytest.mark.parametrize("cameras", [(1, 0, 0, 0), (0, 0, 0, 2), (0.1, 0.7, 0.3, 1)])
def test_white_is_white_to_every_sensor_and_colours_come_back(cameras):
    matrix = steps.colour_matrix(cameras)
    assert np.allclose(matrix @ np.ones(3), 1)
    assert (np.argmax(matrix, axis=1) == [0, 1, 2]).all()  # red is most of what red sees
    measured = steps.sensor_matrix(cameras, red=2.2, blue=1.7)
    assert np.allclose(measured @ np.ones(3), [1 / 2.2, 1, 1 / 1.7])
    colours = np.random.default_rng(0).random((50, 3), np.float32)
    balanced = (colours @ measured.T) * np.float32([2.2, 1, 1.7])
    assert np.allclose(balanced, colours @ matrix.T, atol=1e-5)
    assert np.allclose(balanced @ np.linalg.inv(matrix).T, colours, atol=1e-5)


def test_read_noise_follows_its_line():
    rng = np.random.default_rng(0)
    for gain in (1e-4, 1e-2):
        logs = [2 * np.log(steps.read_sigma_for(gain, rng)) for _ in range(2000)]
        assert np.mean(logs) == pytest.approx(2.18 * np.log(gain) + 1.2, abs=0.03)
        assert np.std(logs) == pytest.approx(0.26, abs=0.02)


def test_the_mosaic_is_red_green_green_blue():
    pixels = np.random.default_rng(0).random((6, 8, 3), np.float32)
    raw = mosaic(pixels)
    for row, column, channel in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 2)):
        cell = np.s_[row::2, column::2]
        assert np.array_equal(raw[cell], pixels[cell][..., channel])


@pytest.mark.parametrize("demosaic", [demosaic_bilinear, demosaic_malvar])
@pytest.mark.parametrize("shape", [(8, 8), (7, 9), (8, 5), (3, 2, 6, 7)])
def test_demosaicing_keeps_what_was_measured_and_is_linear(demosaic, shape):
    rng = np.random.default_rng(0)
    first, second = rng.random((2, *shape), np.float32)
    assert np.array_equal(mosaic(demosaic(first)), first)
    summed = demosaic(first) + 2 * demosaic(second)
    assert np.allclose(demosaic(first + 2 * second), summed, atol=1e-5)


@pytest.mark.parametrize("demosaic", [demosaic_bilinear, demosaic_malvar])
def test_demosaicing_is_exact_on_a_gray_ramp(demosaic):
    rows, columns = np.indices((20, 22))
    ramp = (0.01 * rows + 0.02 * columns).astype(np.float32)
    found = demosaic(mosaic(np.repeat(ramp[..., None], 3, axis=-1)))
    inner = np.s_[3:-3, 3:-3]
    assert np.allclose(found[inner], ramp[inner][..., None], atol=1e-5)


def test_malvar_keeps_more_of_gray_detail_than_bilinear():
    rng = np.random.default_rng(0)
    detail = np.cumsum(rng.standard_normal((64, 64)), axis=1).astype(np.float32)
    clean = np.repeat(detail[..., None], 3, axis=-1)
    raw = mosaic(clean)
    errors = [
        np.abs(demosaic(raw) - clean)[3:-3, 3:-3].mean()
        for demosaic in (demosaic_malvar, demosaic_bilinear)
    ]
    assert errors[0] < 0.75 * errors[1]


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_without_noise_the_picture_stays(channels):
    clean = np.random.default_rng(0).random((32, 33, channels), np.float32)
    assert np.abs(noise_of("camera:gain=1e-8,read=0", clean)).max() < 0.01


def test_detail_can_be_lost_to_the_mosaic():
    clean = np.random.default_rng(0).random((32, 33, 3), np.float32)
    assert np.abs(noise_of("camera:gain=1e-8,read=0,detail=lose", clean)).mean() > 0.05
    ramp = flat(0, size=64) + np.linspace(0.2, 0.8, 64, dtype=np.float32)[:, None]
    assert np.abs(noise_of("camera:gain=1e-8,read=0,detail=lose", ramp)[3:-3, 3:-3]).max() < 0.01


def test_gray_noise_has_the_variance_of_the_sensor_bent_by_the_tone_curve():
    level, gain, read = 0.5, 1e-4, 2e-3
    light = steps.srgb_to_linear(np.float32([level])).item()
    slope = (steps.linear_to_srgb(np.float32([light + 1e-3])).item() - level) / 1e-3
    expected = slope * np.sqrt(gain * light + read**2)
    noise = noise_of(f"camera:gain={gain},read={read}", flat(level, 1))
    assert noise.std() == pytest.approx(expected, rel=0.03)


def test_shadows_are_noisier_than_highlights_in_the_picture():
    spec = "camera:gain=0.002,read=0.002"
    assert noise_of(spec, flat(0.2)).std() > 1.3 * noise_of(spec, flat(0.8)).std()


def test_the_noise_is_correlated_and_strongest_in_red_and_blue():
    noise = noise_of("camera:gain=0.001,read=0.002,cameras=1:1:1:1", flat(0.5))
    red, green, blue = noise.std(axis=(0, 1))
    assert red > 1.1 * green
    assert blue > 1.1 * green
    beside = np.mean(noise[:, 1:] * noise[:, :-1]) / noise.var()
    assert 0.15 < beside < 0.8


@pytest.mark.parametrize("channels", [1, 3])
def test_noise_reduction_spreads_the_noise(channels):
    raw, smooth = (
        noise_of(f"camera:gain=0.001,smooth={spread}", flat(0.5, channels)) for spread in (0, 1)
    )
    assert smooth.std() < 0.5 * raw.std()
    beside = np.mean(smooth[:, 1:] * smooth[:, :-1]) / smooth.var()
    assert beside > 0.7


def test_noise_reduction_takes_the_colour_out_of_the_noise():
    gray = noise_of("camera:gain=0.001,colour=0", flat(0.5))
    assert np.abs(np.diff(gray, axis=-1)).max() < 1e-5
    assert gray.std() > 0.005


def test_a_blur_keeps_the_sum_and_is_a_gaussian():
    dot = np.zeros((31, 31, 1), np.float32)
    dot[15, 15] = 1
    spread = steps.blur(dot, 2.0)[..., 0]
    assert spread.sum() == pytest.approx(1, abs=1e-5)
    rows = np.arange(31) - 15
    assert spread.sum(1) @ rows**2 == pytest.approx(4, rel=0.05)
    assert np.allclose(spread, spread.T)
    assert np.array_equal(steps.blur(dot, 0.0), dot)


def test_more_gain_more_noise():
    stds = [noise_of(f"camera:gain={gain}", flat(0.5)).std() for gain in (1e-4, 1e-3, 1e-2)]
    assert stds[0] < 0.5 * stds[1] < 0.25 * stds[2] * 1.5


def test_gain_is_drawn_logarithmically_and_the_rest_within_its_range():
    rng = np.random.default_rng(0)
    drawn = [parse("camera:jpeg=60..90,jpeg_share=0.25").sample(rng) for _ in range(800)]
    logs = np.log10([one.gain for one in drawn])
    assert np.mean(logs) == pytest.approx((-4 + np.log10(0.012)) / 2, abs=0.06)
    assert all(1.9 <= one.red <= 2.4 and 1.5 <= one.blue <= 1.9 for one in drawn)
    qualities = [one.jpeg for one in drawn if one.jpeg is not None]
    assert len(qualities) / 800 == pytest.approx(0.25, abs=0.05)
    assert 60 <= min(qualities) <= max(qualities) <= 90


def test_the_picture_is_compressed_last():
    clean = np.random.default_rng(1).random((32, 32, 3), np.float32)
    noisy = parse("camera:gain=0.01,detail=lose,jpeg=50").add(clean, np.random.default_rng(0))
    assert np.allclose(noisy * 255, np.rint(noisy * 255), atol=1e-3)


def test_the_picture_is_within_its_range():
    clean = np.random.default_rng(1).random((32, 32, 3), np.float32)
    noisy = parse("camera:gain=0.012").add(clean, np.random.default_rng(0))
    assert noisy.min() == 0
    assert noisy.max() <= 1


def test_noise_reduction_spreads_the_colour_further_than_the_brightness():
    noise = noise_of("camera:gain=0.002,smooth_colour=3", flat(0.5))
    gray = noise @ np.float32([0.2126, 0.7152, 0.0722])
    hue = noise[..., 2] - gray

    def beside(values: np.ndarray, distance: int) -> float:
        return float(np.mean(values[:, distance:] * values[:, :-distance]) / values.var())

    assert beside(hue, 4) > 0.5
    assert beside(gray, 4) < 0.1


def test_resizing_keeps_the_mean_and_a_ramp():
    ramp = np.linspace(0, 1, 60, dtype=np.float32)[None, :, None] * np.ones((40, 1, 3), np.float32)
    for rows, columns in ((40, 60), (20, 30), (33, 71), (80, 120), (1, 1)):
        result = resized(ramp, rows, columns)
        assert result.shape == (rows, columns, 3)
        assert result.mean() == pytest.approx(0.5, abs=0.01)
        inner = result[rows // 2, 2 : columns - 2, 0]
        assert np.allclose(np.diff(inner), 60 / 59 / columns, atol=1e-4)
    assert np.allclose(resized(ramp, 40, 60), ramp, atol=1e-6)


def test_resizing_takes_each_pixel_into_account():
    dots = np.zeros((12, 12, 1), np.float32)
    dots[5, 5] = 1
    assert resized(dots, 4, 4).sum() == pytest.approx(1 / 9, rel=0.05)


def test_a_reduced_picture_is_less_noisy_and_an_enlarged_one_is_softer():
    raw, reduced, enlarged = (
        noise_of(f"camera:gain=0.001,rescale={times}", flat(0.5)) for times in (1, 2, 0.5)
    )
    assert reduced.std() < 0.7 * raw.std()

    def beside(noise: np.ndarray) -> float:
        return float(np.mean(noise[:, 1:] * noise[:, :-1]) / noise.var())

    assert beside(enlarged) > beside(raw) + 0.2


def test_a_rescaled_picture_keeps_its_size_whatever_it_is():
    clean = np.full((9, 13, 3), 0.5, np.float32)
    for times in (0.25, 0.7, 1.3, 4):
        assert noise_of(f"camera:gain=0.001,rescale={times}", clean).shape == clean.shape


@pytest.mark.parametrize("contrast", [0.0, 0.3, 1.0])
def test_contrast_undoes_itself_and_leaves_black_gray_and_white(contrast):
    assert np.allclose(
        steps.add_contrast(steps.remove_contrast(UP, contrast), contrast), UP, atol=1e-4
    )
    ends = steps.add_contrast(np.float32([0, 0.5, 1]), contrast)
    assert np.allclose(ends, [0, 0.5, 1], atol=1e-6)


def test_contrast_presses_the_noise_of_shadows_together():
    plain, pressed = (
        noise_of(f"camera:gain=0.0005,contrast={share}", flat(0.06)).std() for share in (0, 1)
    )
    assert pressed < 0.75 * plain
    nothing = noise_of("camera:gain=1e-8,read=0,contrast=0.8", flat(0.3))
    assert np.abs(nothing).max() < 2e-3


def test_a_picture_that_keeps_its_detail_keeps_it_from_compression():
    clean = np.random.default_rng(1).random((32, 32, 3), dtype=np.float32)
    kept, lost = (
        parse(f"camera:gain=1e-8,read=0,detail={detail},jpeg=50").add(clean, np.random.default_rng(0))
        for detail in ("keep", "lose")
    )  # fmt: skip
    assert np.abs(lost - clean).mean() > 0.05  # what quality 50 does to such a picture
    assert np.abs(kept - clean).mean() < 0.005


def test_compression_takes_the_fine_grain_of_the_noise():
    clean = np.full((64, 64, 3), 0.5, np.float32)
    plain, compressed = (
        parse(f"camera:gain=1e-3{jpeg}").add(clean, np.random.default_rng(0))
        for jpeg in ("", ",jpeg=60")
    )
    fine = [float(np.abs(np.diff(noisy, axis=1)).mean()) for noisy in (plain, compressed)]
    assert fine[1] < 0.7 * fine[0]


def at_edges(spec: str) -> tuple[float, float]:
    """The noise in flat places, and beside edges, of stripes that are 0.1 apart."""
    clean = np.full((96, 96, 3), 0.5, np.float32)
    for left in range(0, 96, 32):
        clean[:, left : left + 16] = 0.6
    luma = noise_of(f"camera:gain=5e-4,smooth=1.2,{spec}", clean) @ steps._LUMINANCE
    beside = (np.arange(96) % 16 < 1) | (np.arange(96) % 16 > 14)
    flat_places = np.abs(np.arange(96) % 16 - 8) < 4
    return float(luma[:, flat_places].std()), float(luma[:, beside].std())


def test_noise_reduction_leaves_the_noise_beside_edges():
    everywhere = at_edges("edges=0")
    assert everywhere[1] == pytest.approx(everywhere[0], rel=0.2)
    flat_places, beside = at_edges("edges=1")
    assert flat_places == pytest.approx(everywhere[0], rel=0.05)
    assert beside > 2 * flat_places
    assert at_edges("edges=2")[1] > 1.6 * beside  # sharpened


def test_how_steep_an_edge_is_to_be_can_be_said():
    faint, steep = (at_edges(f"edges=1,edge_slope={slope}")[1] for slope in (0.5, 0.01))
    assert steep > 2 * faint
