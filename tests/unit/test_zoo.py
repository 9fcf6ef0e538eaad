from __future__ import annotations

from pathlib import Path

import pytest

from ruis import model_file, zoo
from ruis.errors import ModelCorruptError, ModelNotFoundError, UnknownNameError


@pytest.fixture
def shipped(small_model, tmp_path, monkeypatch) -> Path:
    """A zoo of one model, "tiny"."""
    import hashlib

    model = small_model()
    path = tmp_path / "tiny.ruis"
    model_file.save(path, model.manifest, model.weights)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(zoo, "SHIPPED", {"tiny": digest})
    monkeypatch.setattr(zoo, "FOLDER", tmp_path)
    return path


def test_a_shipped_model_is_found_by_name(shipped):
    assert zoo.path_of("tiny") == shipped
    assert zoo.find("tiny").name == "small"


def test_a_model_file_is_found_by_path(shipped, tmp_path):
    other = tmp_path / "other.ruis"
    other.write_bytes(shipped.read_bytes())
    assert zoo.find(other).name == zoo.find(str(other)).name == "small"


def test_a_file_that_is_not_the_one_that_shipped_is_refused(shipped):
    shipped.write_bytes(shipped.read_bytes() + b"x")
    with pytest.raises(ModelCorruptError, match="install ruis again"):
        zoo.find("tiny")


def test_neither_a_name_nor_a_file_suggests_the_nearest(shipped):
    with pytest.raises(ModelNotFoundError, match=r"tiny.*Did you mean 'tiny'"):
        zoo.find("tinny")
    with pytest.raises(UnknownNameError):
        zoo.path_of("tinny")


def test_a_name_wins_over_a_file_of_that_name(shipped, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("tiny").write_bytes(b"no model")
    assert zoo.find("tiny").name == "small"


@pytest.mark.parametrize(
    ("channels", "name"), [(1, "gray"), (3, "photo"), (2, "gray"), (5, "gray")]
)
def test_three_channels_are_colour(channels, name):
    assert zoo.suited(channels) == name


@pytest.mark.parametrize(
    ("tier", "names"),
    [
        ("auto", ["gray", "photo", "white-color"]),
        ("fast", ["gray-fast", "photo-fast", "white-color-fast"]),
        ("medium", ["gray-medium", "photo", "white-color-medium"]),
    ],
)
def test_a_tier_is_the_usual_one_where_no_other_ships(tier, names):
    kinds = [(1, True), (3, False), (3, True)]
    assert [zoo.suited(channels, white=white, tier=tier) for channels, white in kinds] == names


@pytest.mark.parametrize("name", sorted(zoo.SHIPPED))
def test_every_model_that_ships_can_be_used(name):
    model = zoo.find(name)
    assert model.name == name
    assert model.manifest.noise
    assert model.manifest.data
    assert model.card.startswith(f"# {name}")
