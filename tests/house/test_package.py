"""`ruis.denoise` is the function, whatever was imported before."""

import subprocess
import sys

import pytest

ORDERS = [
    "import ruis; ruis.denoise",
    "import ruis.denoise",
    "from ruis.denoise import denoise; import ruis",
    "import ruis; ruis.Denoiser; import ruis.evaluate, ruis.train",
    "import ruis.zoo, ruis",
]


@pytest.mark.parametrize("order", ORDERS)
def test_public_functions_are_functions(order):
    code = f"{order}\nimport ruis\nassert all(callable(f) for f in (ruis.denoise, ruis.load))\n"
    code += "from ruis.choice import choose\nassert callable(choose)\n"
    code += "assert callable(ruis.evaluate) and callable(ruis.read)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_name_that_is_not_there_is_an_attribute_error():
    import ruis

    with pytest.raises(AttributeError, match="no attribute 'denoize'"):
        _ = ruis.denoize
