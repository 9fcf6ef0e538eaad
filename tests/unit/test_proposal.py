from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ruis import architectures, dataset, formats, objectives, zoo
from ruis.errors import ConfigError, EmptyDatasetError
from ruis.image import Image, ImageInfo, data_range_of
from ruis.manifest import Manifest
from ruis.proposal import propose
from ruis.recipe import LONGEST_NAME


def write(path: Path, pixels: np.ndarray, colour: str = "gray") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    formats.write(Image(pixels, ImageInfo(pixels.dtype, data_range_of(pixels.dtype),
                                          colour=colour)), path, overwrite=True)  # fmt: skip


def noise(seed: int, streak: int = 1, axis: int = 1) -> np.ndarray:
    one = np.random.default_rng(seed).standard_normal((128, 160, 1))
    return sum(np.roll(one, step, axis) for step in range(streak)) / streak**0.5


@pytest.fixture
def shots(tmp_path):
    """Write four noisy pictures, and return their folder."""

    def make(streak: int = 1, axis: int = 1, dtype: str = "uint8", white: float = 255.0) -> Path:
        ramp = np.add.outer(np.arange(128), np.arange(160))[..., None] / 500
        for seed in range(4):
            unit = np.clip(0.2 + ramp + 0.1 * noise(seed, streak, axis), 0, 1)
            write(tmp_path / "shots" / f"{seed}.tif", (unit * white).astype(dtype))
        return tmp_path / "shots"

    return make


def test_white_noise_alone_is_learnt_from_neighbours(shots):
    plan = propose(noisy=shots())
    assert plan.recipe.objective == "neighbour-to-neighbour"
    assert plan.recipe.minutes == 30
    assert plan.recipe.patience is None, "nothing tells when it is best"
    assert (plan.data / plan.recipe.data[0].noisy).name == "shots"
    assert any("4 images, gray, uint8" in reason for reason in plan.reasons)


@pytest.mark.parametrize(("axis", "mask"), [(1, "horizontal:4"), (0, "vertical:4")])
def test_streaks_are_hidden_with_their_pixel(shots, axis, mask):
    objective = objectives.parse(propose(noisy=shots(streak=5, axis=axis)).recipe.objective)
    assert (objective.name, objective.mask) == ("noise-to-void", mask)
    assert 9 / objective.cell**2 <= 0.12, "most of the picture stays"


def test_noise_shared_in_all_directions_is_hidden_in_squares_and_told(tmp_path):
    for seed in range(3):
        one = noise(seed)
        two = one + np.roll(one, 1, 0)
        pixels = 0.5 + 0.1 * (two + np.roll(two, 1, 1))
        write(tmp_path / "a" / f"{seed}.tif", pixels.astype(np.float32))
    plan = propose(noisy=tmp_path / "a")
    assert objectives.parse(plan.recipe.objective).mask == "square:1"
    assert any("in all directions" in reason for reason in plan.reasons)


def test_a_wish_is_followed_and_a_doubt_is_told(shots):
    plan = propose(noisy=shots(streak=5), objective="neighbour-to-neighbour")
    assert plan.recipe.objective == "neighbour-to-neighbour"
    assert any("BUT" in reason for reason in plan.reasons)
    plan = propose(noisy=shots().parent / "shots", mask="point")
    assert objectives.parse(plan.recipe.objective).mask == "point"


def test_one_image_gets_a_tiny_network_and_a_fixed_number_of_steps(shots):
    plan = propose(noisy=shots() / "0.tif")
    assert plan.recipe.objective == "zero-shot"
    assert plan.recipe.architecture["name"] == "plain"
    assert plan.recipe.epochs * plan.recipe.steps_per_epoch == 2000
    assert plan.recipe.patch == 128, "a crop of a single image is as large as it allows"


@pytest.mark.parametrize(
    ("dtype", "brightest", "white"),
    [
        ("uint8", 255, None),
        ("uint16", 65535, None),
        ("uint16", 1000, 1000),
        ("float32", 1.0, None),
        ("float32", 5000, 5000),
        ("float32", 0.01, 0.01),
        ("int16", 400, None),  # black is -32768: 400 above zero is no white of its own
    ],
)
def test_white_is_what_the_images_say_where_the_dtype_is_far_from_it(
    shots, dtype, brightest, white
):
    source = propose(noisy=shots(dtype=dtype, white=brightest)).recipe.data[0]
    if white is None:
        assert source.white is None
    else:
        assert source.white == pytest.approx(white, rel=0.1)
        (sample, *_) = dataset.load(None, 1, noisy=shots(dtype=dtype, white=brightest),
                                    white=source.white)  # fmt: skip
        assert 0.5 < sample.scale.to_unit(sample.pixels).max() < 1.5


def test_noise_that_is_added_is_a_share_of_what_the_images_use(shots):
    folder = shots(dtype="uint16", white=4000)
    plan = propose(clean=folder, noise="gaussian:25/255")
    white = plan.recipe.data[0].white
    assert white == pytest.approx(4000, rel=0.1)
    assert any(f"{white:g} counts as white, and the noise is a share of that" in reason
               for reason in plan.reasons)  # fmt: skip
    assert propose(clean=shots(), noise="gaussian:25/255").recipe.data[0].white is None


def test_a_mask_that_hides_nothing_in_so_small_an_image_is_refused(tmp_path):
    write(tmp_path / "a" / "0.tif", np.rint(100 + 10 * noise(0)[:16, :16]).astype(np.uint8))
    with pytest.raises(ConfigError, match="shorter mask"):
        propose(noisy=tmp_path / "a", mask="horizontal:16")


@pytest.mark.parametrize("axes", ["ZYX", "TYX", "YXZ", "YTX"])
def test_a_stack_is_so_many_pictures(tmp_path, axes):
    planes = np.stack([(100 + 20 * noise(seed)[..., 0]) for seed in range(5)]).astype(np.uint8)
    order = ["ZTYX".replace("T" if "Z" in axes else "Z", "").index(letter) for letter in axes]
    np.save(tmp_path / "stack.npy", np.transpose(planes, order))
    plan = propose(noisy=tmp_path / "stack.npy", axes=axes)
    assert plan.recipe.objective == "neighbour-to-neighbour"
    assert any("5 images, gray" in reason for reason in plan.reasons)
    samples = dataset.load(None, 1, noisy=tmp_path / "stack.npy", axes=axes)
    assert [sample.name for sample in samples] == [f"stack.npy[{i}]" for i in range(5)]
    for plane, sample in zip(planes, samples, strict=True):
        assert np.array_equal(sample.noisy[..., 0], plane)


def test_pairs_of_stacks_hold_as_many_pictures(tmp_path):
    for name, count in (("noisy", 4), ("clean", 5)):
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "a.npy", np.zeros((count, 40, 50), np.uint8))
    with pytest.raises(EmptyDatasetError, match="hold 5 and 4"):
        dataset.load(tmp_path / "clean", 1, noisy=tmp_path / "noisy", axes="ZYX")


def test_little_time_or_little_data_ask_for_a_small_network(tmp_path, shots):
    few = propose(noisy=shots(), minutes=30).recipe.architecture
    assert few["widths"] == [32, 64, 128] or few["widths"] == (32, 64, 128)
    for seed in range(3):
        write(tmp_path / "large" / f"{seed}.tif", np.full((900, 1000, 1), 0.5, np.float32))
    many = {
        minutes: propose(clean=tmp_path / "large", noise="gaussian:0.1", minutes=minutes)
        for minutes in (5, 30)
    }
    assert tuple(many[5].recipe.architecture["widths"]) == (32, 64, 128)
    assert tuple(many[30].recipe.architecture["widths"]) == (64, 128, 256)


def test_noisy_images_alone_teach_a_small_network_gently(tmp_path):
    for seed in range(3):
        pixels = 0.5 + 0.1 * np.random.default_rng(seed).standard_normal((900, 1000, 1))
        write(tmp_path / "large" / f"{seed}.tif", pixels.astype(np.float32))
    plan = propose(noisy=tmp_path / "large")
    assert tuple(plan.recipe.architecture["widths"]) == (32, 64, 128)
    assert plan.recipe.learning_rate < 0.01
    assert any("noisy images teach a small one further" in reason for reason in plan.reasons)
    void = propose(noisy=tmp_path / "large", objective="noise-to-void")
    assert objectives.parse(void.recipe.objective).cell == 3


def pages(folder: Path, *, ink: float, paper: float = 0.9, lines: float = 0.2) -> Path:
    """Write three large pages with lines of print."""
    for seed in range(3):
        page = np.full((900, 1000, 1), 255 * paper)
        page[np.random.default_rng(seed).random(900) < lines] = 255 * ink
        write(folder / f"{seed}.png", np.rint(page).astype(np.uint8))
    return folder


def test_print_is_learnt_upright_by_a_small_network(tmp_path):
    plan = propose(clean=pages(tmp_path / "pages", ink=0.1), noise="gaussian:0.1")
    assert not plan.recipe.turned
    assert plan.recipe.loss == "clipped_mean_squared_error"
    assert tuple(plan.recipe.architecture["widths"]) == (32, 64, 128)
    assert any("not turned" in reason for reason in plan.reasons)


@pytest.mark.parametrize(
    "look", [{"ink": 0.8}, {"ink": 0.1, "lines": 0.7}, {"ink": 0.1, "paper": 0.5}, {"ink": 0.1, "lines": 0}],
    ids=["too faint for print", "more ink than paper", "dark paper", "blank"],
)  # fmt: skip
def test_what_is_no_print_is_turned(tmp_path, look):
    plan = propose(clean=pages(tmp_path / "pages", **look), noise="gaussian:0.1")
    assert plan.recipe.turned
    assert plan.recipe.loss == "mean_squared_error"
    assert tuple(plan.recipe.architecture["widths"]) == (64, 128, 256)


def test_a_refinement_keeps_the_network_and_goes_gently(shots):
    fresh, gentle = propose(noisy=shots()).recipe, propose(noisy=shots(), start=zoo.find("gray"))
    assert gentle.recipe.learning_rate <= fresh.learning_rate / 4
    assert gentle.recipe.minutes == 5
    assert gentle.recipe.architecture["sigma_channel"]
    assert propose(noisy=shots(), start="gray").recipe == gentle.recipe


def test_a_refinement_needs_fitting_channels(tmp_path):
    write(tmp_path / "five" / "a.tif", np.zeros((64, 64, 5), np.uint8), "channels")
    with pytest.raises(ConfigError, match="takes 3 channels, and these images have 5"):
        propose(noisy=tmp_path / "five", start=zoo.find("photo"))


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("gaussian:25/255", True),
        ("1*gaussian:0.1|1*jpeg:50", True),
        ("camera", False),
        ("jpeg:quality=50", False),
        ("poisson:30+jpeg:50", False),
    ],
)
def test_sigma_is_an_input_where_there_is_one_to_tell(shots, spec, told):
    network = propose(clean=shots(), noise=spec).recipe.architecture
    assert network["sigma_channel"] is told


def test_a_long_name_of_a_file_makes_a_model_s_name():
    assert (
        next(
            one.max_length
            for one in Manifest.model_fields["name"].metadata
            if hasattr(one, "max_length")
        )
        == LONGEST_NAME
    )


def test_names_are_cut_minutes_are_not_guessed_and_tiers_are_known(shots):
    folder = shots()
    assert len(propose(noisy=folder, name="a" * 200).recipe.name) == LONGEST_NAME
    with pytest.raises(ConfigError, match="minutes"):
        propose(noisy=folder, minutes=0)
    with pytest.raises(ConfigError, match="no tier 'huge'"):
        propose(noisy=folder, tier="huge")
    with pytest.raises(ConfigError, match="mask"):
        propose(noisy=folder, mask="horizontal:abc")
    assert any("these images alone" in reason
               for reason in propose(noisy=folder, objective="zero-shot").reasons)  # fmt: skip


@pytest.mark.parametrize(
    ("network", "patch"),
    [
        ({"name": "dense-autoencoder", "size": (28, 28), "hidden": (8,)}, 28),
        ({"name": "unet", "widths": (8, 8, 8, 8, 8, 8), "blocks": 1}, 64),
    ],
)
def test_a_refined_network_has_a_say_in_the_patch(shots, small_model, network, patch):
    start = replace(small_model(), architecture=architectures.parse(network))
    recipe = propose(noisy=shots(), start=start, objective="neighbour-to-neighbour").recipe
    assert recipe.patch == patch
