import os
from pathlib import Path

import pytest

from ruis import processor


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="Linux alone tells its affinity")
def test_threads_are_those_that_this_process_may_use():
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert processor.threads() == 1
    finally:
        os.sched_setaffinity(0, before)


@pytest.mark.skipif(not Path("/proc/meminfo").exists(), reason="no /proc here")
def test_available_memory_is_less_than_all_of_it():
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert 1e7 < processor.available_memory() < total


def test_memory_is_unlimited_where_nothing_tells(monkeypatch, tmp_path):
    monkeypatch.setattr(processor, "Path", lambda name: tmp_path / "nothing")
    assert processor.available_memory() == float("inf")


@pytest.mark.parametrize(
    ("flags", "has"), [("fpu avx2 avx512_bf16", True), ("fpu amx_bf16", True), ("fpu avx2", False)]
)
def test_bfloat16_is_what_the_processor_says(flags, has, monkeypatch, tmp_path):
    (tmp_path / "cpuinfo").write_text(f"model name : A\nflags\t\t: {flags}\n")
    monkeypatch.setattr(processor, "Path", lambda name: tmp_path / "cpuinfo")
    processor.has_bfloat16.cache_clear()
    assert processor.has_bfloat16() is has
    assert processor.describe().startswith("A, ")
    processor.has_bfloat16.cache_clear()


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="no /proc here")
def test_resident_memory_grows_with_what_is_held():
    before = processor.resident_memory()
    held = bytearray(b"x" * 50_000_000)
    assert processor.resident_memory() - before > 0.8 * len(held)


def test_who_shares_a_machine_has_a_part_of_it():
    all_of_them = processor.threads()
    with processor.shared(1):
        assert processor.threads() == 1
        with processor.shared(0):
            assert processor.threads() == all_of_them
        assert processor.threads() == 1
    assert processor.threads() == all_of_them
