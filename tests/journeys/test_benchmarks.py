"""The benchmarks run; their figures are for people to look at."""

import itertools
import json
import math
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage


def run(repository, *command):
    done = subprocess.run(
        [sys.executable, *command], cwd=repository, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_budgets_are_measured(repository, tmp_path):
    table = run(repository, "benchmarks/budgets.py", "--quick", "--json", tmp_path / "figures.json")
    figures = json.loads((tmp_path / "figures.json").read_text())["figures"]
    # An import is the difference of two starts, and one run of each may come out the wrong way round.
    assert all(figure["value"] > 0 or "import" in figure["what"] for figure in figures)
    assert all(figure["what"] in table for figure in figures)
    assert {figure["unit"] for figure in figures} == {"s", "MiB", "Mpx/s"}


def test_quality_is_measured(repository, shared_data, tmp_path):
    options = ["--data", shared_data, "--models", "gray", "--sets", "Set12", "--images", "1"]
    options += ["--peers", "FFDNet", "--methods", "none", "--sigma", "25", "--out", tmp_path]
    options += ["--crop", "192"]
    table = run(repository, "benchmarks/quality.py", *options)
    rows = json.loads((tmp_path / "quality.json").read_text())["rows"]
    assert [row["method"] for row in rows] == ["FFDNet", "ruis gray"]
    for row in rows:
        (score,) = row["scores"]
        assert score["megapixels"] == 192 * 192 / 1e6
        assert score["psnr"] > row["noisy_psnr"] + 8
        assert f"| {row['method']} | {score['psnr']:.2f} |" in table


def test_what_is_left_is_told_band_by_band(repository, shared_data):
    options = [
        "--data",
        shared_data,
        "--clean",
        shared_data / "testsets" / "Set12",
        "--images",
        "2",
    ]
    table = run(repository, "benchmarks/bands.py", *options, "--model", "gray-fast")
    lines = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("|")][2:]
    rows = {line[0].strip(): [float(cell) for cell in line[1:]] for line in lines}
    psnr, *others = rows.pop("PSNR, dB")
    assert [*rows] == [str(band) for band in range(16)]
    assert math.isclose(sum(row[0] for row in rows.values()), 1, abs_tol=0.01)
    for blind_or_told, scored in enumerate(others, start=1):
        ratio = sum(row[0] * row[blind_or_told] for row in rows.values())
        # All of the image but its last rows, and each image as much as the other: about as the PSNR says.
        assert abs(10 * math.log10(ratio) - (psnr - scored)) < 0.05


def test_what_being_told_brings_is_measured(repository, tmp_path):
    rng = np.random.default_rng(0)
    for number in range(3):
        smooth = ndimage.gaussian_filter(rng.uniform(0, 255, (96, 120)), 3)
        Image.fromarray(smooth.astype(np.uint8)).save(tmp_path / f"{number}.png")
    asked = [
        "--clean",
        tmp_path,
        "--models",
        "gray-fast",
        "--side",
        "64",
        "--noise",
        "gaussian:0.1",
    ]
    figures = []
    for held_out, count in (([], 3), (["--held-out", "1"], 1)):
        table = run(repository, "benchmarks/told.py", *asked, *held_out).splitlines()
        (row,) = [line for line in table if line.startswith("| gray-fast")]
        _, _, spec, images, noisy, *made, _ = (cell.strip() for cell in row.split("|"))
        assert (spec, int(images)) == ("gaussian:0.1", count)
        assert 19.5 < float(noisy) < 20.5
        assert len(made) == 3
        assert min(map(float, made)) > 30
        figures.append(made[0])
    assert figures[0] != figures[1]


def test_two_shots_of_one_scene_are_brought_to_the_same_place_and_brightness(repository, tmp_path):
    rng = np.random.default_rng(0)
    scene = 128 + 60 * ndimage.gaussian_filter(rng.standard_normal((200, 200, 3)), (2, 2, 0)) / 0.14
    noisy = ndimage.shift(scene, (0.3, -0.2, 0)) + 3 + rng.normal(0, 4, scene.shape)
    for name, pixels in (("noisy", noisy), ("clean", scene)):
        (tmp_path / "real" / name).mkdir(parents=True)
        stored = np.clip(np.rint(pixels[4:-4, 4:-4]), 0, 255).astype(np.uint8)
        Image.fromarray(stored).save(tmp_path / "real" / name / "one.png")
    options = ["--data", tmp_path, "--sets", "real", "--peers", "none", "--methods", "none"]
    options += ["--models", "photo-fast", "--out", tmp_path]
    found = []
    for more, named in (((), "own noise**"), (("--registered",), "own noise, registered**")):
        assert named in run(repository, "benchmarks/quality.py", *options, *more)
        (row,) = json.loads((tmp_path / "quality.json").read_text())["rows"]
        found.append(row["noisy_psnr"])
    only_noise = 20 * math.log10(255 / 4)
    assert found[0] < only_noise - 2
    assert found[1] == pytest.approx(only_noise, abs=0.15)


def test_speed_is_measured_and_drawn(repository, tmp_path):
    pytest.importorskip("matplotlib", reason="figures need the mnist extra")
    scores = {"psnr": 29.0, "ssim": 0.8}
    rows = [
        {"method": name, "set": "BSD68", "sigma": 25.0, "scores": [scores], "mean": scores,
         "megapixels_per_second": rate}
        for name, rate in (
            ("ruis gray", 1.0), ("BM3D", 0.05), ("ruis gray, told sigma", 1.0), ("DnCNN-S", 0.2)
        )
    ]  # fmt: skip
    (tmp_path / "quality.json").write_text(json.dumps({"rows": rows}))
    options = ["--quick", "--models", "gray", "--out", tmp_path]
    table = run(repository, "benchmarks/speed.py", *options, "--quality", tmp_path / "quality.json")
    figures = json.loads((tmp_path / "speed.json").read_text())
    assert {(one["name"], one["kind"]) for one in figures["rates"]} == {
        ("ruis gray", "array to array"), ("ruis gray", "network alone")
    }  # fmt: skip
    assert all(one["megapixels_per_second"] > 0 for one in figures["rates"])
    assert {one["output"] for one in figures["file_to_file"]} == {"JPEG", "PNG"}
    assert all(one["ratio"] > 1 for one in figures["file_to_file"])
    assert "Many small images" in table
    drawn = (tmp_path / "quality-and-speed-gray.svg").read_text()
    assert "ruis gray" in drawn
    assert "BM3D" in drawn
    assert "told sigma" not in drawn  # it is as fast as the blind one, and would hide it
    assert "DnCNN-S" not in drawn  # its rate beside the others' was not measured


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["tiff", "zarr"])
def test_large_files_are_measured(repository, tmp_path, kind):
    pytest.importorskip(kind.replace("tiff", "tifffile"), reason="Zarr needs the zarr extra")
    options = ["--megapixels", "4", "--kinds", kind, "--widths", "8", "--folder", tmp_path]
    command = [sys.executable, "benchmarks/large.py", *options, "--json", tmp_path / "large.json"]
    subprocess.run(command, cwd=repository, check=False)  # 1: so small a file has no good rate
    (row,) = json.loads((tmp_path / "large.json").read_text())["rows"]
    assert row["difference"] <= 1
    assert 0 < row["mebibytes"] < 1536
    assert row["rate"] > 0
    assert [one.name for one in tmp_path.iterdir()] == ["large.json"]


@pytest.mark.slow
def test_training_is_measured(repository, tmp_path):
    pytest.importorskip("keras", reason="learning needs the train extra")
    out = tmp_path / "training.json"
    run(repository, "benchmarks/training.py", "--tier", "fast", "--rounds", "1", "--json", out)
    assert json.loads(out.read_text())["ruis"] > 0


@pytest.mark.slow
def test_what_a_batch_costs_is_measured(repository, tmp_path):
    pytest.importorskip("distributed", reason="ruis batch needs the batch extra")
    out = tmp_path / "costs.json"
    options = ("--model", "tiny", "--images", "12", "--side", "64", "--json", out)
    run(repository, "benchmarks/batch.py", "--costs", *options)
    figures = json.loads(out.read_text())
    parts = [f"{part}_seconds_per_image" for part in ("read", "compute", "write")]
    assert all(figures[part] > 0 for part in parts)
    assert sum(figures[part] for part in parts) * 12 < 2 * figures["seconds"]


@pytest.mark.slow
def test_the_load_on_the_service_is_measured(repository, needs_serve, tmp_path):
    out = tmp_path / "load.json"
    options = ["--clients", "40", "--seconds", "3", "--largest", "128", "--json", out]
    run(repository, "benchmarks/load.py", *options, "--", "--queue", "4")
    figures = json.loads(out.read_text())["figures"]
    assert figures["accepted"] > 0
    assert figures["accepted_different"] == 0
    assert figures["refused"] > 0
    assert figures["refused_without_retry_after"] == 0
    assert figures["other_answers"] == {}


def test_learning_without_clean_images_is_measured(repository, shared_data, tmp_path):
    pytest.importorskip("keras", reason="learning needs the train extra")
    options = ["--data", shared_data, "--out", tmp_path, "--minutes", "0.05", "--images", "1"]
    options += ["--only", "documents", "--tier", "fast"]
    table = run(repository, "benchmarks/self_supervised.py", *options)
    (figures,) = json.loads((tmp_path / "figures.json").read_text())
    assert figures["images"] == 1
    assert f"| {figures['psnr']:.2f} |" in table
    excluded = (tmp_path / "documents.run" / "recipe.toml").read_text().count('.png"')
    assert excluded == 18
    other = {**figures, "case": "zero-shot"}  # what another run has found
    (tmp_path / "figures.json").write_text(json.dumps([other, figures]))
    assert run(repository, "benchmarks/self_supervised.py", *options) == table, "nothing is redone"
    assert json.loads((tmp_path / "figures.json").read_text()) == [other, figures]


@pytest.mark.parametrize("more", [[], ["--choose"]])
def test_what_is_done_beside_the_network_is_measured(repository, tmp_path, more):
    options = ("--rounds", "1", "--sides", "40", "--json", tmp_path / "beside.json", *more)
    assert "| 40x40, uint8 |" in run(repository, "benchmarks/beside.py", *options)
    rows = json.loads((tmp_path / "beside.json").read_text())
    assert len(rows) == 4
    assert all(row["beside"] > 0 and row["network"] > 0 for row in rows)


def test_all_benchmarks_are_gone_through_and_the_readme_is_written(repository, tmp_path):
    said = run(repository, "benchmarks/bench.py", "--quick", "--out", tmp_path,
               "--only", "demo", "budgets", "quality", "readme")  # fmt: skip
    assert "quality   left out: it needs --data" in said
    text = (tmp_path / "quick" / "readme.md").read_text()
    budgets = json.loads((tmp_path / "quick" / "budgets.json").read_text())["figures"]
    assert text.count("\n- ") + 1 == len(budgets)
    assert (tmp_path / "quick" / "images" / "before-after.png").is_file()


def test_the_readme_s_table_is_what_was_measured(repository, tmp_path):
    rows = [
        {"method": method, "set": name, "sigma": sigma, "noisy_psnr": 20.0, "skipped": None,
         "mebibytes": None, "told": 10.0 if method.startswith("FFDNet") else None,
         "scores": [{"image": str(number), "megapixels": 1.0, "psnr": psnr, "ssim": 0.8, "seconds": 0.5,
                     "noisy_psnr": psnr - 9} for number in range(count)]}
        for method, name, sigma, count, psnr in (
            ("BM3D", "BSD68", 25.0, 68, 28.62), ("BM3D", "BSD68", 15.0, 68, 31.1),
            ("ruis gray", "BSD68", 25.0, 68, 28.92), ("ruis white-color", "CBSD68", 25.0, 68, 30.94),
            ("ruis photo", "real", None, 40, 38.2), ("FFDNet colour", "real", None, 40, 38.1),
        )
    ]  # fmt: skip
    (tmp_path / "quality.json").write_text(json.dumps({"rows": rows}))
    (tmp_path / "middles").mkdir()
    (tmp_path / "middles" / "quality.json").write_text(json.dumps({"rows": rows[-2:]}))
    rates = [
        {"name": name, "kind": kind, "precision": precision, "channels": channels, "threads": threads,
         "megapixels_per_second": rate}
        for name, kind, precision, channels, threads, rate in (
            ("ruis gray", "array to array", "bf16", 1, 2, 6.0), ("ruis gray", "network alone", "bf16", 1, 2, 7.0),
            ("ruis gray", "array to array", "bf16", 1, 1, 3.5), ("ruis photo", "array to array", "bf16", 3, 2, 5.0),
            ("FFDNet", "same engine", "bf16", 1, 2, 2.0), ("FFDNet", "same engine", "f32", 1, 2, 1.5),
            ("FFDNet", "PyTorch", "f32", 1, 2, 0.5),
        )
    ]  # fmt: skip
    whole = {"model": "gray", "output": "PNG", "megapixels": 24.0, "seconds": 6.0, "ratio": 1.2}
    report = {"machine": "two processors", "rates": rates, "file_to_file": [whole]}
    (tmp_path / "speed.json").write_text(json.dumps(report))
    lines = run(repository, "benchmarks/readme.py", tmp_path).splitlines()
    assert "| BM3D | 28.62 |  | 0.5 |" in lines
    assert "| **ruis** | **28.92** | **30.94** | **0.5** |" in lines
    real = "40 pairs from real cameras: 20.00 dB as they came, 38.20 denoised, and the image that gained least +9.00 dB."
    assert f"On {real}" in lines
    assert f"On the middles of {real}" in lines
    told = "FFDNet colour, told the best single sigma, 10/255: 38.10 dB, and the image that gained least +9.00 dB."
    assert lines.count(told) == 2
    speed = "- ruis gray, bf16: 6 Mpx/s (3 times FFDNet, 12 times FFDNet, PyTorch float32)."
    assert [line for line in lines if "Mpx/s" in line] == [speed]
    assert "- gray, 24 Mpx, JPEG to PNG: 6 s, 1.2 times the network's own." in lines
    assert lines[-1] == "- All on two processors."
    assert "31.1" not in "".join(lines)


def famous_networks(data):
    """Weights that nobody taught, in the shapes of those of DnCNN-B and FFDNet, but narrow."""
    (data / "peers").mkdir()
    rng = np.random.default_rng(0)
    names = ("dncnn_b_gray", "ffdnet_gray", "cdncnn_b_color", "ffdnet_color")
    for name, ends in zip(names, ((1, 1), (5, 4), (3, 3), (13, 12)), strict=True):
        widths = (ends[0], 8, 8, ends[1])
        arrays = {}
        for number, (before, after) in enumerate(itertools.pairwise(widths)):
            arrays[f"w{number:02d}"] = rng.normal(0, 0.1, (after, before, 3, 3)).astype(np.float32)
            arrays[f"b{number:02d}"] = np.zeros(after, np.float32)
        np.savez(data / "peers" / f"{name}.npz", **arrays)


def test_our_speed_is_compared_with_that_of_the_famous_networks(repository, tmp_path):
    famous_networks(tmp_path)
    options = ["--quick", "--models", "gray-fast", "--precisions", "f32", "--data", tmp_path]
    table = run(repository, "benchmarks/speed.py", *options, "--out", tmp_path)
    rates = {
        (one["name"], one["kind"]): one["megapixels_per_second"]
        for one in json.loads((tmp_path / "speed.json").read_text())["rates"]
    }
    peers = [("DnCNN-B", "same engine"), ("FFDNet", "same engine")]
    assert {*peers} < {*rates}
    alone = rates["ruis gray-fast", "network alone"]
    ratios = [f"{alone / rates[peer]:.2f}" for peer in peers]
    assert f"| ruis gray-fast, network alone | f32 | {' | '.join(ratios)} |" in table


@pytest.mark.skipif(find_spec("torch") is not None, reason="this interpreter has PyTorch")
def test_an_interpreter_without_pytorch_is_named(repository, tmp_path):
    famous_networks(tmp_path)
    options = ["--quick", "--models", "gray-fast", "--data", tmp_path, "--torch", sys.executable]
    command = [sys.executable, "benchmarks/speed.py", *options, "--out", tmp_path / "out"]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"{sys.executable} cannot run DnCNN-B" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "asked",
    [
        ["quality.py", "--data", "NONE"],
        ["quality.py", "--data", "NONE", "--peers", "none", "--models", "nonesuch"],
        ["inspection.py", "--clean", "NONE"],
        ["camera.py", "--data", "NONE", "--noise", "nonesuch:3"],
        ["training.py", "--torch", "NONE"],
        ["bands.py", "--clean", "NONE", "--data", "NONE"],
        ["told.py", "--clean", "NONE"],
    ],
    ids=" ".join,
)
def test_a_mistake_is_told_in_a_sentence(repository, tmp_path, asked):
    script, *options = [str(tmp_path / "none") if one == "NONE" else one for one in asked]
    done = subprocess.run(
        [sys.executable, repository / "benchmarks" / script, *options],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode not in (0, None)
    assert "Traceback" not in done.stderr
    assert "none" in done.stderr
    assert done.stdout == ""


def test_simulated_cameras_are_held_against_real_ones(repository, shared_data):
    table = run(repository, "benchmarks/camera.py", "--data", shared_data, "--images", "2")
    rows = [line for line in table.splitlines() if "noise, % in DCT" in line]
    assert len(rows) == 2  # the real pairs', and the recipe's cameras'
    assert all(float(value) > 0 for row in rows for value in row.split()[-8:])


def test_what_an_inspection_finds_is_measured(repository, tmp_path):
    rng = np.random.default_rng(0)
    for number in range(2):
        smooth = ndimage.gaussian_filter(rng.uniform(0, 255, (128, 128)), 6)
        Image.fromarray(smooth.astype(np.uint8)).save(tmp_path / f"{number}.png")
    table = run(repository, "benchmarks/inspection.py", "--clean", tmp_path)
    assert "| white 25/255 | 100% within 10 %" in table
