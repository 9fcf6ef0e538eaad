"""The driver, asked from Python: how processors are shared out, and runs one after the other."""

from __future__ import annotations

import gc
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import ruis
from ruis.batch import Progress, Settings, plan, run
from ruis.batch.crew import crew
from ruis.batch.driver import _folder_of_copies, _tidy, shared_out
from ruis.batch.planning import estimate, survey
from ruis.batch.summary import HEADING, Summary, check_aside, set_aside, write_report
from ruis.batch.work import Terms
from ruis.errors import ClusterError, ConfigError, EngineUnavailableError, UnknownNameError
from ruis.image import Image, ImageInfo
from ruis.inputs import Failure
from ruis.model_file import save


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ((None, None, None), (8, 1)),
        ((2, None, None), (2, 4)),
        ((None, 4, None), (2, 4)),
        ((3, None, None), (3, 2)),
        ((16, None, None), (16, 1)),
        ((None, 16, None), (1, 16)),
        ((None, None, "tcp://head:8786"), (1, 0)),
    ],
)
def test_workers_do_not_fight_for_processors(monkeypatch, asked, given):
    monkeypatch.setattr("ruis.processor.threads", lambda: 8)
    assert shared_out(*asked) == given


def make(folder: Path, count: int) -> None:
    folder.mkdir()
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 256, (40, 50, 1), np.uint8)
        ruis.write(Image(pixels, ImageInfo(pixels.dtype, (0, 255))), folder / f"{number}.png")


def test_a_survey_of_many_headers_is_a_sample(tmp_path, monkeypatch):
    make(tmp_path / "in", 8)
    Path(tmp_path, "in", "broken.png").write_bytes(b"x")
    todo = plan([str(tmp_path / "in")], tmp_path / "out")
    whole = survey(todo)
    assert (whole.probed, whole.unreadable, whole.formats) == (9, 1, {"png": 8})
    assert whole.megapixels == pytest.approx(8 * 0.002)
    monkeypatch.setattr("ruis.batch.planning.PROBED", 4)
    some = survey(todo)
    assert some.probed == 4
    assert some.megapixels == pytest.approx((4 - some.unreadable) * 0.002 * 9 / 4)


def test_an_engine_that_there_is_not_is_refused_before_anything_is_recorded(tmp_path, monkeypatch):
    pytest.importorskip("distributed", reason="ruis batch needs the batch extra")
    make(tmp_path / "in", 1)
    todo = plan([str(tmp_path / "in")], tmp_path / "out")
    with pytest.raises(UnknownNameError, match="opnvino"):
        run(todo, Settings(model="gray", engine="opnvino"))
    assert not (tmp_path / "out").exists()


def test_a_folder_for_copies_is_shared_with_nobody(tmp_path):
    others = tmp_path / "dask-scratch-space" / "worker"
    others.mkdir(parents=True)
    (tmp_path / "workers.log").write_text("theirs")
    one, other = (_folder_of_copies(tmp_path / name, tmp_path) for name in ("out", "out2"))
    assert one != other
    assert one.parent == tmp_path
    assert one == _folder_of_copies(tmp_path / "out", tmp_path)
    (one / "dask-scratch-space").mkdir(parents=True)
    (one / "workers.log").write_text("ours")
    _tidy(one)
    assert not one.exists()
    assert others.exists()
    assert (tmp_path / "workers.log").exists()


def test_a_format_is_that_of_the_estimate_too(tmp_path):
    make(tmp_path / "in", 1)
    scan = (tmp_path / "in" / "0.png").rename(tmp_path / "scan")
    settings = Settings(model="gray-fast", format="png")
    seen = survey(plan([str(scan)], tmp_path / "out", format="png"))
    assert estimate(seen, settings, 1, 1) > 0


def test_a_model_that_learnt_upright_images_has_no_ensemble():
    assert "gray" in Settings(ensemble=True).models()
    with pytest.raises(ConfigError, match="did not learn from turned images"):
        Settings(model="documents", ensemble=True).models()


def test_without_dask_nothing_is_begun(tmp_path, monkeypatch):
    make(tmp_path / "in", 1)
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(EngineUnavailableError, match=r"ruis\[batch\]"):
        run(plan([str(tmp_path / "in")], tmp_path / "out"), Settings(model="gray"))
    assert not (tmp_path / "out").exists()


def summary_of(*errors: str, notes: dict[str, int] | None = None) -> Summary:
    failures = tuple(Failure(f"/in/{n}.png", error, "it is so.") for n, error in enumerate(errors))
    figures = dict.fromkeys(Summary.__dataclass_fields__, 0)
    others = {"causes": dict.fromkeys(errors, 1), "costs": {}, "changes": {}, "slowest": ()}
    return Summary(**{**figures, **others, "failures": failures, "notes": notes or {}})


def test_lists_of_failures_replace_those_of_an_earlier_run_and_nothing_else(tmp_path):
    (tmp_path / "myError.txt").write_text("mine")
    set_aside(summary_of("CorruptImageError", "KeyError", "KeyError"), tmp_path)
    assert (tmp_path / "CorruptImageError.txt").read_text() == "/in/0.png\n"
    assert (tmp_path / "OtherError.txt").read_text() == "/in/1.png\n/in/2.png\n"
    assert (
        (tmp_path / "reasons.md").read_text().startswith(f"{HEADING}\n\n- /in/0.png: it is so.\n")
    )
    check_aside(tmp_path)
    set_aside(summary_of("ImageError"), tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"ImageError.txt", "myError.txt", "reasons.md"}
    set_aside(summary_of(), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"myError.txt", "reasons.md"}


@pytest.mark.parametrize("name", ["reasons.md", "ImageError.txt", "OtherError.txt"])
def test_lists_of_failures_replace_nothing_of_others(tmp_path, name):
    (tmp_path / name).write_text("mine")
    for what in (check_aside, lambda folder: set_aside(summary_of("ImageError"), folder)):
        with pytest.raises(ConfigError, match=name):
            what(tmp_path)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]
    with pytest.raises(ConfigError, match="is a file"):
        check_aside(tmp_path / name)


def test_the_report_counts_notes(tmp_path):
    write_report(summary_of(notes={"turned | upright": 7}), tmp_path / "report.md")
    assert "| turned \\| upright | 7 |" in (tmp_path / "report.md").read_text()


@pytest.mark.slow
def test_sockets_are_on_loopback_and_answer_nobody_else(tmp_path, small_model):
    pytest.importorskip("cryptography", reason="ruis batch needs the batch extra")
    distributed = pytest.importorskip("distributed", reason="ruis batch needs the batch extra")
    psutil = pytest.importorskip("psutil", reason="comes with distributed")
    model = small_model()
    save(tmp_path / "m.ruis", model.manifest, model.weights)
    settings = Settings(model=str(tmp_path / "m.ruis"))
    terms = Terms(settings, settings.models(), str(tmp_path), 1, False, str(tmp_path / "c"), 1e6)
    with crew(terms, 1, None) as hands:
        until = time.monotonic() + 60
        while not hands.workers() and time.monotonic() < until:
            time.sleep(0.1)
        me = psutil.Process()
        processes = [me, *me.children(recursive=True)]
        listening = [
            one.laddr.ip
            for process in processes
            for one in process.net_connections("inet")
            if one.status == psutil.CONN_LISTEN
        ]
        assert len(listening) >= 2
        assert set(listening) == {"127.0.0.1"}
        port = hands.client.scheduler.address.rpartition(":")[2]
        others = distributed.security.Security.temporary()
        for scheme, keys in (("tcp", None), ("tls", others)):  # without the run's certificates
            with pytest.raises(OSError):
                distributed.Client(
                    f"{scheme}://127.0.0.1:{port}", security=keys, timeout=1, set_as_default=False
                )


@pytest.mark.slow
def test_runs_in_one_process_follow_each_other_and_tell_how_far_they_are(
    tmp_path, monkeypatch, small_model
):
    pytest.importorskip("distributed", reason="ruis batch needs the batch extra")
    pytest.importorskip("cryptography", reason="ruis batch needs the batch extra")
    monkeypatch.chdir(tmp_path)
    make(Path("in"), 6)
    Path("in/broken.png").write_bytes(b"")
    model = small_model()
    save("m.ruis", model.manifest, model.weights)
    for name in ("first", "second"):
        told: list[Progress] = []
        failed: dict[str, str] = {}
        summary = run(
            plan(["in"], name),
            Settings(model="m.ruis"),
            workers=1,
            progress=told.append,
            failure=lambda path, outcome, failed=failed: failed.update({path: outcome.error}),
        )
        assert (summary.done, summary.failed, summary.left) == (6, 1, 0)
        assert failed == {str(Path("in/broken.png").absolute()): "CorruptImageError"}
        assert told[0].seconds_left == float("inf")
        assert (told[-1].fraction, told[-1].seconds_left) == (1.0, 0.0)
        assert [now.fraction for now in told] == sorted(now.fraction for now in told)
        assert told[-1].megapixels == pytest.approx(6 * 0.002)
    same = [Path(name, "3.png").read_bytes() for name in ("first", "second")]
    assert same[0] == same[1]
    set_aside(summary, Path("aside"))
    listed = plan([], "third", lists=[Path("aside/CorruptImageError.txt")])
    assert [one.location for one, _ in listed.files] == [str(Path("in/broken.png").absolute())]
    Path("in/broken.png").write_bytes(Path("in/1.png").read_bytes())
    again = run(plan(["in"], "second"), Settings(model="m.ruis"), resume=True, workers=1)
    assert (again.done, again.failed, again.changes["changed"]) == (7, 0, 1)
    set_aside(again, Path("aside"))
    assert [path.name for path in Path("aside").iterdir()] == ["reasons.md"]


@pytest.mark.parametrize(
    "address",
    [
        "nonsense",
        "tcp://:::",
        "weird://a:1",
        "tls://127.0.0.1:1",
        "inproc://a",
        "ucx://127.0.0.1:1",
    ],
)
def test_an_address_that_leads_nowhere_leaves_nothing_behind(address):
    """A client that nobody closed, collected while another one starts, makes both wait for ever."""
    distributed = pytest.importorskip("distributed", reason="ruis batch needs the batch extra")
    with pytest.raises(ClusterError, match="no scheduler answers"), crew(None, 1, address):
        pass
    clients = [one for one in gc.get_objects() if type(one) is distributed.Client]
    assert not [one for one in clients if one.status == "connecting"]
