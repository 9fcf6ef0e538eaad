from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from ruis import model_file
from ruis.anomaly import AnomalyDetector, NormalScores, Threshold
from ruis.autoencoder import Autoencoder
from ruis.denoiser import Denoiser
from ruis.errors import (
    AxesError,
    ConfigError,
    EmptyDatasetError,
    ImageError,
    ImageWriteError,
    ModelCorruptError,
    ModelNotFoundError,
    ModelVersionError,
    UnknownNameError,
)
from ruis.image import Image, ImageInfo

SIDE = 32
NETWORK = {
    "name": "convolutional-autoencoder",
    "filters": [16, 8],
    "kernel": 6,
    "pooling": "none",
    "stride": 2,
    "upsampling": "transposed",
    "activation": "elu",
    "output_activation": "linear",
}


def surfaces(count: int, seed: int) -> np.ndarray:
    """Make striped surfaces, (count, 32, 32) in [0, 1]: each has a phase and grain of its own."""
    rng = np.random.default_rng(seed)
    phases = rng.uniform(0, 2 * np.pi, (count, 1, 1))
    stripes = 0.5 + 0.2 * np.sin(2 * np.pi * np.arange(SIDE) / 8 + phases)
    return (stripes + rng.normal(0, 0.02, (count, SIDE, SIDE))).astype(np.float32)


def scratched(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Make surfaces with a short scratch, and where its middle is.

    A scratch turns light into dark and dark into light: no pixel of it is unusual by itself.
    """
    images = surfaces(count, seed)
    places = np.random.default_rng([seed, 1]).integers(6, SIDE - 6, (count, 2))
    for image, (row, column) in zip(images, places, strict=True):
        place = np.s_[row - 2 : row + 2, column - 5 : column + 5]
        image[place] = 1 - image[place]
    return images, places - 0.5


class Shuffled:
    """Reconstructs an image as its own pixels, in disorder: it knows nothing."""

    def predict(self, x):
        rng = np.random.default_rng(0)
        return rng.permuted(x.reshape(len(x), -1), axis=1).reshape(x.shape)


class Flat:
    """Reconstructs everything as middle gray."""

    def predict(self, x):
        return np.full_like(x, 0.5)


class Perfect:
    """Reconstructs everything, scratches as well."""

    def predict(self, x):
        return x.copy()


@pytest.fixture(scope="module")
def taught():
    """Teach a small autoencoder what normal surfaces look like."""
    autoencoder = Autoencoder(NETWORK, seed=0)
    autoencoder.compile("adam", "mean_squared_error", learning_rate=1e-2)
    images = surfaces(256, 1)[..., None]
    autoencoder.fit(images, images, epochs=12, batch_size=16)
    return autoencoder


@pytest.fixture(scope="module")
def model(taught, tmp_path_factory):
    """Keep it as a model file."""
    path = tmp_path_factory.mktemp("model") / "stripes.ruis"
    taught.save(path, {"name": "stripes"})
    return path


@pytest.fixture
def detector(model):
    return AnomalyDetector(Denoiser(model_file.load(model), precision="f32"))


def auroc(detector: AnomalyDetector) -> float:
    """Tell scratched from normal surfaces, none of which anybody has seen."""
    images = np.concatenate([surfaces(60, 2), scratched(60, 3)[0]])
    return roc_auc_score([0] * 60 + [1] * 60, detector.decision_function(images))


# -- what it is for --------------------------------------------------------------------------------


@pytest.mark.parametrize("score", ["peak", "mse", "mae"])
def test_scratches_score_higher_than_normal_surfaces(taught, score):
    assert auroc(AnomalyDetector(taught, score=score)) > 0.97


@pytest.mark.parametrize("ignorant", [Shuffled(), Flat(), Perfect()])
def test_a_reconstructor_that_knows_nothing_would_fail_that(ignorant):
    assert auroc(AnomalyDetector(ignorant)) < 0.7


def test_a_denoiser_and_an_autoencoder_of_the_same_network_agree(taught, detector):
    images = scratched(8, 4)[0]
    ours = detector.decision_function(images)
    assert ours == pytest.approx(AnomalyDetector(taught).decision_function(images), rel=0.05)


def test_new_normal_images_are_mostly_normal_and_scratched_ones_odd(taught):
    detector = AnomalyDetector(taught, threshold="sd=4").fit(surfaces(100, 5))
    assert detector.predict(surfaces(100, 6)).mean() <= 0.1
    assert detector.predict(scratched(100, 7)[0]).mean() >= 0.9


def test_a_heat_map_is_hottest_where_the_scratch_is(detector):
    images, places = scratched(20, 8)
    maps = detector.heat_maps(images)
    assert maps.shape == (20, SIDE, SIDE)
    hottest = [np.unravel_index(one.argmax(), one.shape) for one in maps]
    near = np.abs(np.array(hottest) - places) <= [4, 7]
    assert near.all(axis=1).mean() >= 0.95


def test_smoothing_spreads_heat_and_keeps_its_mean(taught):
    image = scratched(1, 9)[0][0]
    sharp, soft = (
        AnomalyDetector(taught, smoothing=s, border=0).heat_map(image) for s in (0.0, 4.0)
    )
    assert soft.max() < 0.7 * sharp.max()
    assert np.square(soft).mean() == pytest.approx(np.square(sharp).mean(), rel=0.1)


def test_the_border_is_left_out_but_never_the_whole_image():
    image = np.full((1, 20, 40), 0.6, np.float32)
    (heat,) = AnomalyDetector(Flat(), border=3).heat_maps(image)
    assert (heat[3:-3, 3:-3] > 0.09).all()
    assert np.count_nonzero(heat) == 14 * 34
    (heat,) = AnomalyDetector(Flat(), border=1000).heat_maps(image)
    assert np.count_nonzero(heat) == 10 * 20


def test_scores_are_the_errors_that_they_are_called():
    image = np.zeros((1, 8, 8), np.float32)
    image[0, 2, 2] = 1  # errors of a half everywhere
    assert AnomalyDetector(Flat(), score="mse").decision_function(image) == pytest.approx([0.25])
    assert AnomalyDetector(Flat(), score="mae").decision_function(image) == pytest.approx([0.5])
    assert AnomalyDetector(Flat(), score="peak").decision_function(image) == pytest.approx([0.5])


def test_the_peak_finds_what_the_mean_drowns():
    rng = np.random.default_rng(0)
    normal = 0.5 + rng.normal(0, 1, (40, 96, 96)) * rng.uniform(0.02, 0.03, (40, 1, 1))
    odd = normal[:20].copy()
    odd[:, 40:43, 40:43] += 0.2
    truth = [0] * 20 + [1] * 20
    images = np.concatenate([normal[20:], odd])
    found = {
        score: roc_auc_score(truth, AnomalyDetector(Flat(), score=score).decision_function(images))
        for score in ("peak", "mse")
    }
    assert found["peak"] == 1
    assert found["mse"] < 0.8


# -- thresholds ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("quantile=0.9", lambda scores: np.quantile(scores, 0.9)),
        ("contamination=0.1", lambda scores: np.quantile(scores, 0.9)),
        ("sd=2", lambda scores: np.mean(scores) + 2 * np.std(scores)),
        ("quantile=1", np.max),
    ],
)
def test_a_threshold_is_what_its_rule_says(rule, expected):
    detector = AnomalyDetector(Flat(), threshold=rule).fit(surfaces(30, 10))
    assert detector.threshold_ == pytest.approx(expected(detector.decision_scores_))


@pytest.mark.parametrize("share", [0.05, 0.1, 0.25, 0.5])
def test_so_many_fitted_images_are_odd_as_contamination_says(taught, share):
    detector = AnomalyDetector(taught, threshold=f"contamination={share}").fit(surfaces(100, 11))
    assert detector.labels_.sum() == round(100 * share)


def test_contamination_finds_the_odd_ones_among_the_fitted(taught):
    images = np.concatenate([surfaces(45, 12), scratched(5, 13)[0]])
    detector = AnomalyDetector(taught, threshold="contamination=0.1").fit(images)
    assert np.flatnonzero(detector.labels_).tolist() == [45, 46, 47, 48, 49]


def test_labels_agree_with_predict_on_the_same_images(detector):
    images = surfaces(40, 14)
    detector.fit(images)
    assert (detector.labels_ == detector.predict(images)).all()
    assert detector.decision_scores_ == pytest.approx(detector.decision_function(images))


@pytest.mark.parametrize(
    ("rule", "error"),
    [
        ("quantil=0.9", "Did you mean 'quantile'"),
        ("quantile", "quantile=0.99"),
        ("quantile=most", "quantile=0.99"),
        ("quantile=1.5", "up to 1"),
        ("sd=0", "above 0"),
        ("sd=nan", "finite"),
        ("contamination=0.6", "up to 0.5"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(rule, error):
    with pytest.raises(ConfigError, match=error):
        AnomalyDetector(Flat(), threshold=rule)


def test_a_rule_is_read_as_it_is_written():
    assert str(Threshold.read("sd=2.5")) == "sd=2.5"
    assert AnomalyDetector(Flat(), threshold=Threshold(name="sd", value=1)).threshold.value == 1


# -- what goes in ----------------------------------------------------------------------------------


def test_images_come_in_many_ways_and_score_the_same():
    stack = surfaces(6, 15)
    stored = np.rint(np.clip(stack, 0, 1) * 65535).astype(np.uint16)
    info = ImageInfo(np.dtype(np.uint16), (0.0, 65535.0))
    detector = AnomalyDetector(Flat())
    expected = detector.decision_function(stack)
    for images in (
        stack[..., None],
        list(stack),
        (one for one in stack),
        stored,
        [Image(one[..., None], info) for one in stored],
    ):
        assert detector.decision_function(images) == pytest.approx(expected, abs=1e-4)
    assert detector.decision_function(stack[0]) == pytest.approx(expected[:1])
    single = Image(stored[0][..., None], info)
    assert detector.decision_function(single) == pytest.approx(expected[:1], abs=1e-4)


def test_images_of_different_sizes(detector):
    images = [*surfaces(3, 16), surfaces(1, 17)[0][:20, :27], *surfaces(2, 18)]
    scores = detector.decision_function(images)
    alone = [float(detector.decision_function([one])[0]) for one in images]
    assert scores == pytest.approx(alone, rel=1e-4)
    assert detector.heat_map(images[3]).shape == (20, 27)
    with pytest.raises(AxesError, match="one by one"):
        detector.heat_maps(images)


def test_alpha_is_left_out_and_colour_is_one_image():
    rng = np.random.default_rng(0)
    colour = rng.random((16, 16, 3), np.float32)
    alpha = np.concatenate([colour, rng.random((16, 16, 1), np.float32)], axis=2)
    detector = AnomalyDetector(Flat())
    assert detector.decision_function([alpha]) == detector.decision_function([colour])
    assert detector.heat_map(colour).shape == (16, 16)


def test_a_gray_image_among_colour_ones_is_scored_as_it_was_taught(small_model):
    detector = AnomalyDetector(Denoiser(small_model(channels=3), precision="f32"))
    gray = surfaces(1, 19)[0]
    colour = np.repeat(gray[..., None], 3, axis=2)
    assert detector.decision_function([gray]) == detector.decision_function([colour])


def test_no_images_give_no_scores_and_nothing_to_fit(detector):
    for nothing in ([], np.empty((0, 8, 8), np.float32)):
        assert detector.decision_function(nothing).shape == (0,)
        assert detector.heat_maps(nothing).size == 0
        with pytest.raises(EmptyDatasetError, match="0 images"):
            detector.fit(nothing)


def test_one_image_is_scored_but_says_not_what_is_normal(detector):
    assert detector.decision_function(surfaces(1, 20)).shape == (1,)
    with pytest.raises(EmptyDatasetError, match="two or more"):
        detector.fit(surfaces(1, 20))


def test_a_failed_fit_leaves_the_detector_as_it_was(detector):
    threshold = detector.fit(surfaces(10, 21)).threshold_
    with pytest.raises(EmptyDatasetError):
        detector.fit([])
    assert detector.threshold_ == threshold


def test_values_that_are_not_numbers_are_refused_and_the_image_named(detector):
    images = surfaces(4, 22)
    images[2, 3, 3] = np.nan
    with pytest.raises(ImageError, match=r"image 2: .*not numbers"):
        detector.decision_function(images)
    info = ImageInfo(np.dtype(np.float32), (0.0, 1.0), source="part.tif")
    with pytest.raises(ImageError, match=r"part\.tif: .*not numbers"):
        detector.decision_function([Image(images[2][..., None], info)])


@pytest.mark.parametrize("shape", [(5,), (64, 64, 3), (2, 2, 2, 2, 2)])
def test_an_array_whose_axes_are_unclear_is_refused(shape):
    with pytest.raises(AxesError):
        AnomalyDetector(Flat()).decision_function(np.zeros(shape, np.float32))


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ({"score": "peek"}, UnknownNameError),
        ({"smoothing": -1}, ConfigError),
        ({"border": -1}, ConfigError),
        ({"smoothing": float("nan")}, ConfigError),
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments, kind):
    with pytest.raises(kind):
        AnomalyDetector(Flat(), **arguments)


def test_what_reconstructs_nothing_is_refused():
    with pytest.raises(ConfigError, match="list has neither"):
        AnomalyDetector([])

    class Halved:
        def predict(self, x):
            return x[:, ::2]

    with pytest.raises(ConfigError, match="keep the shape"):
        AnomalyDetector(Halved()).decision_function(surfaces(2, 23))


@pytest.mark.parametrize("name", ["threshold_", "labels_", "decision_scores_", "normal_"])
def test_what_is_fitted_is_not_there_before(detector, name):
    with pytest.raises(ConfigError, match="call fit"):
        getattr(detector, name)


def test_an_unfitted_detector_gives_scores_but_no_verdicts(detector, tmp_path):
    images = surfaces(2, 24)
    assert detector.decision_function(images).shape == (2,)
    for verdict in (detector.predict, detector.examine):
        with pytest.raises(ConfigError, match="call fit"):
            verdict(images)
    with pytest.raises(ConfigError, match="call fit"):
        detector.save(tmp_path / "a.json")


def test_examine_tells_the_same_as_the_others(detector):
    image = scratched(1, 25)[0][0]
    finding = detector.fit(surfaces(20, 26)).examine(image)
    assert finding.score == pytest.approx(detector.decision_function([image])[0])
    assert finding.odd is True
    assert (finding.heat_map == detector.heat_map(image)).all()


# -- on disk ---------------------------------------------------------------------------------------


def test_a_detector_comes_back_as_it_was_kept(model, tmp_path):
    denoiser = Denoiser(model_file.load(model), precision="f32")
    kept = AnomalyDetector(denoiser, threshold="sd=3", score="mae", smoothing=1.5, border=2)
    kept.fit(surfaces(30, 27)).save(tmp_path / "a.json", model=model)
    back = AnomalyDetector.load(tmp_path / "a.json")
    assert (back.threshold_, back.normal_) == (kept.threshold_, kept.normal_)
    assert (back.score, back.smoothing, back.border) == ("mae", 1.5, 2)
    assert str(back.threshold) == "sd=3"
    images = scratched(4, 28)[0]
    assert back.decision_function(images) == pytest.approx(kept.decision_function(images))
    with pytest.raises(ConfigError, match="normal_"):
        _ = back.labels_


def test_the_summary_is_that_of_the_scores(detector):
    detector.fit(surfaces(30, 29))
    scores, summary = detector.decision_scores_, detector.normal_
    assert isinstance(summary, NormalScores)
    assert (summary.count, summary.mean, summary.sd) == (30, scores.mean(), scores.std())
    assert summary.quantiles["0.5"] == np.median(scores)
    assert summary.quantiles["1"] == scores.max()


def test_detector_and_model_may_move_together(detector, model, tmp_path):
    (tmp_path / "one" / "deep").mkdir(parents=True)
    (tmp_path / "one" / "m.ruis").write_bytes(model.read_bytes())
    detector.fit(surfaces(5, 30))
    detector.save(tmp_path / "one" / "deep" / "a.json", model=tmp_path / "one" / "m.ruis")
    (tmp_path / "one").rename(tmp_path / "two")
    moved = AnomalyDetector.load(tmp_path / "two" / "deep" / "a.json")
    assert moved.threshold_ == detector.threshold_
    assert str(tmp_path) not in (tmp_path / "two" / "deep" / "a.json").read_text()


def test_a_model_that_ships_is_kept_by_its_name(tmp_path, monkeypatch):
    import ruis

    detector = AnomalyDetector(ruis.load("gray", precision="f32")).fit(surfaces(3, 31))
    detector.save(tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_text())["model"]["path"] is None
    assert AnomalyDetector.load(tmp_path / "a.json").threshold_ == detector.threshold_


@pytest.fixture
def saved(detector, model, tmp_path):
    (tmp_path / "m.ruis").write_bytes(model.read_bytes())
    detector.fit(surfaces(5, 32)).save(tmp_path / "a.json", model=tmp_path / "m.ruis")
    return tmp_path / "a.json"


def test_another_model_in_its_place_is_refused(saved, taught):
    weights = {name: 1.1 * tensor for name, tensor in taught.weights.items()}
    manifest = model_file.load(saved.parent / "m.ruis").manifest
    model_file.save(saved.parent / "m.ruis", manifest, weights, overwrite=True)
    with pytest.raises(ModelCorruptError, match=r"not the model that .* was fitted with"):
        AnomalyDetector.load(saved)


def test_a_model_that_is_gone_is_named(saved):
    (saved.parent / "m.ruis").unlink()
    with pytest.raises(ModelNotFoundError, match=r"is gone: .*m\.ruis"):
        AnomalyDetector.load(saved)


def test_a_detector_is_not_kept_with_another_model(detector, tmp_path):
    detector.fit(surfaces(5, 33))
    with pytest.raises(ConfigError, match="gray is not the model"):
        detector.save(tmp_path / "a.json", model="gray")
    with pytest.raises(ConfigError, match="Say model=FILE"):
        detector.save(tmp_path / "a.json")
    assert not (tmp_path / "a.json").exists()


def test_a_detector_without_a_model_file_cannot_be_kept(taught, tmp_path):
    with pytest.raises(ConfigError, match="not with Autoencoder"):
        AnomalyDetector(taught).fit(surfaces(5, 34)).save(tmp_path / "a.json")


def test_an_existing_file_is_kept(saved, detector):
    before = saved.read_bytes()
    with pytest.raises(ImageWriteError, match="exists"):
        detector.save(saved, model=saved.parent / "m.ruis")
    assert saved.read_bytes() == before
    detector.save(saved, model=saved.parent / "m.ruis", overwrite=True)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda text: text[:-20], ModelCorruptError),
        (lambda text: "[]", ModelCorruptError),
        (lambda text: text.replace('"smoothing"', '"smoothin"'), ModelCorruptError),
        (
            lambda text: text.replace('"schema_version": 1', '"schema_version": 9'),
            ModelVersionError,
        ),
        (lambda text: text.replace('"peak"', '"worst"'), ModelCorruptError),
        (lambda text: " " * 2**21, ModelCorruptError),
    ],
)
def test_a_damaged_detector_is_refused(saved, change, kind):
    saved.write_text(change(saved.read_text()))
    with pytest.raises(kind, match=r"a\.json"):
        AnomalyDetector.load(saved)


def test_a_detector_that_is_not_there_is_said(tmp_path):
    with pytest.raises(ModelNotFoundError, match="ruis anomaly fit"):
        AnomalyDetector.load(tmp_path / "nowhere.json")
