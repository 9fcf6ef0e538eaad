"""The mean of a model and of what it was taught on to: what it learnt, and less of what it forgot.

    python tools/average.py before.ruis after.ruis --share 0.7 -o mean.ruis

To find the share that suits, evaluate several: no training is repeated for it. The recipe of the mean has the
share as `finetuned_share`, so that `ruis train` with it makes the mean by itself, and the card tells of it
(docs/decisions/0021).

Source: M. Wortsman et al., Robust fine-tuning of zero-shot models, 2022, arXiv:2109.01903.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ruis import model_file
from ruis.errors import ConfigError, RuisError
from ruis.model_file import ModelFile
from ruis.run import mixed


def average(before: ModelFile, after: ModelFile, share: float, path: Path) -> ModelFile:
    """Write the model whose weights are the mean of one's and of what it was taught on to.

    It is called as the latter; scores and calibration were another's, and go.

    Raises
    ------
    ConfigError
        If they are not of one network, or the latter did not begin as the former.
    """
    manifest = after.manifest
    begun = manifest.training.earlier == before.manifest.trainings
    if not begun or after.architecture != before.architecture:
        raise ConfigError(f"{after.name} was not taught on from that model: their mean is none.")
    learnt = share * manifest.training.recipe.get("finetuned_share", 1.0)
    recipe = {**manifest.training.recipe, "finetuned_share": learnt}
    training = manifest.training.model_copy(update={"recipe": recipe})
    changes = {"training": training, "scores": (), "calibration": None}
    weights = mixed(before.weights, after.weights, share)
    return model_file.save(path, manifest.model_copy(update=changes), weights)


def main() -> None:
    """Average what the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("before", type=Path, metavar="BEFORE.ruis")
    parser.add_argument("after", type=Path, metavar="AFTER.ruis")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="MODEL.ruis")
    parser.add_argument("--share", type=float, default=0.5, help="of AFTER; default: 0.5")
    given = parser.parse_args()
    if not 0 < given.share < 1:
        parser.error("--share lies between 0 and 1.")
    try:
        before, after = (model_file.load(path) for path in (given.before, given.after))
        made = average(before, after, given.share, given.output)
    except RuisError as error:
        parser.error(str(error))
    print(f"{given.output}: {given.share:.0%} of {given.after}, {made.sha256[:12]}")


if __name__ == "__main__":
    main()
