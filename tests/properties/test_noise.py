"""What holds for every noise and every image."""

from __future__ import annotations

import contextlib
import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ruis.errors import ConfigError
from ruis.noise import parse
from ruis.noise.camera.demosaic import demosaic_bilinear, demosaic_malvar, mosaic
from ruis.noise.estimate import estimate_sigma

numbers = st.floats(0, 10, allow_subnormal=False)
amounts = numbers | st.tuples(numbers, numbers).map(sorted)
shares = st.floats(0, 1) | st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted)
qualities = st.integers(1, 100)
simple = st.one_of(
    st.fixed_dictionaries({"name": st.just("gaussian"), "sigma": shares}),
    st.fixed_dictionaries({"name": st.just("speckle"), "sigma": amounts}),
    st.fixed_dictionaries(
        {"name": st.just("region"), "sigma": amounts},
        optional={"height": shares, "width": shares, "row": shares, "column": shares},
    ),
    st.fixed_dictionaries({"name": st.just("poisson-gaussian"), "gain": amounts, "sigma": amounts}),
    st.fixed_dictionaries({"name": st.just("salt-and-pepper"), "share": shares, "salt": shares}),
    st.fixed_dictionaries({"name": st.just("jpeg"), "quality": qualities}),
    st.fixed_dictionaries({"name": st.just("quantisation"), "levels": st.integers(2, 65536)}),
    st.fixed_dictionaries({"name": st.just("poisson"), "peak": st.floats(0.01, 1e6)}),
    st.just({"name": "camera"}),
)
forms = st.recursive(
    simple,
    lambda inner: st.lists(inner, min_size=1, max_size=3).flatmap(
        lambda models: st.sampled_from(
            [{"name": "composition", "models": models}, {"name": "one-of", "models": models}]
        )
    ),
    max_leaves=5,
)
images = arrays(
    np.float32,
    st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 2, 3])),
    elements=st.floats(-2, 3, width=32),
)


@given(forms)
def test_the_json_form_is_the_model(form):
    model = parse(form)
    assert parse(json.loads(json.dumps(model.to_json_form()))) == model


@given(forms)
def test_the_text_form_is_read_and_written_alike(form):
    text = str(parse(str(parse(form))))  # once rounded, and without groups of one
    assert str(parse(text)) == text


@given(forms, images, st.integers(0, 2**32))
def test_every_image_gets_finite_noise_of_its_shape_from_its_seed(form, clean, seed):
    model = parse(form)
    before = clean.copy()
    noisy = model.add(clean, np.random.default_rng(seed))
    assert noisy.shape == clean.shape
    assert noisy.dtype == np.float32
    assert np.isfinite(noisy).all()
    assert np.array_equal(clean, before)
    assert np.array_equal(noisy, model.add(clean, np.random.default_rng(seed)))


@given(st.text(alphabet="gausinjpe:=,.0123/()|+* ", max_size=30))
def test_any_text_is_a_model_or_an_error_of_ours(text):
    with contextlib.suppress(ConfigError):
        parse(text)


@given(arrays(np.float32, (2, 7, 6), elements=st.floats(-1, 1, width=32)))
def test_what_the_mosaic_measured_stays_measured(raw):
    for demosaic in (demosaic_bilinear, demosaic_malvar):
        assert np.array_equal(mosaic(demosaic(raw)), raw)


@given(images, st.floats(0.25, 4))
def test_the_estimate_is_never_negative_and_scales(pixels, scale):
    found = estimate_sigma(pixels)
    assert found >= 0
    assert np.isclose(
        estimate_sigma(pixels * np.float32(scale)), found * scale, rtol=1e-2, atol=1e-5
    )
