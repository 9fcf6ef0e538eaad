"""The manifest: what was begun is known, what is done is done, and one driver writes it."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from ruis.batch.inputs import Input
from ruis.batch.manifest import STATE, Manifest
from ruis.batch.work import Outcome
from ruis.errors import ConfigError, ManifestError, OutputInUseError

IDENTITY = {"model": "gray", "sigma": None}


def files(*names: str, stamp: str = "1") -> list[tuple[Input, str]]:
    return [(Input(f"/in/{name}", name, 10, stamp), name) for name in names]


@pytest.fixture
def manifest(tmp_path):
    with Manifest(tmp_path, create=True) as made:
        made.fill(IDENTITY, files("a.png", "b.png", "c.png"))
        yield made


def test_what_is_begun_done_and_failed_is_known_after_a_crash(tmp_path, manifest):
    first, second, _ = manifest.waiting()
    manifest.advance([], [], [first.id, second.id])
    done = Outcome(first.id, "done", output_sha256="00", output_size=3, megapixels=2.0, compute=1.5)
    manifest.advance([done], [second.id], [])
    manifest.close()
    with Manifest(tmp_path) as again:
        assert again.counts() == {"waiting": 1, "started": 1, "done": 1, "failed": 0}
        begun, waiting = again.waiting()
        assert (begun.output, begun.ours, begun.deaths) == ("b.png", True, 1)
        assert (waiting.output, waiting.ours, waiting.deaths) == ("c.png", False, 0)
        assert again.totals()["megapixels"] == 2.0
        (row,) = again.rows("state='done'")
        assert (row["output_sha256"], row["compute"]) == ("00", 1.5)
        again.advance([], [], [begun.id])
        assert again.again() == (1, 0)
        again.advance([Outcome(begun.id, "done", twice=True)], [], [])
        assert again.again() == (1, 1)


def test_a_transaction_is_whole_or_not_there(manifest):
    first, *_ = manifest.waiting()
    with pytest.raises(ManifestError):
        manifest.advance([Outcome(first.id, "nonsense")], [], [first.id])
    assert manifest.counts()["waiting"] == 3


def test_a_second_driver_is_refused_while_the_first_one_lives(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from ruis.batch.manifest import Manifest\n"
        "m = Manifest(Path(sys.argv[1]), create=True); m.fill({}, []); print('ready', flush=True)\n"
        "time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout
        assert other.stdout.readline() == "ready\n"
        with pytest.raises(OutputInUseError, match="at work"):
            Manifest(tmp_path)
        os.kill(other.pid, signal.SIGKILL)
    Manifest(tmp_path).close()  # the lock died with it


def test_a_run_is_neither_begun_twice_nor_gone_on_with_unasked(tmp_path, manifest):
    manifest.close()
    with pytest.raises(ConfigError, match="--resume"):
        Manifest(tmp_path, create=True)
    with pytest.raises(ConfigError, match="nothing to go on with"):
        Manifest(tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_a_run_that_was_killed_before_it_was_whole_has_not_begun(tmp_path):
    Manifest(tmp_path, create=True).close()
    with pytest.raises(ConfigError, match="ended before it began"):
        Manifest(tmp_path)
    with Manifest(tmp_path, create=True) as made:
        made.fill(IDENTITY, files("a.png"))
        assert made.counts()["waiting"] == 1


def test_it_goes_on_in_the_same_way_only(manifest):
    manifest.check(dict(IDENTITY))
    with pytest.raises(ConfigError, match=r"sigma None.*0\.1"):
        manifest.check({**IDENTITY, "sigma": 0.1})
    with pytest.raises(ConfigError, match="model"):
        manifest.check({"sigma": None})


def test_a_damaged_manifest_is_an_error_of_ours(tmp_path):
    (tmp_path / STATE).mkdir()
    (tmp_path / STATE / "manifest.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(ManifestError, match=r"manifest\.sqlite"):
        Manifest(tmp_path)


def test_what_is_new_changed_or_missing_is_done_and_the_rest_is_not(tmp_path, manifest):
    rows = {row.output: row.id for row in manifest.waiting()}
    manifest.advance([Outcome(id, "done") for id in rows.values()], [], [])
    for name in ("a.png", "b.png"):
        Path(tmp_path, name).touch()  # c.png has gone
    now = [*files("a.png", "c.png", "d.png"), *files("b.png", stamp="2")]
    counts = manifest.go_on(now, retry_failed=False)
    assert counts == {"new": 1, "changed": 1, "missing": 1, "retried": 0}
    assert {row.output: row.ours for row in manifest.waiting()} == {
        "b.png": True,  # of this run, and to be replaced
        "c.png": False,  # what is there meanwhile is not of this run
        "d.png": False,
    }


def test_what_is_done_stays_done_when_its_folder_is_named_from_further_down(tmp_path):
    with Manifest(tmp_path, create=True) as made:
        made.fill(IDENTITY, [(Input("/in/2024/a.png", "2024/a.png", 10, "1"), "2024/a.png")])
        (row,) = made.waiting()
        made.advance([Outcome(row.id, "done")], [], [])
        Path(tmp_path, "2024").mkdir()
        Path(tmp_path, "2024/a.png").touch()
        now = [(Input("/in/2024/a.png", "a.png", 10, "1"), "a.png")]
        assert made.go_on(now, retry_failed=False)["missing"] == 0
        assert made.counts()["done"] == 1
        Path(tmp_path, "2024/a.png").unlink()
        Path(tmp_path, "a.png").touch()  # somebody else's
        assert made.go_on(now, retry_failed=False)["missing"] == 1


def test_notes_are_counted_the_most_frequent_first(manifest):
    first, second, third = manifest.waiting()
    outcomes = [
        Outcome(first.id, "done", notes=("palette expanded", "turned | upright")),
        Outcome(second.id, "done", notes=("turned | upright",)),
        Outcome(third.id, "done"),
    ]
    manifest.advance(outcomes, [], [])
    assert list(manifest.notes().items()) == [("turned | upright", 2), ("palette expanded", 1)]


def test_a_run_that_was_begun_before_there_were_notes_goes_on(tmp_path):
    with Manifest(tmp_path, create=True) as made:
        made.fill(IDENTITY, files("a.png"))
    with closing(sqlite3.connect(tmp_path / STATE / "manifest.sqlite")) as database:
        database.executescript("ALTER TABLE files DROP COLUMN notes; PRAGMA user_version=1")
    for _ in range(2):
        with Manifest(tmp_path) as again:
            (row,) = again.waiting()
            again.advance([Outcome(row.id, "started", notes=("noted",))], [], [])
            assert again.rows()[0]["notes"] == '["noted"]'


def test_a_new_input_cannot_take_the_name_of_an_older_one(manifest):
    with pytest.raises(ConfigError, match=r"would become a\.png"):
        manifest.go_on([(Input("/other/a.png", "a.png", 1, "1"), "a.png")], retry_failed=False)
    assert manifest.counts()["waiting"] == 3


def test_what_failed_is_tried_again_only_when_asked(manifest):
    first, second, _ = manifest.waiting()
    failed = [
        Outcome(first.id, "failed", "CorruptImageError", "broken"),
        Outcome(second.id, "failed", "WorkerDiedError", "died"),
    ]
    manifest.advance(failed, [second.id], [])
    same = files("a.png", "b.png", "c.png")
    assert manifest.go_on(same, retry_failed=False)["retried"] == 0
    assert len(manifest.waiting()) == 1
    assert manifest.go_on(same, retry_failed=True)["retried"] == 2
    rows = {row.output: row for row in manifest.waiting()}
    assert not rows["a.png"].ours
    assert rows["b.png"].ours  # its worker may have died after it had written
    assert rows["b.png"].deaths == 0


def test_names_that_are_no_text_are_kept(tmp_path):
    name = os.fsdecode(b"\xff.png")
    with Manifest(tmp_path, create=True) as made:
        made.fill(IDENTITY, files(name))
        (row,) = made.waiting()
        assert (row.input, row.output) == (f"/in/{name}", name)
        assert made.go_on(files(name), retry_failed=False)["new"] == 0
