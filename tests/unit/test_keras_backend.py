"""What is set before TensorFlow starts: in a process of its own, for it starts once."""

import os
import subprocess
import sys

import pytest

pytest.importorskip("keras")

ASK = """
from ruis.keras_backend import load_keras
load_keras()
from tensorflow.python.util import _pywrap_util_port as port
print(port.IsMklEnabled())
"""


@pytest.mark.slow
@pytest.mark.parametrize(("asked", "found"), [(None, "True"), ("0", "False")])
def test_convolutions_are_those_of_onednn_unless_it_is_refused(asked, found):
    environment = {k: v for k, v in os.environ.items() if k != "TF_ENABLE_ONEDNN_OPTS"}
    if asked is not None:
        environment["TF_ENABLE_ONEDNN_OPTS"] = asked
    done = subprocess.run(
        [sys.executable, "-c", ASK], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[-1] == found
