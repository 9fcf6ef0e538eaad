"""What is set before TensorFlow starts: in a process of its own, for it starts once."""

import os
import platform
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


STEPS = """
import resource
from threading import Thread
from ruis.keras_backend import load_keras
load_keras()

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def step():
    tensors = [b"x" * size for size in [2**20] * 120]

def steps():
    step()
    begun = faults()
    for _ in range(5):
        step()
    print(faults() - begun)

thread = Thread(target=steps)
thread.start()
thread.join()
"""


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's memory alone can be kept")
def test_what_a_step_frees_is_kept_for_the_next_one():
    done = subprocess.run([sys.executable, "-c", STEPS], capture_output=True, text=True, check=True)
    assert int(done.stdout.split()[-1]) < 500  # 14,000 where each step gives its memory back
