"""A command line that starts slowly is not used; an import that is slow is moved into a function.

Times are those of whole processes, as a multiple of Python's own start in the same minute, so that
a busy or slow machine does not matter. The budgets in seconds are measured in `benchmarks/`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest


def seconds(environment: dict[str, str], *arguments: str) -> float:
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, *arguments], capture_output=True, check=True, timeout=120, env=environment
    )
    return time.perf_counter() - start


@pytest.mark.parametrize(
    ("arguments", "most"),
    [
        (("-c", "import ruis"), 3.0),
        (
            ("-c", "import sys; from ruis.cli import main; sys.argv = ['ruis', '--help']; main()"),
            12.0,
        ),
    ],
    ids=["import", "help"],
)
def test_a_start_is_a_small_multiple_of_pythons_own(arguments, most, tmp_path):
    # As for a user, whose second start finds everything compiled, however these tests are run.
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(tmp_path)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    seconds(environment, *arguments)
    ratios = []
    for _ in range(7):  # the best of some, as anything else may run at the same time
        ratios.append(seconds(environment, *arguments) / seconds(environment, "-c", "pass"))
        if min(ratios) < most:
            break
    assert min(ratios) < most
