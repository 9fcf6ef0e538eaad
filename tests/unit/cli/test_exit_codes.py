"""Scripts rely on the exit codes."""

from __future__ import annotations

import pytest

from ruis import errors
from ruis.cli.exit_codes import code_of, code_of_run


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.ConfigError("no"), 2),
        (errors.UnknownNameError("model", "x", ["y"]), 2),
        (errors.ModelNotFoundError("no"), 2),
        (errors.ModelCorruptError("no"), 3),
        (errors.CorruptImageError("no"), 3),
        (errors.EngineUnavailableError("training", "train"), 3),
        (errors.ParityError(1.0, 0.1), 3),
        (errors.RuisError("no"), 3),
    ],
)
def test_an_error_has_the_code_of_its_kind(error, code):
    assert code_of(error) == code


@pytest.mark.parametrize(
    ("done", "failed", "code"), [(0, 0, 0), (3, 0, 0), (3, 1, 1), (0, 1, 3), (0, 9, 3)]
)
def test_a_run_over_many_inputs_says_whether_all_some_or_none_were_done(done, failed, code):
    assert code_of_run(done, failed) == code
