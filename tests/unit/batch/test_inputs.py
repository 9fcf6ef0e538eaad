"""Which images are meant, and what is copied from object stores."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ruis.batch.copies import PREFIX, is_address, listed, local_copy, sweep
from ruis.batch.inputs import gather, read_list
from ruis.batch.planning import plan
from ruis.errors import ConfigError, ImageError, ImageTooLargeError

fsspec = pytest.importorskip("fsspec", reason="object stores need the batch extra")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def memory():
    """A store that fsspec keeps in this process."""
    store = fsspec.filesystem("memory")
    store.store.clear()
    yield store
    store.store.clear()


def touch(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(b"x" * len(name))


def outputs(*inputs: str, **settings) -> dict[str, str]:
    todo = plan(list(inputs), "out", **settings)
    return {Path(one.location).name: output for one, output in todo.files}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("s3://bucket/a.png", True),
        ("zip://*.png::a.zip", True),
        ("memory://a", True),
        ("a/b.png", False),
        ("/abs/a::b.png", False),
        ("./a://b", False),
        ("C:\\scans", False),
    ],
)
def test_an_address_is_told_from_a_path(text, expected):
    assert is_address(text) is expected


def test_folders_are_searched_to_the_bottom_and_keep_their_shape():
    touch("in/a.png", "in/x/y/b.TIF", "in/x/c.gif", "in/notes.txt", "in/.hidden/d.png")
    assert outputs("in") == {"a.png": "a.png", "b.TIF": "x/y/b.TIF", "c.gif": "x/c.png"}
    assert outputs("in", format="webp")["b.TIF"] == "x/y/b.webp"


def test_what_is_in_the_output_folder_is_no_input():
    touch("a.png", "out/b.png")
    assert outputs(".") == {"a.png": "a.png"}


@pytest.mark.parametrize("inputs", [["in/*"], ["in/**/*.png"], ["in/a.png", "in/b", "in/out"]])
def test_the_output_folder_is_no_input_however_it_is_named(inputs):
    touch("in/a.png", "in/b/c.png", "in/out/a.png")
    found = {Path(one.location).name for one, _ in plan(inputs, "in/out").files}
    assert found == {"a.png", "c.png"}
    assert all("out" not in Path(one.location).parts for one, _ in plan(inputs, "in/out").files)


def test_what_is_named_in_a_folder_that_is_the_output_too_is_an_input():
    touch("in/a.png", "b.png")
    found = plan(["in/*.png"], ".").files
    assert [(Path(one.location).name, output) for one, output in found] == [("a.png", "a.png")]


def test_two_outputs_of_one_name_are_refused_with_what_batch_can_do():
    touch("a/x.png", "b/x.png")
    with pytest.raises(ConfigError, match="common folder") as refused:
        plan(["a/x.png", "b/x.png"], "out")
    assert "--recursive" not in str(refused.value)


def test_an_input_is_meant_once():
    touch("in/a.png")
    assert (
        len(plan(["in", "in/a.png", "in/*.png", f"file://{Path.cwd()}/in/a.png"], "out").files) == 1
    )


def test_size_and_stamp_tell_a_file_from_its_next_version():
    touch("a.png")
    ((before,), _) = gather(["a.png"], [], Path("out"))
    os.utime("a.png", ns=(1, 10**18))
    ((after,), _) = gather(["a.png"], [], Path("out"))
    assert (before.size, before.location) == (after.size, after.location)
    assert before.stamp != after.stamp


def test_absolute_paths_in_a_list_keep_what_is_below_their_common_folder(folder):
    touch("store/a/1.png", "store/b/1.png")
    Path("list.txt").write_text(f"{folder}/store/a/1.png\n{folder}/store/b/1.png\n")
    todo = plan([], "out", lists=[Path("list.txt")])
    assert [output for _, output in todo.files] == ["a/1.png", "b/1.png"]


def test_a_path_that_leads_up_stays_in_the_output_folder():
    touch("a.png", "sub/x")
    Path("sub/list.txt").write_text("../a.png\n")
    os.chdir("sub")
    todo = plan([], "out", lists=[Path("list.txt")])
    assert [output for _, output in todo.files] == ["a.png"]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.csv", "path,x\n1,2\n", "a column called input"),
        ("a.jsonl", '"x.png"\nnot json\n', "line 2"),
        ("a.jsonl", '{"path": "x"}\n', "line 1"),
    ],
)
def test_a_list_that_is_wrong_says_where(name, text, said):
    Path(name).write_text(text)
    with pytest.raises(ConfigError, match=said):
        read_list(Path(name))


def test_names_that_are_no_text_survive(folder):
    name = os.fsdecode(b"in/\xff.png")
    touch(name)
    todo = plan(["in"], "out")
    assert todo.files[0][1] == os.fsdecode(b"\xff.png")


# -- object stores ---------------------------------------------------------------------------------


def test_a_store_is_listed_and_copied(memory, folder):
    memory.pipe({"/scans/a.png": b"one", "/scans/x/b.png": b"three", "/scans/notes.txt": b""})
    todo = plan(["memory://scans"], "out")
    assert {output for _, output in todo.files} == {"a.png", "x/b.png"}
    assert sorted(one.size for one, _ in todo.files) == [3, 5]
    for one, output in todo.files:
        with local_copy(one.location, folder / "copies", 100) as path:
            assert path.read_bytes() == memory.cat(f"/scans/{output}")
            assert path.suffix == ".png"
    assert not [*(folder / "copies").iterdir()]


def test_a_pattern_in_a_store_keeps_the_folders_below_its_fixed_part(memory):
    memory.pipe({f"/b/{name}": b"1" for name in ("1/a.png", "2/a.png", "2/b.tif")})
    todo = plan(["memory://b/*/*.png"], "out")
    assert {output for _, output in todo.files} == {"1/a.png", "2/a.png"}


def test_an_archive_is_a_store(folder):
    with zipfile.ZipFile("a.zip", "w") as archive:
        archive.writestr("x/1.png", b"first")
        archive.writestr("y/2.png", b"second")
    todo = plan(["zip://::a.zip"], "out")
    assert {output for _, output in todo.files} == {"x/1.png", "y/2.png"}
    with local_copy(todo.files[1][0].location, folder / "c", 100) as path:
        assert path.read_bytes() == b"second"


def test_a_name_in_an_archive_cannot_leave_the_output_folder():
    with zipfile.ZipFile("a.zip", "w") as archive:
        archive.writestr("x/../../evil.png", b"1")
        archive.writestr("good.png", b"1")
    todo = plan(["zip://::a.zip"], "out")
    assert all(".." not in output for _, output in todo.files)
    assert any(output == "good.png" for _, output in todo.files)


def test_a_local_address_is_a_path(folder):
    touch("in/a.png")
    ((one, _),) = plan([f"file://{folder}/in"], "out").files
    assert one.location == str(folder / "in" / "a.png")


def test_a_copy_has_bounds(memory, folder):
    memory.pipe("/a.png", bytes(1000))
    with pytest.raises(ImageTooLargeError, match="--temp-space"):
        local_copy("memory://a.png", folder, 999).__enter__()
    assert not [*folder.iterdir()]


@pytest.mark.parametrize("address", ["memory://gone", "nosuch://a", "zip://a::gone.zip"])
def test_a_store_that_refuses_is_a_sentence(memory, address):
    with pytest.raises(ImageError, match=address.partition(":")[0]):
        listed(address)
    todo = plan([address], "out")
    assert not todo.files
    assert len(todo.failed) == 1


def test_copies_of_dead_processes_are_swept(folder):
    import socket

    psutil = pytest.importorskip("psutil", reason="comes with the batch extra")
    dead = subprocess.Popen([sys.executable, "-c", "pass"])
    dead.wait()
    assert not psutil.pid_exists(dead.pid)
    mark = f"{PREFIX}{socket.gethostname()}-"
    for owner in (dead.pid, os.getpid()):
        Path(f"{mark}{owner}-x.png").touch()
    Path(f"{PREFIX}another-{dead.pid}-x.png").touch()
    assert sweep(folder) == 1
    assert {path.name for path in folder.iterdir()} == {
        f"{mark}{os.getpid()}-x.png",
        f"{PREFIX}another-{dead.pid}-x.png",
    }
