"""The mean of models that were taught on from one and the same model: what both learnt, less of their noise.

    python tools/average.py first.ruis second.ruis -o mean.ruis
    python tools/average.py before.ruis after.ruis --weights 3 7 -o mean.ruis

Two processors teach two runs of one recipe, with different seeds, faster than they teach one; the mean
of the weights may do better than either, and does worse where blocks were added (docs/decisions/0022):
evaluate all three. The card of the mean tells of all the trainings. So may the mean of a model and what
it was taught on to: a part of what it learnt for a smaller part of what it forgot (docs/decisions/0021).

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


def average(
    models: Sequence[ModelFile], path: Path, shares: Sequence[float] | None = None
) -> ModelFile:
    """Write the model whose weights are the mean of those of two or more.

    It keeps the first one's name and recipe, or, of a model and what it was taught on to, the latter's; scores and
    calibration were another's, and go.

    Raises
    ------
    ConfigError
        If they are not of one network, or neither did they begin as the same model nor one as the other.
    """
    begun = [model.manifest.training.earlier for model in models]
    siblings = bool(begun[0]) and all(one == begun[0] for one in begun)
    taught_on = len(models) == 2 and begun[1] == models[0].manifest.trainings
    alike = all(model.architecture == models[0].architecture for model in models)
    if not alike or not (siblings or taught_on):
        raise ConfigError("these models did not begin as one and the same: their mean is none.")
    weights = {
        name: np.average([model.weights[name] for model in models], axis=0, weights=shares)
        for name in models[0].weights
    }
    first, *others = models[1:] if taught_on else models
    taught = first.manifest.training
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
    parser.add_argument("--weights", nargs="+", type=float, metavar="W", help="default: all alike")
    given = parser.parse_args()
    if len(given.models) < 2:
        parser.error("a mean is of two models or more.")
    if given.weights and (len(given.weights) != len(given.models) or min(given.weights) <= 0):
        parser.error("--weights are as many as there are models, each above 0.")
    try:
        models = [model_file.load(path) for path in given.models]
        made = average(models, given.output, given.weights)
    except RuisError as error:
        parser.error(str(error))
    print(f"{given.output}: the mean of {len(given.models)}, {made.sha256[:12]}")


if __name__ == "__main__":
    main()
