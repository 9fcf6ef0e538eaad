from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ruis import dataset, formats, noise
from ruis.dataset import Sample
from ruis.errors import ConfigError, EmptyDatasetError, TooMuchDataError
from ruis.examples import Patches, Validation
from ruis.image import Image, ImageInfo


def write(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(exist_ok=True)
    colour = "rgb" if pixels.shape[2] >= 3 else "gray"
    alpha = pixels.shape[2] in (2, 4)
    info = ImageInfo(pixels.dtype, (0, np.iinfo(pixels.dtype).max), colour=colour, alpha=alpha)
    formats.write(Image(pixels, info), path)
    return path


def pixels(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def samples(*sizes: int) -> list[Sample]:
    return [Sample(f"{i}.png", pixels(side, side + 3, 1, seed=i)) for i, side in enumerate(sizes)]


def patches(given: list[Sample], **settings) -> Patches:
    defaults = {"patch": 8, "batch": 4, "takes_sigma": False, "sigma_given": 0.5, "seed": 3}
    model = settings.pop("noise", noise.parse("gaussian:0.1"))
    return Patches(given, model, **{**defaults, **settings})


# -- folders --------------------------------------------------------------------------------------


def test_images_are_found_in_the_order_of_their_names(tmp_path):
    for name in ("b.png", "a.PNG", "c.tif"):
        (tmp_path / name).write_bytes(b"")
    for name in ("notes.txt", "README", ".hidden"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "folder.png").mkdir()
    assert [path.name for path in dataset.find(tmp_path)] == ["a.PNG", "b.png", "c.tif"]


def test_what_ruis_wrote_beside_images_is_not_learnt_from(tmp_path):
    written = ("a.denoised.png", "a.denoised.ome.tif", "a.uncertainty.tif")
    for name in written:
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(EmptyDatasetError, match="only images that ruis wrote"):
        dataset.find(tmp_path)
    (tmp_path / "a.png").write_bytes(b"")
    assert [path.name for path in dataset.find(tmp_path)] == ["a.png"]


def test_a_folder_without_images_is_named(tmp_path):
    with pytest.raises(EmptyDatasetError, match="holds no images"):
        dataset.find(tmp_path)
    with pytest.raises(EmptyDatasetError, match="not a folder"):
        dataset.find(tmp_path / "none")


def test_pairs_match_by_name_whatever_the_suffix():
    clean, noisy = [Path("c/a.png"), Path("c/b.png")], [Path("n/b.jpg"), Path("n/a.tif")]
    assert dataset.pair(clean, noisy) == [
        (Path("c/a.png"), Path("n/a.tif")),
        (Path("c/b.png"), Path("n/b.jpg")),
    ]


@pytest.mark.parametrize(
    ("clean", "noisy", "first"),
    [(["a.png", "b.png"], ["a.png"], "b.png"), (["a.png"], ["a.png", "z.png"], "z.png")],
)
def test_a_file_without_its_counterpart_is_named(clean, noisy, first):
    with pytest.raises(EmptyDatasetError, match=f"1 file.*{first}"):
        dataset.pair([Path(name) for name in clean], [Path(name) for name in noisy])


def test_pairs_are_read_together(tmp_path):
    clean, noisy = pixels(9, 9, 1), pixels(9, 9, 1, seed=1)
    write(tmp_path / "clean" / "a.png", clean)
    write(tmp_path / "noisy" / "a.bmp", noisy)
    (sample,) = dataset.load(tmp_path / "clean", 1, noisy=tmp_path / "noisy")
    assert sample.name == "a.png"
    assert np.array_equal(sample.clean, clean)
    assert np.array_equal(sample.noisy, noisy)


@pytest.mark.parametrize("other", [(9, 8, 1), (8, 9, 1)], ids=str)
def test_pairs_of_different_sizes_are_refused(tmp_path, other):
    write(tmp_path / "clean" / "a.png", pixels(9, 9, 1))
    write(tmp_path / "noisy" / "a.png", pixels(*other))
    with pytest.raises(EmptyDatasetError, match="no pair"):
        dataset.load(tmp_path / "clean", 1, noisy=tmp_path / "noisy")


def write_float(path: Path, pixels: np.ndarray, high: float) -> Path:
    path.parent.mkdir(exist_ok=True)
    info = ImageInfo(pixels.dtype, (0, high), colour="gray", alpha=False)
    formats.write(Image(pixels, info), path)
    return path


@pytest.mark.parametrize("white", [None, 4096.0])
def test_a_pair_of_floats_has_one_range(tmp_path, white):
    """FITS without SATURATE: white is the power of two above the pixels, which noise moves."""
    sky = np.random.default_rng(0).uniform(900, 1010, (24, 24, 1)).astype(np.float32)
    noisy = sky + np.random.default_rng(1).normal(0, 40, sky.shape).astype(np.float32)
    write_float(tmp_path / "clean" / "a.fits", sky, 1024)
    write_float(tmp_path / "noisy" / "a.fits", noisy, 2048)
    ranges = {
        dataset.load(tmp_path / name, 1)[0].data_range for name in ("clean", "noisy")
    }  # fmt: skip
    assert len(ranges) == 2
    (pair,) = dataset.load(tmp_path / "clean", 1, noisy=tmp_path / "noisy", white=white)
    assert pair.data_range == (
        min(low for low, _ in ranges),
        white or max(high for _, high in ranges),
    )


def test_a_pair_whose_ranges_differ_is_refused_by_them(tmp_path):
    for name, white in (("clean", 1023), ("noisy", 4095)):
        (tmp_path / name).mkdir()
        header = f"P5 16 16 {white}\n".encode()
        (tmp_path / name / "a.pgm").write_bytes(header + np.full((16, 16), 900, ">u2").tobytes())
    with pytest.raises(EmptyDatasetError, match="0 and 1023 in one, 0 and 4095 in the other"):
        dataset.load(tmp_path / "clean", 1, noisy=tmp_path / "noisy")


def test_reading_tells_how_far_it_is(tmp_path):
    for name in "abc":
        write(tmp_path / f"{name}.png", pixels(9, 9, 1))
    told = []
    dataset.load(tmp_path, 1, progress=lambda *args: told.append(args))
    assert told == [(1, 3), (2, 3), (3, 3)]


# -- channels ---------------------------------------------------------------------------------------


def image(given: np.ndarray, colour: str, *, alpha: bool = False) -> Image:
    return Image(
        given, ImageInfo(given.dtype, (0, 255), colour=colour, alpha=alpha, source="x.png")
    )


def test_colour_becomes_gray_as_itu_601_says():
    colours = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]], np.uint8)
    gray = dataset.to_channels(image(colours, "rgb"), 1)
    assert gray.dtype == np.uint8
    assert gray[..., 0].tolist() == [[76, 150, 29, 255]]


def test_gray_becomes_colour_and_alpha_is_dropped():
    given = pixels(4, 5, 2)
    result = dataset.to_channels(image(given, "gray", alpha=True), 3)
    assert result.shape == (4, 5, 3)
    assert all(np.array_equal(result[..., i], given[..., 0]) for i in range(3))
    assert dataset.to_channels(image(pixels(4, 5, 4), "rgb", alpha=True), 3).shape == (4, 5, 3)


@pytest.mark.parametrize(
    ("count", "colour", "wanted"), [(5, "channels", 1), (3, "channels", 1), (3, "rgb", 2)]
)
def test_channels_that_cannot_be_had_are_refused(count, colour, wanted):
    with pytest.raises(ConfigError, match=rf"x\.png has {count} channels.*{wanted}"):
        dataset.to_channels(image(pixels(4, 5, count), colour), wanted)


# -- training and validation never mix ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "held_out", "expected"), [(20, 4, 4), (20, 16, 4), (10, 1, 1), (2, 5, 1), (3, 16, 1)]
)
def test_held_out_images_are_not_learnt_from(count, held_out, expected):
    given = samples(*[9] * count)
    training, held = dataset.split(given, held_out)
    assert len(held) == expected
    assert {s.name for s in training} | {s.name for s in held} == {s.name for s in given}
    assert not {s.name for s in training} & {s.name for s in held}


def test_the_same_images_are_held_out_whatever_their_order_and_number():
    given = samples(*[9] * 30)

    def names(of: list[Sample], held_out: int) -> set[str]:
        return {s.name for s in dataset.split(of, held_out)[1]}

    assert len(names(given, 5)) == 5
    assert names(given[::-1], 5) == names(given, 5) < names(given, 6)
    assert names(given, 5) != {s.name for s in given[:5]}
    others = [s for s in given if s.name not in names(given, 5)]
    assert names([s for s in given if s not in others[:5]], 5) == names(given, 5)


def test_scraps_are_never_held_out():
    given = samples(4, 64, 64, 64, 64)
    for first in range(5):
        turned = given[first:] + given[:first]
        training, held_out = dataset.split(turned, 2, least=8)
        assert len(training) == 3
        assert [one.clean.shape[0] for one in held_out] == [64]
    assert len(dataset.split(samples(4, 4), 1, least=8)[0]) == 1, "the error is told later"


def stack(name: str, count: int) -> list[Sample]:
    return [
        Sample(f"{name}[{i}]", pixels(9, 9, 1, seed=i), stack=f"/data/{name}") for i in range(count)
    ]


def test_of_a_single_stack_the_end_is_held_out():
    training, held = dataset.split(stack("a.tif", 40), 16)
    assert [one.name for one in held] == [f"a.tif[{i}]" for i in range(32, 40)]
    assert len(training) == 32


def test_of_many_stacks_whole_ones_are_held_out():
    given = [one for name in "abcdefghij" for one in stack(f"{name}.tif", 4)]
    held = [one.name for one in dataset.split(given, 8)[1]]
    files = {name.partition("[")[0] for name in held}
    assert (len(held), len(files)) == (8, 2)
    held = [one.name for one in dataset.split(given, 6)[1]]
    counts = sorted(sum(name.startswith(file) for name in held) for file in {n[:5] for n in held})
    assert counts == [2, 4]


def test_a_single_image_is_for_both():
    given = samples(9)
    assert dataset.split(given, 5) == (given, given)


# -- batches ----------------------------------------------------------------------------------------------


def test_a_batch_follows_from_seed_epoch_and_step_alone():
    given = samples(12, 20, 9)
    first = patches(given).batch(2, 5)
    other = patches(given)
    for epoch, step in ((0, 0), (2, 4), (1, 5)):  # what was asked before does not matter
        assert not np.array_equal(other.batch(epoch, step)[0], first[0])
    again = other.batch(2, 5)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(patches(given, seed=4).batch(2, 5)[0], first[0])


def test_crops_of_a_batch_differ():
    inputs, targets = patches(samples(30), batch=6).batch(0, 0)
    assert inputs.shape == targets.shape == (6, 8, 8, 1)
    assert inputs.dtype == targets.dtype == np.float32
    assert len({crop.tobytes() for crop in targets}) == 6
    assert len({(crop - clean).tobytes() for crop, clean in zip(inputs, targets, strict=True)}) == 6


def test_targets_are_clean_and_inputs_have_the_noise():
    inputs, targets = patches(samples(64), patch=32, batch=16).batch(0, 0)
    assert (inputs - targets).std() == pytest.approx(0.1, rel=0.05)
    levels = targets * 255
    assert np.abs(levels - np.rint(levels)).max() < 1e-4


def test_what_compression_does_to_the_scene_is_no_noise():
    """Both are compressed, so that without noise they stay the same."""
    silent = noise.parse("gaussian:0/255")
    plain, both = (
        patches(samples(64), noise=silent, patch=32, compressed=share).batch(0, 0)
        for share in (0.0, 1.0)
    )
    assert np.array_equal(both[0][..., :1], both[1])
    assert 0 < np.abs(both[1] - plain[1]).max() < 0.3


def test_turns_and_mirrors_are_the_same_for_both_of_a_pair():
    clean = pixels(20, 24, 1)
    pair = Sample("a", clean, 255 - clean)
    inputs, targets = patches([pair], noise=None, batch=32).batch(0, 0)
    assert np.abs(inputs + targets - 1).max() < 1e-6
    corners = {crop[0, 0, 0] for crop in targets}
    assert len(corners) > 8


def test_every_pixel_is_seen_and_all_eight_ways_up():
    ramp = np.arange(9 * 9, dtype=np.uint8).reshape(9, 9, 1)
    source = patches([Sample("a", ramp)], batch=64)
    targets = np.concatenate([source.batch(0, step)[1] for step in range(8)])
    assert len(np.unique(np.rint(targets * 255))) == 81
    steps = np.rint([(c[0, 1, 0] - c[0, 0, 0], c[1, 0, 0] - c[0, 0, 0]) for c in targets * 255])
    assert len({tuple(step) for step in steps}) == 8  # +-1 along a row, +-9 down, and exchanged


def test_images_are_drawn_by_their_pixels():
    small, large = np.zeros((16, 16, 1), np.uint8), np.full((64, 64, 1), 255, np.uint8)
    source = patches([Sample("s", small), Sample("l", large)], batch=400)
    share = float(source.batch(0, 0)[1].mean())
    assert share == pytest.approx(57**2 / (57**2 + 9**2), abs=0.03)


def test_images_smaller_than_a_patch_are_left_out():
    given = [*samples(6), Sample("large", np.full((20, 20, 1), 7, np.uint8))]
    assert (np.rint(patches(given).batch(0, 0)[1] * 255) == 7).all()
    with pytest.raises(EmptyDatasetError, match="8 pixels"):
        patches(samples(6, 7))


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_the_network_is_told_sigma_for_its_share_of_crops(share):
    source = patches(samples(30), batch=400, takes_sigma=True, sigma_given=share)
    inputs, _ = source.batch(0, 0)
    assert inputs.shape == (400, 8, 8, 2)
    sigmas = inputs[..., 1]
    assert np.isin(sigmas, np.float32([0, 0.1])).all()
    assert (sigmas == sigmas[:, :1, :1]).all()
    assert (sigmas[:, 0, 0] > 0).mean() == pytest.approx(share, abs=0.08)


@pytest.mark.parametrize(
    ("spec", "variance"),
    [("poisson:peak=100", 0.01), ("poisson-gaussian:gain=0.01,sigma=0", 0.01)],
)
def test_of_noise_that_depends_on_the_scene_its_strength_is_told_and_no_map(spec, variance):
    rng = np.random.default_rng(0)
    scenes = [Sample(str(i), rng.integers(0, 255, (16, 16, 1), np.uint8)) for i in range(30)]
    source = patches(scenes, noise=noise.parse(spec), takes_sigma=True, sigma_given=1.0)
    inputs, targets = source.batch(0, 0)
    told = inputs[..., 1]
    assert (told == told[:, :1, :1]).all()
    expected = np.sqrt(targets.mean(axis=(1, 2, 3)) * variance)
    assert np.allclose(told[:, 0, 0], expected, rtol=1e-4)


def test_of_noise_in_a_part_of_the_image_a_map_is_told():
    model = noise.parse("region:sigma=0.1,height=0.5,width=0.5,row=0,column=0")
    source = patches(samples(30, 16), noise=model, takes_sigma=True, sigma_given=1.0, turned=False)
    told = source.batch(0, 0)[0][..., 1]
    assert np.allclose(told[:, :4, :4], 0.1)
    assert np.allclose(told[:, 4:], 0)


def test_of_compressed_noise_what_is_left_of_it_is_told():
    source = patches(samples(30, 32), patch=32, takes_sigma=True, sigma_given=1.0, compressed=1.0)
    inputs, targets = source.batch(0, 0)
    told, left = inputs[:, 0, 0, 1], (inputs[..., :1] - targets).std(axis=(1, 2, 3))
    assert np.allclose(told, left, rtol=1e-4)
    assert (np.abs(told - 0.1) > 0.002).any()


def test_noise_of_unknown_sigma_leaves_the_network_blind():
    source = patches(
        samples(30), noise=noise.parse("jpeg:quality=30"), takes_sigma=True, sigma_given=1.0
    )
    assert (source.batch(0, 0)[0][..., 1] == 0).all()


def test_sigma_is_told_as_far_off_as_an_estimate_would_be():
    source = patches(samples(30), batch=400, takes_sigma=True, sigma_given=1.0, sigma_error=0.2)
    sigmas = source.batch(0, 0)[0][:, 0, 0, 1]
    assert np.log(sigmas / 0.1).mean() == pytest.approx(0, abs=0.04)
    assert np.log(sigmas / 0.1).std() == pytest.approx(0.2, rel=0.15)


def test_noise_of_unknown_sigma_is_told_as_the_crop_has_it():
    model = noise.parse("jpeg:quality=30")
    source = patches(samples(30), noise=model, takes_sigma=True, sigma_given=1.0, sigma_error=0.0)
    inputs, targets = source.batch(0, 0)
    removed = inputs[..., :1] - targets
    assert np.allclose(inputs[:, 0, 0, 1], removed.std(axis=(1, 2, 3)), rtol=1e-5)


# -- validation ---------------------------------------------------------------------------------------------


def validation(given: list[Sample], **settings) -> Validation:
    defaults = {"multiple": 4, "takes_sigma": True, "seed": 1}
    return Validation(given, noise.parse("gaussian:0.1"), **{**defaults, **settings})


def test_validation_is_the_same_every_time_and_blind():
    one, other = validation(samples(20, 30)), validation(samples(20, 30))
    assert [x.shape for x in one.inputs] == [(20, 20, 2), (28, 32, 2)]
    for a, b in zip(one.inputs, other.inputs, strict=True):
        assert np.array_equal(a, b)
        assert (a[..., 1] == 0).all()


def test_a_network_that_is_always_told_is_judged_told():
    judged = validation(samples(20, 30), told=True)
    assert all((x[..., 1] == np.float32(0.1)).all() for x in judged.inputs)
    unknown = Validation(
        samples(20), noise.parse("jpeg:30"), multiple=4, takes_sigma=True, seed=1, told=True
    )
    assert (unknown.inputs[0][..., 1] == 0).all()


def test_validation_crops_are_from_the_centre_and_of_bounded_size():
    (crop,) = validation(samples(101), side=40).targets
    expected = samples(101)[0].clean[30:70, 32:72]
    assert np.array_equal(np.rint(crop * 255), expected)


def test_validation_psnr_is_that_of_what_comes_out():
    judged = validation(samples(64))
    assert judged.psnr(lambda batch: batch[..., :1]) == pytest.approx(20.3, abs=0.5)  # clipped
    perfect = dict(zip([x.tobytes() for x in judged.inputs], judged.targets, strict=True))
    assert judged.psnr(lambda batch: perfect[batch[0].tobytes()][None] + 0.01) == pytest.approx(
        40, abs=0.2
    )


def test_a_blank_image_without_an_error_does_not_outweigh_all_others():
    black = Sample("black.png", np.zeros((64, 64, 1), np.uint8))
    judged = Validation(
        [black, *samples(64)], noise.parse("poisson:peak=30"), multiple=4, takes_sigma=False, seed=1
    )
    alone = Validation(
        samples(64), noise.parse("poisson:peak=30"), multiple=4, takes_sigma=False, seed=1
    ).psnr(lambda batch: batch)
    assert judged.psnr(lambda batch: batch) == pytest.approx((120 + alone) / 2, abs=0.3)


@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_values_are_limited_as_they_are_when_they_are_stored(dtype):
    bright = Sample(
        "a.tif",
        np.full((32, 32, 1), 200, dtype),
        data_range=(0, 100 if dtype is np.float32 else 255),
    )
    judged = validation([bright], takes_sigma=False)
    unit = 200 / (100 if dtype is np.float32 else 255)
    far = judged.psnr(lambda batch: np.full_like(batch, unit + 1))
    assert far == pytest.approx(
        -10 * np.log10((min(unit + 1, 1 if dtype is np.uint8 else 9) - unit) ** 2), abs=0.01
    )


def test_a_validation_image_too_small_for_the_network_is_refused():
    with pytest.raises(EmptyDatasetError, match="multiples of 16"):
        validation(samples(9), multiple=16)


def test_the_range_that_a_file_declares_is_the_one_that_is_learnt_in(tmp_path):
    """A PGM with a maximum of 1023: 1000 is nearly white."""
    pixels = np.full((16, 16), 1000, ">u2")
    (tmp_path / "a.pgm").write_bytes(b"P5 16 16 1023\n" + pixels.tobytes())
    samples = dataset.load(tmp_path, 1)
    settings = {"takes_sigma": False, "sigma_given": 0.0, "seed": 0}
    patches = Patches(samples, noise.parse("gaussian:0"), patch=8, batch=1, **settings)
    assert patches.batch(0, 0)[1] == pytest.approx(1000 / 1023, abs=1e-5)


def test_a_name_to_leave_out_must_be_there(tmp_path):
    (tmp_path / "a.pgm").write_bytes(b"P5 2 2 255\n" + bytes(4))
    with pytest.raises(ConfigError, match=r"b\.pgm"):
        dataset.load(tmp_path, 1, exclude=["b.pgm"])


def test_what_is_left_out_needs_no_counterpart(tmp_path):
    for folder, names in (("clean", "abc"), ("noisy", "abd")):
        (tmp_path / folder).mkdir()
        for name in names:
            (tmp_path / folder / f"{name}.pgm").write_bytes(b"P5 2 2 255\n" + bytes(4))
    given = {"noisy": tmp_path / "noisy", "exclude": ["c.pgm"]}
    with pytest.raises(EmptyDatasetError, match="no counterpart"):
        dataset.load(tmp_path / "clean", 1, **given)
    (tmp_path / "noisy" / "d.pgm").rename(tmp_path / "noisy" / "c.pgm")
    names = [sample.name for sample in dataset.load(tmp_path / "clean", 1, **given)]
    assert [Path(name).stem for name in names] == ["a", "b"]
    (tmp_path / "noisy" / "c.pgm").unlink()
    assert len(dataset.load(tmp_path / "clean", 1, **given)) == 2


def test_the_memory_that_is_asked_for_is_that_of_what_is_kept(tmp_path, monkeypatch):
    (tmp_path / "a.ppm").write_bytes(b"P6 100 100 255\n" + bytes(30_000))
    monkeypatch.setattr("ruis.processor.available_memory", lambda: 20_000)
    assert dataset.load(tmp_path, 1)[0].clean.nbytes == 10_000
    with pytest.raises(TooMuchDataError):
        dataset.load(tmp_path, 3)


def test_two_files_of_one_name_are_no_pair():
    clean, noisy = [Path("c/a.png"), Path("c/a.tif")], [Path("n/a.png")]
    with pytest.raises(EmptyDatasetError, match="two files"):
        dataset.pair(clean, noisy)


def test_a_share_of_the_clean_crops_is_compressed_and_asked_for_so():
    detail = np.random.default_rng(5).integers(0, 256, (64, 64, 3), np.uint8)
    given = [Sample("a.png", detail)]
    settings = {"patch": 32, "batch": 40, "noise": noise.parse("gaussian:0")}
    as_they_are, some, every = (
        patches(given, **settings, compressed=share).batch(0, 0) for share in (0.0, 0.5, 1.0)
    )
    for noisy, target in (as_they_are, some, every):
        assert np.array_equal(noisy, target)  # what compression did is not to be undone
    changed = [
        sum(float(np.abs(a - b).mean()) > 0.02 for a, b in zip(as_they_are[1], one[1], strict=True))
        for one in (some, every)
    ]
    assert 10 <= changed[0] <= 30
    assert changed[1] == 40


def test_crops_are_turned_unless_they_shall_stay_upright():
    ramp = np.add.outer(10 * np.arange(16), np.arange(16)).astype(np.uint8)[..., None]

    def directions(*, turned: bool) -> set[tuple[bool, bool]]:
        drawn = patches(
            [Sample("ramp", ramp)], batch=16, noise=noise.parse("gaussian:0"), turned=turned
        )
        clean = drawn.batch(0, 0)[1][..., 0]
        steps = [(crop[1, 0] - crop[0, 0], crop[0, 1] - crop[0, 0]) for crop in clean]
        return {(abs(down) > abs(right), down + right > 0) for down, right in steps}

    assert directions(turned=False) == {(True, True)}
    assert len(directions(turned=True)) == 4


def test_a_share_of_the_crops_is_enlarged_between_two_bounds():
    ramp = np.broadcast_to(np.arange(240, dtype=np.uint8)[:, None], (240, 240))[..., None]
    drawn = patches(
        [Sample("ramp", ramp)],
        batch=200,
        patch=48,
        noise=noise.parse("gaussian:0"),
        zoom=(2.0, 6.0, 0.8),
        turned=False,
    )
    rise = np.array([(crop[30, 9, 0] - crop[18, 9, 0]) * 255 / 12 for crop in drawn.batch(0, 0)[1]])
    enlarged = 1 / rise
    kept = np.isclose(enlarged, 1, atol=0.01)
    assert 20 <= kept.sum() <= 60  # a fifth of 200
    assert 1.9 < enlarged[~kept].min() < 2.3
    assert 5.2 < enlarged[~kept].max() < 6.2
    assert np.median(enlarged[~kept]) == pytest.approx(np.sqrt(2 * 6), rel=0.15)  # in logarithm
