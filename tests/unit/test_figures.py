"""Figures: what is in them, and that their files are always the same and ask for nothing."""

from __future__ import annotations

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from itertools import pairwise

import numpy as np
import pytest

from ruis import figures, formats
from ruis.errors import ConfigError, EngineUnavailableError, ImageWriteError

matplotlib = pytest.importorskip("matplotlib", reason="figures need the mnist extra")

DIGITS = np.random.default_rng(0).random((3, 8, 8))
SHAPES = [("image", (28, 28, 1)), ("down1", (14, 14, 16)), ("code", (1, 1, 10))]
POINTS = [("small", 1.0, 20.0), ("good", 2.0, 23.0), ("poor", 4.0, 22.0), ("large", 8.0, 24.0)]

EVERY = {
    "image_rows": lambda: figures.image_rows(
        [("noisy", DIGITS), ("denoised", DIGITS)], [["a", "b", "c"], ["d", "e", "f\n$2$"]]
    ),
    "stacked_column": lambda: figures.stacked_column(DIGITS[0], ("an image", "a column", "part")),
    "curves": lambda: figures.curves(
        {"training": ([1, 2, 3], [3, 2, 1]), "validation": ([1, 2, 3], [3, 2.2, 1.01])},
        "epoch", "loss", levels={"floor": 0.5}, title="Loss & <time>",
    ),
    "filters": lambda: figures.filters(
        np.arange(-9.0, 9).reshape(3, 3, 1, 2), "down1", labels=("in", "filters")
    ),
    "feature_maps": lambda: figures.feature_maps(DIGITS, [str(i) for i in range(8)], title="pool1"),
    "cubes": lambda: figures.cubes(SHAPES, title="a network", highlight="code"),
    "quality_against_cost": lambda: figures.quality_against_cost(
        POINTS, "ms", "PSNR, dB", wanted=22.5, wanted_label="wanted", chosen="good", log_x=True
    ),
    "heat_maps": lambda: figures.heat_maps(
        DIGITS, DIGITS, ["1", "2", "3"], labels=("image", "heat")
    ),
    "bars": lambda: figures.bars(
        {"plain": {"dense": 20.5, "other": 21.5}, "shuffled": {"dense": 20.4}}, "PSNR, dB"
    ),
    "noise_sheet": lambda: figures.noise_sheet(
        DIGITS[0], DIGITS[1] - 0.5, DIGITS[2] - 0.5, np.full((11, 11), 0.25), ([0.2, 0.6], [0.1, 0.2]),
        (0.05, 0.01), titles=["image", "finest", "flat", "neighbours", "brightness"],
        axes=("across", "up"), title="photo.png", text="The noise is white.",
    ),
}  # fmt: skip
WORDS = {
    "image_rows": {"noisy", "denoised", "a", "e", "$2$"},
    "stacked_column": {"an image", "a column", "part", "8"},
    "curves": {"epoch", "loss", "training", "validation", "floor", "Loss & <time>"},
    "filters": {"down1", "filters", "−9", "0", "9"},
    "feature_maps": {"pool1", "0", "7"},
    "cubes": {"a network", "image", "28 × 28 × 1", "14 × 14 × 16", "code", "10"},
    "quality_against_cost": {"ms", "PSNR, dB", "wanted", "small", "good", "poor", "large"},
    "heat_maps": {"image", "heat", "1", "3"},
    "bars": {"plain", "shuffled", "dense", "other", "20.5", "21.5", "20.4", "PSNR, dB"},
    "noise_sheet": {"finest", "neighbours", "across", "photo.png", "The noise is white.", "0.2"},
}
each = pytest.mark.parametrize("name", EVERY)


def test_every_drawing_is_tested():
    assert set(EVERY) | {"decimal_mark", "save", "to_png", "to_svg"} == set(figures.__all__)


def test_numbers_have_the_decimal_mark_of_the_language():
    def words():
        drawn = [
            figures.curves({"a": ([0.5, 1.5], [0.25, 0.75])}, "x", "y"),
            figures.bars({"group": {"a": 1.5}}, "y"),
            figures.feature_maps(np.array([[[0.0], [1.25]]])),
        ]
        roots = [ET.fromstring(figures.to_svg(one)) for one in drawn]
        return [[e.text for e in root.iter("{http://www.w3.org/2000/svg}text")] for root in roots]

    with figures.decimal_mark(","):
        dutch = words()
    for written, english in zip(dutch, words(), strict=True):
        assert any("," in text for text in written)
        assert not any("." in text for text in written)
        assert [text.replace(",", ".") for text in written] == english


def test_epochs_are_whole_numbers():
    figure = figures.curves({"loss": ([1, 2, 3], [3.0, 2.0, 1.0])}, "epoch", "loss")
    root = ET.fromstring(figures.to_svg(figure))
    words = [e.text for e in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"1", "2", "3"} <= set(words)
    assert "1.5" not in words[:8]


# -- files -------------------------------------------------------------------------------------------


@each
def test_words_stay_words(name):
    root = ET.fromstring(figures.to_svg(EVERY[name]()))
    words = {element.text for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert words >= WORDS[name]


@each
def test_a_figure_is_the_same_bytes_again(name):
    assert figures.to_svg(EVERY[name]()) == figures.to_svg(EVERY[name]())
    figure = EVERY[name]()
    assert figures.to_svg(figure) == figures.to_svg(figure), "also when it is written twice"
    assert figures.to_png(EVERY[name]()) == figures.to_png(EVERY[name]())


def test_a_figure_is_the_same_bytes_in_another_process_and_style():
    code = (
        "import hashlib, matplotlib; matplotlib.rcParams['font.size'] = 20\n"
        "matplotlib.rcParams['axes.facecolor'] = 'black'\n"
        "from ruis import figures\n"
        "figure = figures.curves({'a': ([1, 2, 3], [1, 3, 2])}, 'x', 'y')\n"
        "print(hashlib.sha256(figures.to_svg(figure).encode()).hexdigest())\n"
        "assert matplotlib.rcParams['font.size'] == 20"
    )
    hashes = {
        subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        ).stdout
        for program in (code, code.replace("= 20", "= 9").replace("'black'", "'white'"))
    }
    assert len(hashes) == 1


@each
def test_a_figure_asks_for_nothing_from_elsewhere(name):
    text = figures.to_svg(EVERY[name]())
    assert text.startswith("<svg")
    assert set(re.findall(r"https?://[^\"' ]*", text)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    targets = re.findall(r'href="([^"]*)"', text)
    assert all(one.startswith(("#", "data:image/png;base64,")) for one in targets)
    assert not {"<style", "<metadata", "<!DOCTYPE"} & set(re.findall(r"<!?\w+", text))


@each
def test_ids_are_unique_and_found_when_figures_share_a_page(name):
    parts = [figures.to_svg(EVERY[name](), salt) for salt in ("one", "two 2")]
    ids = [re.findall(r'\sid="([^"]*)"', part) for part in parts]
    together = [*ids[0], *ids[1]]
    assert len(together) == len(set(together))
    for part, own in zip(parts, ids, strict=True):
        assert set(re.findall(r'(?:url\(|href=")#([^)"]*)', part)) <= set(own)
    assert ids[1][0].startswith("two-2-")


def test_words_that_look_like_ids_are_left_alone():
    text = 'url(#a) id="b" href="#c"'
    svg = figures.to_svg(figures.bars({text: {"x": 1.0}}, "y"), "salt")
    assert text in [one.text for one in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def test_a_description_is_there_for_those_who_do_not_see():
    text = figures.to_svg(EVERY["bars"](), description="dense < other & so on")
    root = ET.fromstring(text)
    assert root.get("role") == "img"
    assert root[0].text == "dense < other & so on"
    assert root.get("width") == "800"


def test_a_figure_is_saved_as_both_and_replaced_only_when_told(tmp_path):
    stem = tmp_path / "maps.conv1.0"
    paths = figures.save(EVERY["bars"](), stem)
    assert [path.name for path in paths] == ["maps.conv1.0.png", "maps.conv1.0.svg"]
    assert formats.read(paths[0]).columns == 1600
    before = paths[0].read_bytes()
    paths[0].unlink()
    with pytest.raises(ImageWriteError, match="exists already"):
        figures.save(EVERY["bars"](), stem)
    assert [path.name for path in tmp_path.iterdir()] == ["maps.conv1.0.svg"], "and nothing else"
    figures.save(EVERY["bars"](), stem, overwrite=True)
    assert paths[0].read_bytes() == before


def test_drawing_touches_no_global_state():
    code = (
        "import sys, matplotlib\n"
        "before = matplotlib.rcParams.copy()\n"
        "from ruis import figures\n"
        "figures.to_png(figures.bars({'a': {'b': 1.0}}, 'y'))\n"
        "figures.to_svg(figures.curves({'a': ([1, 2], [1, 2])}, 'x', 'y', log_x=True))\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
        "after = matplotlib.rcParams\n"
        "assert all(after[key] == before[key] for key in before if key != 'backend')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(EngineUnavailableError, match=r"ruis\[mnist\]"):
        EVERY["bars"]()


# -- pictures ----------------------------------------------------------------------------------------


def pixels_of(figure) -> np.ndarray:
    """The figure as 800 pixels across."""
    return formats.read_bytes(figures.to_png(figure, 100)).pixels[..., :3]


def placed(figure) -> list[tuple[np.ndarray, list[float]]]:
    return [(np.asarray(one.get_array()), one.get_extent()) for one in figure.axes[0].images]


def test_rows_of_images_are_sharp_and_on_one_gray_scale():
    checks = np.indices((4, 4)).sum(0) % 2 * 0.5
    figure = figures.image_rows([("", np.stack([checks, checks * 2, checks * 9]))])
    seen = pixels_of(figure)
    levels = []
    for _, (left, right, bottom, top) in placed(figure):
        size = (right - left) / 4
        at = [
            (int(top + (i + 0.5) * size), int(left + (j + 0.5) * size)) for i, j in [(0, 0), (0, 1)]
        ]
        levels.append([int(seen[row, column, 0]) for row, column in at])
        inside = seen[int(top) + 3 : int(bottom) - 3, int(left) + 3 : int(right) - 3, 0]
        # All but the rows and columns on which two squares meet.
        assert np.isin(inside, levels[-1]).mean() > 0.95
    assert levels == [[0, 128], [0, 255], [0, 255]]


def test_colour_images_and_rows_of_other_lengths_may_stand_together():
    rows = [("", np.ones((2, 6, 4, 3)) * [1, 0, 0]), ("", DIGITS[..., None])]
    figure = figures.image_rows(rows)
    assert len(figure.axes[0].images) == 5
    _, (left, right, bottom, top) = placed(figure)[0]
    assert pixels_of(figure)[int((top + bottom) / 2), int((left + right) / 2)].tolist() == [
        255,
        0,
        0,
    ]
    assert (bottom - top) / (right - left) == pytest.approx(1.5)


def test_captions_are_for_every_image_or_none():
    with pytest.raises(ConfigError, match="captions"):
        figures.image_rows([("", DIGITS)], [["one"]])
    with pytest.raises(ConfigError, match="no images"):
        figures.image_rows([])


def test_filters_have_one_scale_around_zero():
    kernels = np.random.default_rng(0).normal(size=(3, 3, 2, 5))
    figure = figures.filters(kernels)
    pictures = figure.axes[0].images
    assert len(pictures) == 2 * 5 + 1
    largest = np.abs(kernels).max()
    assert {one.get_clim() for one in pictures} == {(-largest, largest)}
    np.testing.assert_array_equal(pictures[7].get_array(), kernels[:, :, 1, 2])
    zero = pixels_of(figures.filters(np.zeros((1, 1, 1, 1))))
    assert zero[30, 30].tolist() == pytest.approx([247, 247, 247], abs=2)


def test_fewer_filters_than_channels_are_rows_and_many_are_limited():
    kernels = np.random.default_rng(0).normal(size=(3, 3, 6, 2))
    pictures = placed(figures.filters(kernels))
    np.testing.assert_array_equal(pictures[1][0], kernels[:, :, 1, 0])
    tops = {extent[3] for _, extent in pictures[:-1]}
    assert len(tops) == 2, "one row for each filter"
    many = figures.filters(np.ones((3, 3, 100, 90)), limit=(4, 5))
    assert len(many.axes[0].images) == 4 * 5 + 1
    with pytest.raises(ConfigError):
        figures.filters(np.ones((3, 3, 4)))


def test_maps_are_gray_unless_some_are_negative():
    gray = figures.feature_maps(DIGITS).axes[0].images[0]
    signed = figures.feature_maps(DIGITS - 0.5).axes[0].images[0]
    assert (gray.get_cmap().name, gray.get_clim()[0]) == ("gray", 0)
    low, high = signed.get_clim()
    assert low == -high
    assert len(figures.feature_maps(np.ones((2, 2, 90)), limit=10).axes[0].images) == 11
    assert figures.to_png(figures.feature_maps(np.zeros((2, 2, 3))))
    with pytest.raises(ConfigError, match="titles"):
        figures.feature_maps(DIGITS, ["one"])


def test_heat_stands_below_its_image_on_one_scale():
    heat = DIGITS * [[[1]], [[2]], [[4]]]
    pictures = figures.heat_maps(DIGITS, heat).axes[0].images
    assert {one.get_clim() for one in pictures[1:6:2]} == {(0, heat.max())}
    for image, below in zip(pictures[:6:2], pictures[1:6:2], strict=True):
        assert image.get_extent()[:2] == below.get_extent()[:2]
        assert image.get_extent()[2] < below.get_extent()[3]
    with pytest.raises(ConfigError, match="3 images, 2 maps"):
        figures.heat_maps(DIGITS, heat[:2])


def test_the_column_has_the_values_of_the_image_row_by_row():
    image = np.arange(6.0).reshape(2, 3) / 5
    (picture, _), (column, extent), (part, _) = placed(figures.stacked_column(image))
    np.testing.assert_array_equal(picture.reshape(6, 3), column.reshape(6, 3))
    np.testing.assert_array_equal(part, column)
    assert extent[2] - extent[3] > 10 * (extent[1] - extent[0]), "long"
    tints = picture[:, 0] / picture[:, 0].max(axis=1, keepdims=True)
    assert np.abs(tints[0] - tints[1]).max() > 0.2, "neighbouring rows differ in tint"
    with pytest.raises(ConfigError, match="row 1"):
        figures.stacked_column(image, row=1)


# -- charts and cubes --------------------------------------------------------------------------------


def boxes(figure, texts) -> list:
    figure.draw_without_rendering()
    return [text.get_window_extent() for text in texts]


def test_the_names_of_curves_do_not_overlap():
    x = [1, 2, 3]
    series = {f"curve {i}": (x, [2, 1, 1 + i * 0.001]) for i in range(7)}
    figure = figures.curves(series, "x", "y")
    found = sorted(boxes(figure, figure.axes[0].texts), key=lambda box: box.y0)
    assert all(low.y1 <= high.y0 + 2 for low, high in pairwise(found))
    assert all(box.x1 <= 800 and box.y0 >= 0 and box.y1 <= 400 for box in found)


def test_the_names_of_curves_are_evenly_apart_whatever_else_is_drawn():
    series = {name: ([1, 2], [2, 1 + i * 0.001]) for i, name in enumerate(["one", "two", "three"])}
    figure = figures.curves(series, "x", "y", levels={"far below": -9})
    names = [text for text in figure.axes[0].texts if text.get_text() in series]
    figure.draw_without_rendering()
    ends = [figure.axes[0].transData.transform((2, y[1]))[1] for _, y in series.values()]
    places = sorted(a + text.xyann[1] * 100 / 72 for a, text in zip(ends, names, strict=True))
    assert np.diff(places) == pytest.approx([16, 16], abs=0.1)


def test_curves_refuse_what_they_cannot_draw():
    with pytest.raises(ConfigError, match="0 curves"):
        figures.curves({}, "x", "y")
    with pytest.raises(ConfigError, match="'a' has 2 values of x and 1 of y"):
        figures.curves({"a": ([1, 2], [1])}, "x", "y")


def test_the_front_is_of_what_nothing_beats():
    figure = figures.quality_against_cost(POINTS, "x", "y")
    front = figure.axes[0].lines[0]
    assert front.get_xdata().tolist() == [1, 2, 8, 8]
    assert front.get_ydata().tolist() == [20, 23, 24, 24]
    with pytest.raises(ConfigError, match="'best'"):
        figures.quality_against_cost(POINTS, "x", "y", chosen="best")


def test_the_names_of_points_keep_apart():
    points = [(f"model {i}", 100 + i * 3, 20 + i * 0.02) for i in range(6)]
    figure = figures.quality_against_cost([("far", 0, 10), *points], "x", "y")
    found = boxes(figure, figure.axes[0].texts)
    pairs = [(a, b) for i, a in enumerate(found) for b in found[:i]]
    shared = [
        max(0, min(a.x1, b.x1) - max(a.x0, b.x0)) * max(0, min(a.y1, b.y1) - max(a.y0, b.y0))
        for a, b in pairs
    ]
    everything = sum(box.width * box.height for box in found)
    assert sum(shared) < 0.5 * everything


def test_bars_begin_at_zero_or_are_dots():
    groups = {"a": {"x": 20.0}, "b": {"x": 21.0}}
    bars = figures.bars(groups, "y").axes[0]
    assert [patch.get_height() for patch in bars.patches] == [20, 21]
    assert bars.get_ylim()[0] == 0
    dots = figures.bars(groups, "y", from_zero=False).axes[0]
    assert not dots.patches
    assert dots.get_ylim()[0] > 15


def test_cubes_are_to_scale():
    shapes = [("a", (28, 28, 16)), ("b", (14, 7, 16)), ("c", (14, 14, 8))]
    corners = [np.array(one.get_xy()) for one in figures.cubes(shapes).axes[0].patches
               if isinstance(one, matplotlib.patches.Polygon)]  # fmt: skip
    fronts, sides = corners[0::3], corners[2::3]
    tall = [np.ptp(front[:, 1]) for front in fronts]
    long = [np.ptp(front[:, 0]) for front in fronts]
    deep = [np.ptp(side[:, 0]) for side in sides]
    assert np.array(tall) / tall[0] == pytest.approx([1, 0.5, 0.5])
    assert np.array(long) / long[0] == pytest.approx([1, 1, 0.5])
    assert np.array(deep) / deep[0] == pytest.approx([1, 0.25, 0.5])


@pytest.mark.parametrize("length", [1, 15, 40])
def test_the_words_below_cubes_do_not_overlap(length):
    names = [f"down{i}_block_second" if length == 40 else f"conv{i}" for i in range(length)]
    figure = figures.cubes([(name, (28, 28, 1 + i * 6)) for i, name in enumerate(names)])
    words = [text for text in figure.axes[0].texts if text.get_text()]
    assert len(words) == 2 * length
    found = boxes(figure, words)
    for i, one in enumerate(found):
        assert one.x0 >= 0
        assert one.x1 <= 800
        assert not any(one.shrunk(0.98, 0.7).overlaps(other) for other in found[:i])


def test_a_network_has_sides():
    with pytest.raises(ConfigError):
        figures.cubes([])
    with pytest.raises(ConfigError):
        figures.cubes([("a", (0, 1, 1))])


def test_png_has_the_dots_that_were_asked_for():
    figure = EVERY["bars"]()
    for dpi in (50, 200):
        assert formats.read_bytes(figures.to_png(figure, dpi)).columns == 8 * dpi
