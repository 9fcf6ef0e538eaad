"""The mean of models that were taught on from one and the same model: what both learnt, less of their noise.

    python tools/average.py first.ruis second.ruis -o mean.ruis

Two processors teach two runs of one recipe, with different seeds, faster than they teach one; the mean
of the weights may do better than either, and does worse where blocks were added (docs/decisions/0022):
evaluate all three. The card of the mean tells of all the trainings.

Source: M. Wortsman et al., Model soups: averaging weights of multiple fine-tuned models improves
accuracy without increasing inference time, 2022, arXiv:2203.05482.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ruis import model_file
from ruis.errors import ConfigError, RuisError
from ruis.model_file import ModelFile


def average(models: Sequence[ModelFile], path: Path) -> ModelFile:
    """Write the model whose weights are the mean of those of two or more.

    It keeps the first one's name and recipe; scores and calibration were another's, and go.

    Raises
    ------
    ConfigError
        If they are not of one network, or did not begin as the same model.
    """
    first, *others = models
    taught = first.manifest.training
    if not taught.earlier or any(
        other.architecture != first.architecture
        or other.manifest.training.earlier != taught.earlier
        for other in others
    ):
        raise ConfigError("these models did not begin as one and the same: their mean is none.")
    weights = {
        name: np.mean([model.weights[name] for model in models], axis=0) for name in first.weights
    }
    beside = tuple(other.manifest.training.model_copy(update={"earlier": ()}) for other in others)
    training = taught.model_copy(update={"earlier": (*taught.earlier, *beside)})
    manifest = first.manifest.model_copy(
        update={"training": training, "scores": (), "calibration": None}
    )
    return model_file.save(path, manifest, weights)


def main() -> None:
    """Average what the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL.ruis")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="MODEL.ruis")
    given = parser.parse_args()
    if len(given.models) < 2:
        parser.error("a mean is of two models or more.")
    try:
        made = average([model_file.load(path) for path in given.models], given.output)
    except RuisError as error:
        parser.error(str(error))
    print(f"{given.output}: the mean of {len(given.models)}, {made.sha256[:12]}")


if __name__ == "__main__":
    main()
