"""What a container leaves: in groups that are made here where that is allowed, and in copies of others' files."""

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ruis import control_group

TELL = """
import os, sys, ruis.processor as processor
for file in sys.argv[1:]:
    open(file, "w").write(str(os.getpid()))
held = bytearray(b"x" * 50_000_000)
print(processor.threads(), processor.available_memory())
"""
MEGABYTE = 2**20


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Write what the system would say of its groups; the functions forget what they read before."""
    monkeypatch.setattr(control_group, "MOUNTED", tmp_path)
    monkeypatch.setattr(control_group, "OWN", tmp_path / "own")

    def write(own, **texts):
        (tmp_path / "own").write_text(own)
        for name, text in texts.items():
            file = tmp_path / name.replace("__", "/").replace("_DOT_", ".")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{text}\n")

    forget()
    yield write
    forget()


def forget():
    control_group.processors.cache_clear()
    control_group._limits_of_memory.cache_clear()


def test_a_container_of_version_2_has_its_limits_at_the_root(files):
    files(
        "0::/\n",
        memory_DOT_max=900,
        memory_DOT_current=500,
        memory_DOT_stat="anon 300\ninactive_file 150",
        cpu_DOT_max="150000 100000",
    )
    assert control_group.memory_left() == 900 - 500 + 150
    assert control_group.processors() == 1.5


def test_the_narrowest_of_the_groups_around_decides(files):
    files(
        "0::/user/job\n",
        user__job__memory_DOT_max="max",
        user__job__memory_DOT_current=10,
        user__memory_DOT_max=100,
        user__memory_DOT_current=30,
        memory_DOT_max=1000,
        memory_DOT_current=100,
        user__job__cpu_DOT_max="max 100000",
        user__cpu_DOT_max="400000 100000",
    )
    assert control_group.memory_left() == 70
    assert control_group.processors() == 4


def test_version_1_has_a_folder_for_each_controller_and_paths_of_the_machine_around(files):
    files(
        "3:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n",
        memory__memory_DOT_limit_in_bytes=800,
        memory__memory_DOT_usage_in_bytes=200,
        memory__memory_DOT_stat="inactive_file 1\ntotal_inactive_file 50",
        cpu__cpu_DOT_cfs_quota_us=50000,
        cpu__cpu_DOT_cfs_period_us=100000,
    )
    assert control_group.memory_left() == 650
    assert control_group.processors() == 0.5


def test_more_than_the_limit_leaves_nothing(files):
    files("0::/\n", memory_DOT_max=900, memory_DOT_current=901)
    assert control_group.memory_left() == 0


@pytest.mark.parametrize("own", ["", "0::/\n", "4:memory:/\n3:cpu:/\n"])
def test_nothing_is_limited_where_nothing_says_so(files, own):
    files(
        own,
        memory__memory_DOT_limit_in_bytes=9223372036854771712,
        memory__memory_DOT_usage_in_bytes=200,
        cpu__cpu_DOT_cfs_quota_us=-1,
        cpu__cpu_DOT_cfs_period_us=100000,
    )
    assert control_group.memory_left() == math.inf
    assert control_group.processors() == math.inf


def test_in_a_group_that_the_system_limits():
    """500 MB and half a processor, of which 50 MB are held."""
    joined, made = [], []
    try:
        for controller, limits in (
            ("memory", {"memory.limit_in_bytes": 500 * MEGABYTE}),
            ("cpu", {"cpu.cfs_period_us": 100_000, "cpu.cfs_quota_us": 50_000}),
        ):
            group = Path(f"/sys/fs/cgroup/{controller}/ruis-test-{os.getpid()}")
            group.mkdir()
            made.append(group)
            joined.append(group / "cgroup.procs")
            for name, limit in limits.items():
                (group / name).write_text(str(limit))
        told = subprocess.run(
            [sys.executable, "-c", TELL, *map(str, joined)],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no groups of version 1 can be made here: {error}")
    finally:
        for group in made:
            group.rmdir()
    threads, left = told.stdout.split()
    assert int(threads) == 1
    assert 300 * MEGABYTE < float(left) < 452 * MEGABYTE
