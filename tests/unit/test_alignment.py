import numpy as np
import pytest

from ruis.alignment import shift


def scene(rows: int = 160, columns: int = 200) -> np.ndarray:
    """A smooth scene with edges, as large as two shots of it need."""
    rng = np.random.default_rng(3)
    row, column = np.mgrid[:rows, :columns]
    picture = np.zeros((rows, columns))
    for _ in range(30):
        middle, radius = rng.uniform(0, 1, 2) * (rows, columns), rng.uniform(5, 30)
        inside = (row - middle[0]) ** 2 + (column - middle[1]) ** 2 < radius**2
        picture = np.where(inside, rng.uniform(0, 1), picture)
    return picture[..., None]


@pytest.mark.parametrize("by", [(0, 0), (2, -3), (-7, 5), (1, 0)])
def test_a_whole_shift_is_found(by):
    picture = scene()
    down, right = by
    one = picture[10:150, 10:190]
    other = picture[10 - down : 150 - down, 10 - right : 190 - right]
    assert shift(one, other) == pytest.approx(by, abs=0.1)


def test_half_a_pixel_is_found_in_noise():
    picture = scene(320, 400)
    one, other = picture[:, :-1], picture[:, 1:]
    small = [
        half.reshape(160, 2, -1, 2).mean((1, 3))[..., None] for half in (one[:, :-1], other[:, :-1])
    ]
    noise = np.random.default_rng(0).normal(0, 0.1, small[0].shape)
    assert shift(small[0], small[1] + noise) == pytest.approx((0, -0.5), abs=0.15)


@pytest.mark.parametrize("picture", [np.zeros((40, 40, 1)), np.full((40, 40, 3), 0.5)])
def test_nothing_to_see_tells_nothing(picture):
    assert shift(picture, picture) is None


def test_two_unrelated_noises_tell_nothing():
    one, other = np.random.default_rng(0).standard_normal((2, 128, 128, 1))
    assert shift(one, other) is None
