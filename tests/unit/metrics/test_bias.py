from __future__ import annotations

import numpy as np
import pytest

from ruis.errors import ConfigError
from ruis.metrics.bias import bias


def test_darker_is_positive_in_fractions_of_the_range():
    stored = np.full((4, 4), 200, np.uint8)
    assert bias(stored, stored - 51, 255) == pytest.approx(0.2)
    assert bias(stored - 51, stored, 255) == pytest.approx(-0.2)


@pytest.mark.parametrize(
    ("one", "two", "data_range"), [((4, 4), (4, 5), 1), ((0, 4), (0, 4), 1), ((4, 4), (4, 4), 0)]
)
def test_nonsense_is_refused(one, two, data_range):
    with pytest.raises(ConfigError):
        bias(np.zeros(one), np.zeros(two), data_range)
