"""Which image goes where is decided before anything is done."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ruis.errors import ConfigError, ImageWriteError
from ruis.outputs import Job, enter, plan


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty folder to be in; the plan never opens an image, so their content does not matter."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def touch(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()


def pairs(*inputs: str, **settings) -> dict[str, str]:
    jobs = plan(list(inputs), **settings).jobs
    return {job.input.as_posix(): job.output.as_posix() for job in jobs}


@pytest.mark.parametrize(
    ("input", "output"),
    [
        ("photo.jpg", "photo.denoised.jpg"),
        ("a/photo.v2.PNG", "a/photo.v2.denoised.PNG"),
        ("anim.gif", "anim.denoised.png"),
    ],
)
def test_the_default_output_is_beside_the_input(input, output):
    touch(input)
    assert pairs(input) == {input: output}


def test_a_name_without_a_known_ending_needs_an_output():
    touch("photo.xyz", "good.png")
    decided = plan(["photo.xyz", "good.png"])
    assert [str(job.input) for job in decided.jobs] == ["good.png"]
    assert [(one.input, one.error) for one in decided.failed] == [
        ("photo.xyz", "UnsupportedFormatError")
    ]
    assert pairs("photo.xyz", output="photo.png") == {"photo.xyz": "photo.png"}


def test_one_input_can_be_given_an_output_file():
    touch("a.png")
    assert pairs("a.png", output="b.tif") == {"a.png": "b.tif"}


@pytest.mark.parametrize("output", ["b", "b.xyz", "b.gif", "nowhere/b.png"])
def test_an_output_file_that_cannot_be_written_is_wrong_usage(output):
    touch("a.png")
    with pytest.raises(ConfigError, match="-o"):
        plan(["a.png"], output)


def test_an_existing_folder_or_a_final_slash_means_a_folder():
    touch("a.png", "anim.gif")
    Path("there").mkdir()
    assert pairs("a.png", output="there") == {"a.png": "there/a.png"}
    assert pairs("a.png", output="new/") == {"a.png": "new/a.png"}
    assert pairs("anim.gif", output="new/") == {"anim.gif": "new/anim.png"}
    assert not Path("new").exists(), "deciding makes nothing"


def test_several_inputs_go_to_a_folder():
    touch("a.png", "b.png", "file.txt")
    assert pairs("a.png", "b.png", output="new") == {"a.png": "new/a.png", "b.png": "new/b.png"}
    assert pairs("*.png", output="new") == {"a.png": "new/a.png", "b.png": "new/b.png"}
    with pytest.raises(ConfigError, match="is a file"):
        plan(["a.png", "b.png"], "file.txt")
    with pytest.raises(ConfigError, match="names one file"):
        plan(["a.png", "b.png"], "c.png")


def test_a_folder_goes_to_a_folder_even_if_it_holds_one_image():
    touch("scans/a.png")
    assert pairs("scans", output="clean") == {"scans/a.png": "clean/a.png"}


def test_folders_inside_are_entered_if_asked_and_keep_their_names():
    touch("scans/a.png", "scans/one/a.png", "scans/one/two/b.jpg")
    assert pairs("scans", output="clean") == {"scans/a.png": "clean/a.png"}
    assert pairs("scans", output="clean", recursive=True) == {
        "scans/a.png": "clean/a.png",
        "scans/one/a.png": "clean/one/a.png",
        "scans/one/two/b.jpg": "clean/one/two/b.jpg",
    }


def test_a_scan_leaves_out_what_is_no_image_hidden_or_denoised_already():
    touch("scans/a.png", "scans/a.denoised.png", "scans/.hidden.png", "scans/notes.txt")
    touch("scans/.cache/b.png", "scans/a.uncertainty.tif")
    assert set(pairs("scans", recursive=True, overwrite=True)) == {"scans/a.png"}


def test_a_folder_of_what_ruis_wrote_says_so():
    touch("scans/a.denoised.png", "scans/a.uncertainty.tif")
    (failure,) = plan(["scans"]).failed
    assert "only images that ruis wrote" in failure.message


def test_a_scan_does_not_enter_the_output_folder():
    touch("scans/a.png", "scans/clean/a.png")
    assert pairs("scans", output="scans/clean", recursive=True, overwrite=True) == {
        "scans/a.png": "scans/clean/a.png"
    }


def test_a_folder_without_images_is_a_failure_that_tells_about_recursive():
    touch("scans/one/a.png")
    (failure,) = plan(["scans"]).failed
    assert "--recursive" in failure.message


def test_patterns_are_expanded_and_may_reach_into_folders():
    touch("a.png", "in/b.png", "in/deep/c.png", "[x].png")
    assert set(pairs("*.png")) == {"a.png", "[x].png"}
    assert set(pairs("**/*.png")) == {"a.png", "[x].png", "in/b.png", "in/deep/c.png"}
    assert set(pairs("[x].png")) == {"[x].png"}, "a file of that very name comes first"
    (failure,) = plan(["*.webp"]).failed
    assert failure.input == "*.webp"


def test_a_file_that_is_named_twice_is_denoised_once():
    touch("scans/a.png")
    assert len(pairs("scans/a.png", "./scans/../scans/a.png", "scans")) == 1


def test_an_existing_output_is_refused_left_or_replaced():
    touch("a.png", "a.denoised.png")
    refused, left = plan(["a.png"]), plan(["a.png"], skip_existing=True)
    assert not refused.jobs
    assert refused.failed[0].error == "ImageWriteError"
    assert not left.jobs
    assert not left.failed
    assert left.skipped == [Path("a.png")]
    assert len(plan(["a.png"], overwrite=True).jobs) == 1
    with pytest.raises(ConfigError, match="contradict"):
        plan(["a.png"], overwrite=True, skip_existing=True)


def test_a_dangling_link_is_an_existing_output():
    touch("a.png")
    Path("a.denoised.png").symlink_to("nowhere.png")
    assert plan(["a.png"]).failed


def test_an_input_is_replaced_only_if_asked():
    touch("a.png")
    assert plan(["a.png"], ".").failed
    assert pairs("a.png", output=".", overwrite=True) == {"a.png": "a.png"}


@pytest.mark.parametrize("overwrite", [False, True])
def test_two_inputs_never_race_to_one_output(overwrite):
    touch("one/a.png", "two/a.png", "one/b.gif", "two/b.gif")
    with pytest.raises(ConfigError, match=r"one.a\.png and two.a\.png would both become"):
        plan(["one/a.png", "two/a.png"], "out", overwrite=overwrite)
    with pytest.raises(ConfigError, match="would both become"):
        plan(["one/b.gif", "two/b.gif"], "out", overwrite=overwrite)


def test_two_names_of_one_place_are_one_input():
    touch("real/a.png")
    Path("alias").symlink_to("real")
    assert len(pairs("real/a.png", "alias/a.png")) == 1


def test_an_output_never_lands_on_another_input():
    touch("a/b.gif", "out/b.png", "a/c.png")
    Path("out/in").mkdir()
    touch("a/in/x.png", "out/in/x.png")
    with pytest.raises(ConfigError, match=r"both become|is an input itself"):
        plan(["a", "out/in"], "out", recursive=True, overwrite=True)


@pytest.mark.parametrize("inputs", [["in/*.png", "in/out"], ["in/a.png", "in/b.png", "in/out"]])
def test_the_output_folder_is_no_input_where_others_are_named_with_it(inputs):
    touch("in/a.png", "in/b.png", "in/out/a.png")
    decided = plan(inputs, "in/out", skip_existing=True)
    assert [str(job.input) for job in decided.jobs] == [str(Path("in/b.png"))]
    assert [str(one) for one in decided.skipped] == [str(Path("in/a.png"))]
    assert not decided.failed


def test_the_outputs_of_an_earlier_run_are_left_out():
    """`ruis denoise *.jpg` twice: the shell also names what the first run made."""
    touch("a.jpg", "a.denoised.jpg", "b.jpg")
    decided = plan(["a.denoised.jpg", "a.jpg", "b.jpg"], skip_existing=True)
    assert [str(job.input) for job in decided.jobs] == ["b.jpg"]
    assert [str(one) for one in decided.products] == ["a.denoised.jpg"]
    assert [str(one) for one in decided.skipped] == ["a.jpg"]


def test_links_to_folders_are_not_entered():
    touch("elsewhere/a.png", "scans/b.png")
    Path("scans/link").symlink_to(Path("elsewhere").resolve())
    assert set(pairs("scans", recursive=True)) == {"scans/b.png"}


def test_a_link_in_the_output_folder_does_not_lead_out_of_it(folder):
    touch("elsewhere/x.txt", "out/x.txt")
    Path("out/sub").symlink_to(Path("elsewhere").resolve())
    with pytest.raises(ImageWriteError, match="leads out of"):
        enter(Job(Path("a.png"), Path("out/sub/deep/a.png"), Path("out")))
    assert not Path("elsewhere/deep").exists()
    enter(Job(Path("a.png"), Path("out/real/deep/a.png"), Path("out")))
    assert Path("out/real/deep").is_dir()


def test_an_output_folder_that_is_itself_a_link_is_what_was_asked_for():
    Path("real").mkdir()
    Path("out").symlink_to("real")
    enter(Job(Path("a.png"), Path("out/sub/a.png"), Path("out")))
    assert Path("real/sub").is_dir()


@pytest.mark.skipif(os.getuid() == 0 if hasattr(os, "getuid") else True, reason="root may all")
def test_a_folder_that_cannot_be_read_is_a_failure():
    touch("closed/a.png", "b.png")
    Path("closed").chmod(0)
    decided = plan(["closed", "b.png"])
    assert len(decided.jobs) == 1
    assert "permission" in decided.failed[0].message.lower()


@pytest.mark.parametrize("settings", [{}, {"output": "out"}, {"recursive": True}], ids=str)
def test_an_empty_name_is_not_the_current_folder(settings):
    touch("a.png")
    with pytest.raises(ConfigError, match="empty"):
        plan([""], **settings)
    with pytest.raises(ConfigError, match="empty"):
        plan(["a.png"], output="")


def test_what_becomes_another_format_leaves_a_name_to_its_owner():
    touch("in/logo.gif", "in/logo.png", "in/photo.gif")
    assert pairs("in", output="out") == {
        "in/logo.gif": "out/logo.gif.png",
        "in/logo.png": "out/logo.png",
        "in/photo.gif": "out/photo.png",
    }
    beside = pairs("in")
    assert beside["in/logo.gif"] == "in/logo.gif.denoised.png"
    assert beside["in/logo.png"] == "in/logo.denoised.png"
    touch(*beside.values())
    assert set(pairs("in", overwrite=True)) == set(beside)
